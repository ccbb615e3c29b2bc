"""What stands before a call: an approval or a code; and what the call comes to."""

from typing import Any

import pytest

from shared.runner.gates import Approval, Gate
from shared.runner.prompts import (
    APPROVAL,
    CODE,
    DENIED,
    EXPIRED,
    FAILED,
    VERIFIED,
    Answer,
    Prompt,
    code_key,
    digest_of,
)
from shared.runner.waits import MAX_NOTE
from tests.runner.paper import Paper, reply, run
from tests.runner.parking import (
    ASK,
    BOTH,
    KNOWN,
    approved,
    host_of,
    parked,
    results,
    successor,
    taken_up,
)
from tests.runner.said import MadeTool, use


def asked(gate: Gate = ASK, **arguments: Any) -> tuple[Paper, Prompt, MadeTool]:
    """A call of `refund` with this gate, which waits."""
    host, tool = host_of(use("refund", **arguments)), MadeTool("refund")
    parked(host, tool, gates={"refund": gate})
    return host, host.prompts[-1], tool


def told(host: Paper, tool: MadeTool, prompt: Prompt, given: Answer, gate: Gate = ASK) -> Any:
    """The result of the call after this answer."""
    other, events = taken_up(host, tool, answers={prompt.key: given}, gates={"refund": gate})
    assert other.prompts == []
    assert reply(events).said == "Done"
    return results(events)["1-0"]


# -- approvals --------------------------------------------------------------------------------


def test_what_is_asked_about_a_call() -> None:
    tool = MadeTool("refund", description="Refunds an order. Be careful.")
    tool.parameters = {
        "type": "object",
        "properties": {"pin": {"type": "string", "format": "password"}},
    }
    host = host_of(use("refund", order="42", pin="1234"))
    gate = Gate(approval=Approval(seconds=60, roles=frozenset({"lead"})))
    parked(host, tool, gates={"refund": gate})
    (prompt,) = host.prompts
    assert (prompt.kind, prompt.key, prompt.seconds) == (APPROVAL, "1-0", 60)
    assert prompt.roles == {"lead"}
    assert prompt.call.arguments == {"order": "42", "pin": "1234"}
    assert prompt.digest == digest_of(prompt.call)
    assert prompt.content == {
        "description": 'Refunds an order. Be careful. refund(order: "42", pin: "[redacted]")',
        "arguments": {"order": "42", "pin": "[redacted]"},
    }
    assert tool.calls == []


def test_what_was_approved_is_called_with_what_the_model_said() -> None:
    host, prompt, tool = asked(order="42", password="hunter2")
    assert told(host, tool, prompt, approved(prompt)) == ("found", False)
    assert tool.calls == [{"order": "42", "password": "hunter2"}]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (Answer(what=DENIED), "The person who was asked about this call declined it."),
        (
            Answer(what=DENIED, note="Too much."),
            "The person who was asked about this call declined it. The note with it: Too much.",
        ),
        (Answer(what=EXPIRED), "Nobody decided about this call in time."),
        (Answer(what=EXPIRED, note="x"), "Nobody decided about this call in time."),
        (Answer(what="approved", digest="0" * 32), "What was approved is not this call."),
        (Answer(what="approved"), "What was approved is not this call."),
        (Answer(what="nonsense"), "The person who was asked about this call declined it."),
    ],
)
def test_what_was_not_approved_is_not_called(given: Answer, said: str) -> None:
    host, prompt, tool = asked()
    assert told(host, tool, prompt, given) == (f"Not called. {said}", True)
    assert tool.calls == []


def test_of_a_long_note_the_model_is_told_the_beginning() -> None:
    host, prompt, tool = asked()
    said, _ = told(host, tool, prompt, Answer(what=DENIED, note="n" * (MAX_NOTE + 1)))
    assert said.count("n" * MAX_NOTE) == 1
    assert "n" * (MAX_NOTE + 1) not in said


def test_an_approval_of_other_arguments_is_none() -> None:
    _, other, _ = asked(order="41")
    host, prompt, tool = asked(order="42")
    said, is_error = told(host, tool, prompt, approved(other))
    assert (said, is_error) == ("Not called. What was approved is not this call.", True)
    assert tool.calls == []


# -- codes ------------------------------------------------------------------------------------


def test_a_user_who_is_known_is_not_asked() -> None:
    host, tool = host_of(use("refund")), MadeTool("refund")
    host.is_known = True
    events = run(host, tool, gates={"refund": KNOWN})
    assert (results(events), host.prompts) == ({"1-0": ("found", False)}, [])


def test_somebody_unknown_is_sent_a_code() -> None:
    _, prompt, tool = asked(KNOWN, order="42")
    assert (prompt.kind, prompt.key) == (CODE, "1-0-code")
    assert prompt.key == code_key(prompt.call)
    assert prompt.content == {"description": 'Looks something up. refund(order: "42")'}
    assert tool.calls == []


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (VERIFIED, ("found", False)),
        (
            EXPIRED,
            ("Not called. The user did not enter the code that was sent to them in time.", True),
        ),
        (
            FAILED,
            ("Not called. The user could not be verified: the code was wrong too often.", True),
        ),
    ],
)
def test_what_comes_of_a_code(what: str, said: tuple[str, bool]) -> None:
    host, prompt, tool = asked(KNOWN)
    assert told(host, tool, prompt, Answer(what=what), KNOWN) == said
    assert len(tool.calls) == (what == VERIFIED)


def test_where_no_code_can_be_sent_the_model_is_told_why() -> None:
    host, tool = host_of(use("refund")), MadeTool("refund")
    host.no_code = "No address is known."
    events = run(host, tool, gates={"refund": BOTH})
    assert results(events) == {"1-0": ("Not called. No address is known.", True)}
    assert (host.prompts, tool.calls) == ([], [])


def test_a_code_comes_before_the_approval() -> None:
    host, code, tool = asked(BOTH)
    assert code.kind == CODE
    host.answers[code.key] = Answer(what=VERIFIED)
    again = successor(host)
    parked(again, tool, gates={"refund": BOTH}, progress=tuple(host.notes))
    (approval,) = again.prompts
    assert (approval.kind, approval.key) == (APPROVAL, "1-0")
    assert told(again, tool, approval, approved(approval), BOTH) == ("found", False)


def test_nobody_approves_what_somebody_unknown_wants() -> None:
    host, code, tool = asked(BOTH)
    said, is_error = told(host, tool, code, Answer(what=FAILED), BOTH)
    assert is_error
    assert "could not be verified" in said


def test_the_address_that_was_verified_is_known_to_the_call_that_needs_it() -> None:
    """Also when another worker makes it than the one that had asked; and to no other call."""
    host, tool, plain = host_of(use("refund"), use("look_up")), MadeTool("refund"), MadeTool()
    parked(host, tool, plain, gates={"refund": KNOWN})
    host.is_known = True
    answers = {host.prompts[-1].key: Answer(what=VERIFIED)}
    taken_up(host, tool, plain, answers=answers, gates={"refund": KNOWN})
    assert [context.verified_email for context in tool.contexts] == ["ann@example.com"]
    assert [context.verified_email for context in plain.contexts] == [None]

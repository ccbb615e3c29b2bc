"""Prompts as they are kept, shown, told again and described."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.conversations import prompts
from shared.conversations.prompts import parts_of, prompt_id
from shared.errors import NotFound
from shared.identity.principal import Principal
from shared.mailbox.box import Job
from shared.protocol.replies import iso_time
from shared.runner.batch import Call
from shared.runner.describing import described_call, shown_arguments
from shared.runner.prompts import APPROVAL, CODE, INTERACTION, Prompt, code_key, digest_of
from tests.conversations.pieces import ANNA, SERVICE, pieces_in
from tests.runner.said import MadeTool

AT, UNTIL = 1_700_000_000_000, 1_700_000_300_000
SPEC = {"fields": [{"key": "email", "required": True}]}
FORM = {"kind": "identity_intake", "spec": SPEC, "reason": "To find you."}
SENT = {"channel": "email", "destination": "a***@x.example", "description": "Refund 42."}
SECRET = {"code": "salt.digest", "address": "anna@x.example"}
TOOL = MadeTool("refund", description="Refunds an order.")


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    with pieces_in(tmp_path) as pieces:
        yield pieces.ask(pieces.session(), "r1")


def asked(kind: Any, content: Any, **more: Any) -> Prompt:
    call = Call("1-0", "toolu_1", "refund", {"order": "42", "password": "hunter2"})
    key = code_key(call) if kind == CODE else call.key
    return Prompt(kind=kind, key=key, call=call, digest=digest_of(call), content=content, **more)


def approval(arguments: Any = None, **more: Any) -> Prompt:
    arguments = arguments if arguments is not None else {"order": "42", "password": "hunter2"}
    content = {
        "description": described_call(TOOL, arguments),
        "arguments": shown_arguments(TOOL, arguments),
    }
    return asked(APPROVAL, content, **more)


def kept(job: Job, prompt: Prompt) -> Any:
    """The prompt as it comes back from the store."""
    stored = prompts.stored(job, prompt, at=AT, seconds=300.0)
    return json.loads(json.dumps(stored))


# -- as they are kept -------------------------------------------------------------------------


def test_what_is_kept_of_a_prompt(job: Job) -> None:
    prompt = approval(roles=frozenset({"lead", "boss"}))
    known = prompt_id(job.key.id, job.ref, APPROVAL, "1-0", prompt.digest)
    assert kept(job, prompt) == {
        "kind": "approval",
        "id": known,
        "key": "1-0",
        "call": "1-0",
        "tool": "refund",
        "digest": prompt.digest,
        "arguments": '{"order": "42", "password": "[redacted]"}',
        "content": prompt.content,
        "seconds": 300.0,
        "roles": ["boss", "lead"],
        "owner": "anna",
        "may_decide": False,
        "at": AT,
    }


def test_an_id_says_what_it_answers(job: Job) -> None:
    for kind in (APPROVAL, INTERACTION, CODE):
        known = prompt_id(job.key.id, job.ref, kind, "1-0", "d" * 32)
        assert parts_of(kind, known) == (job.key.id, job.ref, "1-0", "d" * 32)
        for other in {APPROVAL, INTERACTION, CODE} - {kind}:
            with pytest.raises(NotFound):
                parts_of(other, known)


@pytest.mark.parametrize("known", ["", "approval", "approval_", "approval_e30", "turn_x", "\u00e4"])
def test_what_is_no_id(known: str) -> None:
    with pytest.raises(NotFound):
        parts_of(APPROVAL, known)


@pytest.mark.parametrize(("ref", "key"), [("META", "1-0"), ("TURN#s#r", "x" * 65)])
def test_an_id_that_nobody_was_given(ref: str, key: str) -> None:
    with pytest.raises(NotFound):
        parts_of(APPROVAL, prompt_id("c", ref, APPROVAL, key, "d"))


@pytest.mark.parametrize(
    ("principal", "more", "owner"),
    [
        (ANNA, {}, "anna"),
        (ANNA, {"for": "ben"}, "anna"),
        (SERVICE, {}, "backend"),
        (SERVICE, {"for": "ben"}, "ben"),
    ],
)
def test_who_is_asked(principal: Principal, more: dict[str, str], owner: str) -> None:
    assert prompts.asker({"principal": principal.to_dict(), **more}) == owner


@pytest.mark.parametrize(
    ("attrs", "body", "waits"),
    [
        ({}, {}, True),
        ({"decisions": {"1-0": {"what": "approved"}}}, {}, False),
        ({"decisions": {"0-0": {"what": "approved"}}}, {}, True),
        ({"pending": {"call": "3-0", "hash": "d"}}, {}, False),
        ({"pending": None}, {}, False),
        ({"state": "done"}, {}, False),
        ({"stop": {"who": "anna"}}, {}, False),
        ({}, {"prompt": None}, False),
    ],
)
def test_what_a_job_waits_for(job: Job, attrs: Any, body: Any, waits: bool) -> None:
    prompt = kept(job, approval())
    parked = {**job.attrs, "pending": {"call": "1-0", "hash": "d"}, **attrs}
    found = prompts.prompt_of(Job(job.key, job.ref, parked, {**job.body, "prompt": prompt, **body}))
    assert found == (prompt if waits else None)


# -- as they are told -------------------------------------------------------------------------


def test_a_confirmation_is_shown_with_its_call(job: Job) -> None:
    prompt = kept(job, approval())
    required, chunk = prompts.shown(job, prompt, UNTIL)
    assert required["type"] == "write_confirmation_required"
    assert (required["requestId"], required["timestamp"]) == ("r1", AT)
    description = 'Refunds an order. refund(order: "42", password: "[redacted]")'
    assert required["data"]["data"] == {"toolId": "refund", "actionDescription": description}
    confirmation = {
        "approvalId": prompt["id"],
        "toolId": "refund",
        "arguments": {"order": "42", "password": "[redacted]"},
        "expiresAt": iso_time(UNTIL),
        "mayDecide": True,
    }
    call = {"id": "1-0", "name": "refund", "arguments": '{"order": "42", "password": "[redacted]"}'}
    assert chunk["data"]["state"] == {
        "rawResponse": {"toolCall": call},
        "pendingWriteConfirmation": confirmation,
    }
    assert prompts.resumed(job, prompt, UNTIL) == {
        **required,
        "pendingWriteConfirmation": confirmation,
    }
    assert prompts.described(prompt, UNTIL) == {
        "kind": "approval",
        "tool": "refund",
        "approval_id": prompt["id"],
        "description": description,
        "arguments": confirmation["arguments"],
        "roles": [],
        "expires_at": iso_time(UNTIL),
    }


def test_whoever_may_not_decide_is_told_who_does(job: Job) -> None:
    prompt = kept(job, approval(roles=frozenset({"lead", "boss"})))
    _, chunk = prompts.shown(job, prompt, UNTIL)
    told = chunk["data"]["state"]["pendingWriteConfirmation"]
    assert (told["mayDecide"], told["roles"]) == (False, ["boss", "lead"])
    assert prompts.described(prompt, UNTIL)["roles"] == ["boss", "lead"]


def test_a_form_is_shown_with_its_call(job: Job) -> None:
    prompt = kept(job, asked(INTERACTION, FORM))
    required, chunk = prompts.shown(job, prompt, UNTIL)
    assert required["type"] == "interaction_required"
    assert required["data"]["data"] == {"interactionId": prompt["id"], **FORM}
    assert chunk["data"]["state"].keys() == {"rawResponse"}
    assert prompts.resumed(job, prompt, UNTIL) == {**required, "expiresAt": iso_time(UNTIL)}
    assert prompts.described(prompt, UNTIL) == {
        "kind": "identity_intake",
        "tool": "refund",
        "interaction_id": prompt["id"],
        "spec": SPEC,
        "reason": "To find you.",
        "expires_at": iso_time(UNTIL),
    }


def test_a_code_is_asked_for_and_told_to_be_sent(job: Job) -> None:
    prompt = kept(job, asked(CODE, {**SENT, **SECRET}))
    required, sent = prompts.shown(job, prompt, UNTIL)
    assert [required["type"], sent["type"]] == ["otp_verification_required", "otp_sent"]
    destination = {"channel": "email", "maskedDestination": "a***@x.example"}
    assert sent["data"]["data"] == destination
    told = prompts.resumed(job, prompt, UNTIL)
    assert told == {**required, "sent": destination, "expiresAt": iso_time(UNTIL)}
    assert prompts.described(prompt, UNTIL) == {
        "kind": "code",
        "tool": "refund",
        "channel": "email",
        "destination": "a***@x.example",
        "expires_at": iso_time(UNTIL),
    }


def test_nobody_is_shown_the_address_the_code_or_its_hash(job: Job) -> None:
    prompt = kept(job, asked(CODE, {**SENT, **SECRET}))
    everything = [
        *prompts.shown(job, prompt, UNTIL),
        prompts.resumed(job, prompt, UNTIL),
        prompts.described(prompt, UNTIL),
    ]
    for secret in (*SECRET.values(), "hunter2"):
        assert secret not in json.dumps(everything)


def test_before_it_was_shown_a_prompt_has_no_end(job: Job) -> None:
    for prompt in (approval(), asked(INTERACTION, FORM), asked(CODE, {**SENT, **SECRET})):
        assert prompts.described(kept(job, prompt), None)["expires_at"] is None

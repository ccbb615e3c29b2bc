"""The Runner's contract: what a turn yields, and what a session remembers."""

from dataclasses import replace
from typing import Any

import pytest

from shared.errors import NotFound, ParleyError, ValidationError
from shared.models.port import Usage
from shared.models.prices import Prices
from shared.protocol.fields import MAX_MESSAGE_CHARACTERS
from shared.runner.events import Delta, Reasoning, Reply, ToolEnded, ToolStarted
from shared.runner.port import MAX_SESSION_ID
from tests.contracts.runner_stage import ANN, BOB, ELSEWHERE, Open, reply, without_reasoning
from tests.contracts.runner_tools import MODEL, OPENED, OTHER_MODEL, QUOTED, SKILL

HALF = "half \ud83d"
REFUSED: list[tuple[str, str, dict[str, Any], str, str | None]] = [
    ("s", "", {}, "VALIDATION_ERROR", "message"),
    ("s", " \n", {}, "VALIDATION_ERROR", "message"),
    ("s", "x" * (MAX_MESSAGE_CHARACTERS + 1), {}, "VALIDATION_ERROR", "message"),
    ("s", HALF, {}, "VALIDATION_ERROR", "message"),
    (" ", "hi", {}, "VALIDATION_ERROR", "session_id"),
    ("x" * (MAX_SESSION_ID + 1), "hi", {}, "VALIDATION_ERROR", "session_id"),
    (HALF, "hi", {}, "VALIDATION_ERROR", "session_id"),
    ("s", "hi", {"model": "gpt"}, "VALIDATION_ERROR", "model"),
    ("s", "hi", {"model": ""}, "VALIDATION_ERROR", "model"),
    ("s", "hi", {"skill": "juggling"}, "SKILL_NOT_FOUND", None),
]
"""Session, message, options; the error's code, and the field that it names."""


class TurnsContract:
    def test_a_turn_ends_with_its_reply(self, opened: Open) -> None:
        with opened() as stage:
            said = stage.say("hello there")
        tokens = Usage(input_tokens=10, output_tokens=4)
        usage = replace(tokens, cost_nano_usd=Prices.load().cost_nano_usd(MODEL, tokens))
        assert usage.cost_nano_usd
        text = "You said: hello there"
        assert said == Reply(text=text, said=text, usage=usage, stop_reason="end_turn")

    def test_nothing_happens_before_the_first_event_is_asked_for(self, opened: Open) -> None:
        with opened() as stage:
            stage.runner.run("s", "lost", principal=ANN)
            stage.say("hello")
            assert stage.words() == ["hello"]

    def test_a_tool_is_called_between_two_replies(self, opened: Open) -> None:
        with opened() as stage:
            events = list(stage.runner.run("s", "use look_up owl", principal=ANN))
            said = reply(events)
            assert said.text == "Let me see.\n\nIt says: owl, for ann of acme"
            assert said.said == "It says: owl, for ann of acme"
            assert (said.usage.input_tokens, said.stop_reason) == (20, "end_turn")
            kinds = [type(event) for event in without_reasoning(events)]
            first = kinds.index(ToolStarted)
            assert set(kinds[:first]) == {Delta}
            assert kinds[first : first + 2] == [ToolStarted, ToolEnded]
            assert set(kinds[first + 2 : -1]) == {Delta}
            started, ended = events[first : first + 2]
            assert isinstance(started, ToolStarted)
            assert isinstance(ended, ToolEnded)
            assert (started.tool, started.arguments) == ("look_up", {"word": "owl"})
            outcome = (ended.call, ended.tool, ended.content, ended.is_error)
            assert outcome == (started.call, "look_up", "owl, for ann of acme", False)

    @pytest.mark.parametrize(
        ("tool", "told"),
        [("look_up", "Not called. "), ("juggle", "There is no tool juggle.")],
    )
    def test_a_call_that_cannot_be_made_is_told_to_the_model(
        self, opened: Open, tool: str, told: str
    ) -> None:
        with opened() as stage:
            events = list(stage.runner.run("s", f"misuse {tool}", principal=ANN))
            started, ended = (e for e in events if isinstance(e, ToolStarted | ToolEnded))
            assert isinstance(ended, ToolEnded)
            assert (started.call, ended.is_error) == (ended.call, True)
            assert ended.content.startswith(told)
            assert reply(events).text == f"It says: {ended.content}"

    def test_what_goes_with_a_result_comes_with_the_reply(self, opened: Open) -> None:
        with opened() as stage:
            reply = stage.say("use quote birds")
            assert reply.text == "Let me see.\n\nIt says: birds: Owls see."
            assert [dict(each) for each in reply.citations] == [QUOTED]
            assert reply.directive == OPENED
            assert reply.escalation == "It is torn."
            after = stage.say("and now?")
            assert (after.citations, after.directive, after.escalation) == ((), None, None)

    def test_calls_and_their_results_are_remembered(self, opened: Open) -> None:
        with opened() as stage:
            stage.say("use look_up owl")
            stage.say("and now?")
            question, call, outcome, said, last = stage.words()
            assert (question, last) == ("use look_up owl", "and now?")
            assert [block["type"] for block in call] == ["text", "tool_use"]
            assert outcome[0]["content"] == "owl, for ann of acme"
            assert said == "It says: owl, for ann of acme"

    def test_what_the_model_thinks_is_no_part_of_the_answer(self, opened: Open) -> None:
        with opened() as stage:
            events = list(stage.runner.run("s", "think owls", principal=ANN))
            assert reply(events).text == "Thought of owls"
            thoughts = "".join(event.text for event in events if isinstance(event, Reasoning))
            # Only what is noted can be followed from afar, and thoughts are not.
            assert thoughts in ("Hmm.", "")

    def test_suggestions_are_no_part_of_the_answer(self, opened: Open) -> None:
        with opened() as stage:
            said = stage.say("suggest That one")
            assert (said.text, said.suggestions) == ("Which one?", ("That one",))

    def test_the_reply_says_why_the_model_stopped(self, opened: Open) -> None:
        with opened() as stage:
            said = stage.say("ramble")
            assert (said.text, said.stop_reason) == ("On and on", "max_tokens")

    def test_a_session_remembers(self, opened: Open) -> None:
        with opened() as stage:
            for text in ("one", "two", "three"):
                stage.say(text)
            told = ["one", "You said: one", "two", "You said: two", "three"]
            assert stage.words() == told
            stage.say("four", "another session")
            assert stage.words() == ["four"]

    def test_a_session_belongs_to_its_user(self, opened: Open) -> None:
        with opened() as stage:
            for who in (ANN, BOB, ELSEWHERE):
                stage.say(f"I am {who.user} of {who.tenant}", who=who)
                assert stage.words() == [f"I am {who.user} of {who.tenant}"]
            stage.say("me again", who=BOB)
            assert stage.words()[0] == "I am bob of acme"
            assert len(stage.asked()) == 3

    def test_ids_of_sessions_are_any_text(self, opened: Open) -> None:
        ids = ["a#b", "a", "#", "ä/%23", "x" * MAX_SESSION_ID, "new\nline"]
        with opened() as stage:
            for session in ids:
                stage.say(f"hello {session!r}", session)
                assert len(stage.asked()) == 1

    def test_another_model_for_one_turn(self, opened: Open) -> None:
        with opened() as stage:
            stage.say("hello", model=OTHER_MODEL)
            stage.say("hello")
            assert [each["model"] for each in stage.api.requests] == [OTHER_MODEL, MODEL]

    def test_a_skill_for_one_turn(self, opened: Open) -> None:
        with opened() as stage:
            stage.say("hello", skill=SKILL)
            stage.say("hello")
            skilled, plain = (len(each["system"]) for each in stage.api.requests)
            assert skilled > plain

    def test_what_cannot_be_asked_is_refused(self, opened: Open) -> None:
        with opened() as stage:
            for session, message, more, code, field in REFUSED:
                with pytest.raises(ParleyError) as refused:
                    reply(list(stage.runner.run(session, message, principal=ANN, **more)))
                assert refused.type is (ValidationError if field else NotFound)
                assert refused.value.error_code == code
                assert refused.value.details.get("field") == field
                assert HALF not in str(refused.value.__context__)
            assert stage.api.requests == []
            stage.say("hello")
            assert stage.words() == ["hello"]

    def test_the_longest_message(self, opened: Open) -> None:
        with opened() as stage:
            stage.say("x" * MAX_MESSAGE_CHARACTERS)
            assert stage.words() == ["x" * MAX_MESSAGE_CHARACTERS]

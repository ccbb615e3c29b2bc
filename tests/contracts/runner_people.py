"""The Runner's contract: turns that ask people."""

from shared.runner.events import Delta, ToolEnded, ToolStarted
from tests.contracts.runner_stage import ANN, Open, reply, without_reasoning
from tests.support.manual_clock import PATIENCE

RING = 'Ring a bell. It is loud. ring(bell: "tubular")'
DECLINED = "Not called. The person who was asked about this call declined it."


class PeopleContract:
    def test_a_call_that_is_approved_is_made(self, opened: Open) -> None:
        with opened() as stage:
            told = stage.people(True)
            events = list(stage.runner.run("s", "use ring tubular", principal=ANN))
            assert told.result(PATIENCE) == RING
            assert reply(events).text == "Let me see.\n\nIt says: tubular rings"
            kinds = [type(event) for event in without_reasoning(events)]
            assert kinds.count(ToolStarted) == kinds.count(ToolEnded) == 1
            assert kinds.index(ToolStarted) < kinds.index(ToolEnded)

    def test_a_call_that_is_declined_is_not_made(self, opened: Open) -> None:
        with opened() as stage:
            stage.people(False)
            events = list(stage.runner.run("s", "use ring tubular", principal=ANN))
            (ended,) = [event for event in events if isinstance(event, ToolEnded)]
            assert (ended.content, ended.is_error) == (DECLINED, True)
            assert reply(events).text == f"Let me see.\n\nIt says: {DECLINED}"
            # The session goes on as any other.
            assert stage.say("hello").text == "You said: hello"

    def test_each_call_is_decided(self, opened: Open) -> None:
        with opened() as stage:
            for approved, said in ((True, "tubular rings"), (False, DECLINED)):
                stage.people(approved)
                assert stage.say("use ring tubular").said == f"It says: {said}"

    def test_a_turn_ends_with_a_question_and_the_next_message_answers_it(
        self, opened: Open
    ) -> None:
        with opened() as stage:
            events = list(stage.runner.run("s", "ask When?", principal=ANN))
            asked = reply(events)
            assert (asked.text, asked.said, asked.asks) == ("I wonder.\n\nWhen?", "", "When?")
            assert asked.stop_reason == "tool_use"
            assert not any(isinstance(event, ToolEnded) for event in events)
            assert isinstance(without_reasoning(events)[-2], Delta)

            answered = stage.say("Today")
            assert (answered.text, answered.asks) == ("It says: Today", None)
            assert stage.say("hello").text == "You said: hello"
            first, call, given, said, last = stage.words()
            assert (first, said, last) == ("ask When?", "It says: Today", "hello")
            assert call[-1]["name"] == "request_user_input"
            assert [block["tool_use_id"] for block in given] == [call[-1]["id"]]

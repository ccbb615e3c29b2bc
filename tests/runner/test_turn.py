"""One turn: replies, steps and the end."""

import base64
from typing import Any

import pytest

from shared.errors import TurnFailed
from shared.models.port import Completed, ModelError, ReasoningDelta, TextDelta, Usage
from shared.runner.background import Background
from shared.runner.events import Delta, Reasoning, Reply, Restarted, ToolEnded, ToolStarted
from shared.runner.pictures import Picture
from shared.runner.suggestions import CLOSING, OPENING
from tests.runner.paper import Enough, Paper, reply, run, turn
from tests.runner.said import COST, MadeTool, SaidModel, answer, text, use
from tests.support.pictures import gif

HIGH, LOW = "\ud83e", "\udd89"


def cut(code: str = "LLM_UNAVAILABLE", *, retryable: bool = True) -> ModelError:
    return ModelError("cut", code=code, retryable=retryable, usage=Usage(1, cost_nano_usd=5))


def test_a_plain_turn_says_what_the_model_says() -> None:
    host = Paper(SaidModel(answer("Hello")))
    assert run(host) == [
        Delta("Hel"),
        Delta("lo"),
        Reply(text="Hello", said="Hello", usage=COST, stop_reason="end_turn"),
    ]
    assert host.steps == []


def test_reasoning_is_told_and_is_no_part_of_the_answer() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    said = [ReasoningDelta("h"), ReasoningDelta("m"), *answer(thought, "Yes")]
    events = run(Paper(SaidModel(said)))
    assert events[:2] == [Reasoning("h"), Reasoning("m")]
    assert reply(events[2:]).text == "Yes"


def test_a_call_is_noted_made_and_answered() -> None:
    model = SaidModel(answer("I look.", use("look_up", word="owl")), answer("Found it."))
    host, tool = Paper(model), MadeTool(work=lambda word: f"{word}: a bird")
    events = run(host, tool)
    assert events == [
        Delta("I l"),
        Delta("ook"),
        Delta("."),
        ToolStarted("1-0", "look_up", {"word": "owl"}),
        ToolEnded("1-0", "look_up", "owl: a bird", is_error=False),
        Delta("\n\nFou"),
        Delta("nd "),
        Delta("it."),
        Reply(
            text="I look.\n\nFound it.",
            said="Found it.",
            usage=COST + COST,
            stop_reason="end_turn",
        ),
    ]
    assert host.steps == [("reply", "I look."), ("begin", "1-0"), ("result", "1-0")]
    assert tool.contexts[0].idempotency_key == "turn.1-0"
    found = {"type": "tool_result", "tool_use_id": "toolu_look_up", "content": "owl: a bird"}
    assert model.last[-1] == {"role": "user", "content": [found]}


def test_replies_of_white_space_say_nothing() -> None:
    model = SaidModel(
        answer(use("look_up")), answer("\n\n", use("look_up")), answer("\nA"), answer("B")
    )
    assert reply(run(Paper(model), MadeTool())).text == "\nA"


@pytest.mark.parametrize(
    ("first", "second", "whole"),
    [
        ("A.", "B.", "A.\n\nB."),
        ("A.\n\n", "B.", "A.\n\nB."),
        ("A.", "\n\nB.", "A.\n\nB."),
        ("A.\n", "\nB.", "A.\n\n\n\nB."),
        (" ", "B.", "B."),
    ],
)
def test_what_two_replies_say_is_set_apart(first: str, second: str, whole: str) -> None:
    model = SaidModel(answer(first, use("look_up")), answer(second))
    assert reply(run(Paper(model), MadeTool())).text == whole


def test_a_name_that_the_model_made_up_can_be_repeated() -> None:
    model = SaidModel(answer(use("look up: ü" + "x" * 99)), answer("Done"))
    host = Paper(model)
    run(host, MadeTool())
    name = host.notes[0]["content"][0]["name"]
    assert name == ("look_up___" + "x" * 99)[:64]
    assert model.last[1]["content"][0]["name"] == name


def test_calls_of_one_reply_have_different_ids_that_can_be_repeated() -> None:
    calls = [use("look_up", "a b"), use("look_up", "a b"), use("look_up", "")]
    calls[2]["id"] = ""
    model = SaidModel(answer(*calls), answer("Done"))
    run(Paper(model), MadeTool())
    asked = [block["id"] for block in model.last[1]["content"]]
    results = sorted(block["tool_use_id"] for block in model.last[2]["content"])
    assert (asked, results) == (["a_b", "a_b_", "_"], ["_", "a_b", "a_b_"])


def test_the_same_id_in_two_replies_is_two_calls() -> None:
    model = SaidModel(answer(use("look_up", "x")), answer(use("look_up", "x")), answer("Done"))
    host, tool = Paper(model), MadeTool()
    reply(run(host, tool))
    assert [context.call for context in tool.contexts] == ["1-0", "3-0"]


def test_what_it_cost_is_the_sum_of_all_replies_and_of_what_broke() -> None:
    broken = [TextDelta("a"), cut()]
    model = SaidModel(broken, answer(use("look_up")), answer("Done"))
    assert reply_of(run(Paper(model), MadeTool())).usage == Usage(21, 4, cost_nano_usd=2005)


def reply_of(events: Any) -> Reply:
    (last,) = [event for event in events if isinstance(event, Reply)]
    return last


# -- a stream that breaks -----------------------------------------------------------------------


def test_a_reply_that_broke_off_is_said_anew_from_where_the_answer_stands() -> None:
    model = SaidModel(
        answer("I look.", use("look_up")), [TextDelta("Fou"), cut()], answer("Here it is.")
    )
    events = run(Paper(model), MadeTool())
    at = events.index(Restarted(len("I look.")))
    assert events[at - 1] == Delta("\n\nFou")
    said = "".join(event.text for event in events[at:] if isinstance(event, Delta))
    assert reply_of(events).text == "I look." + said == "I look.\n\nHere it is."
    assert model.requests[1] == model.requests[2]


def test_when_only_thoughts_were_shown_the_answer_is_whole() -> None:
    events = run(Paper(SaidModel([ReasoningDelta("hm"), cut()], answer("Yes"))))
    assert events[0] == Reasoning("hm")
    assert reply(events[1:]).text == "Yes"


def test_a_worker_that_gives_up_after_a_broken_reply_says_that_it_cut_something() -> None:
    host = Paper(SaidModel([TextDelta("Hel"), cut()], answer("Hello")))
    run(host)
    assert [entry for entry in host.diary if entry[1] == 60] == [
        ("ready", 60, False),
        ("ready", 60, True),
    ]


def test_it_gives_up_after_three_broken_streams() -> None:
    model = SaidModel(*[[TextDelta("a"), cut()]] * 3)
    running = turn(Paper(model))
    with pytest.raises(ModelError):
        list(running.run())
    assert len(model.requests) == 3
    assert running.spent == Usage(3, cost_nano_usd=15)


@pytest.mark.parametrize("fault", [cut(retryable=False), cut("MODEL_REFUSED", retryable=False)])
def test_what_will_not_pass_is_not_tried_again(fault: ModelError) -> None:
    with pytest.raises(ModelError):
        run(Paper(SaidModel([TextDelta("a"), fault])))


def test_what_broke_before_its_first_word_is_the_model_ports_business() -> None:
    with pytest.raises(ModelError):
        run(Paper(SaidModel([cut()])))


def test_a_stream_without_an_end_is_an_error() -> None:
    model = SaidModel(*[[TextDelta("a")]] * 3)
    with pytest.raises(ModelError, match="no end"):
        run(Paper(model))
    assert model.closed == 3


# -- limits -------------------------------------------------------------------------------------


def test_at_the_last_step_the_model_must_answer() -> None:
    model = SaidModel(answer(use("look_up")), answer("All that I know."))
    assert reply(run(Paper(model), MadeTool(), max_iterations=2)).text == "All that I know."
    assert [request.tool_choice for request in model.requests] == ["auto", "none"]


def test_calls_at_the_last_step_are_not_made_and_its_words_are_the_answer() -> None:
    model = SaidModel(answer("I think so.", use("look_up")))
    host, tool = Paper(model), MadeTool()
    assert reply(run(host, tool, max_iterations=1)).text == "I think so."
    assert (tool.calls, host.steps) == ([], [])


def test_without_words_the_turn_fails_by_its_name() -> None:
    model = SaidModel(answer("Hm.", use("look_up")), answer(use("look_up")))
    running = turn(Paper(model), MadeTool(), max_iterations=2)
    with pytest.raises(TurnFailed, match="2 steps") as failed:
        list(running.run())
    assert (failed.value.error_code, running.spent) == ("MAX_ITERATIONS", COST + COST)


@pytest.mark.parametrize(
    ("blocks", "stop_reason", "code"),
    [
        ([], "refusal", "MODEL_REFUSED"),
        (["\n"], "refusal", "MODEL_REFUSED"),
        ([use("look_up")], "refusal", "MODEL_REFUSED"),
        ([], "max_tokens", "MAX_TOKENS"),
    ],
)
def test_an_end_without_words_that_is_no_answer(
    blocks: list[Any], stop_reason: str, code: str
) -> None:
    tool = MadeTool()
    running = turn(Paper(SaidModel(answer(*blocks, stop_reason=stop_reason))), tool)
    with pytest.raises(TurnFailed) as failed:
        list(running.run())
    assert (failed.value.error_code, tool.calls, running.spent) == (code, [], COST)


@pytest.mark.parametrize("stop_reason", ["refusal", "max_tokens"])
def test_with_words_it_is_an_answer_as_far_as_it_goes(stop_reason: str) -> None:
    last = reply(run(Paper(SaidModel(answer("So far", stop_reason=stop_reason)))))
    assert (last.text, last.stop_reason) == ("So far", stop_reason)


def test_an_answer_may_be_empty() -> None:
    assert reply(run(Paper(SaidModel(answer())))).text == ""


def test_a_reply_is_begun_only_when_there_is_time_for_one() -> None:
    host = Paper(SaidModel(answer("Hello")))
    host.left = 5
    with pytest.raises(Enough):
        run(host)
    assert host.model.requests == []


# -- stops and hand-overs -----------------------------------------------------------------------


def test_a_stop_closes_the_models_stream_and_its_cost_is_known() -> None:
    host = Paper(SaidModel())
    host.model.answers = [[TextDelta("a"), host.stop, TextDelta("b")]]
    running = turn(host)
    with pytest.raises(Enough):
        list(running.run())
    assert (host.model.closed, running.spent) == (1, COST)


def test_whoever_gives_up_reading_closes_the_models_stream() -> None:
    host = Paper(SaidModel(answer("Hello")))
    events = turn(host).run()
    next(events)
    events.close()
    assert host.model.closed == 1


def test_a_turn_goes_on_where_its_notes_end() -> None:
    model = SaidModel(answer("I look.", use("look_up")), answer("Found."))
    whole, tool = Paper(model), MadeTool()
    text_of_whole = reply(run(whole, tool)).text
    for length in range(len(whole.notes) + 1):
        again = Paper(
            SaidModel(*[answer("I look.", use("look_up")), answer("Found.")][min(length, 1) :])
        )
        events = run(again, tool, progress=whole.notes[:length])
        assert reply_of(events).text == text_of_whole
        assert reply_of(events).usage == COST + COST
    assert model.requests[-1].messages == again.model.requests[-1].messages


def test_the_iterations_of_another_worker_count() -> None:
    done = Paper(SaidModel(answer(use("look_up")), answer("Found.")))
    run(done, MadeTool())
    model = SaidModel(answer("Enough."))
    run(Paper(model), MadeTool(), progress=done.notes, max_iterations=2)
    assert model.requests[0].tool_choice == "none"


# -- texts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "clean"),
    [
        ("owl 🦉", "owl 🦉"),
        (HIGH + LOW, "🦉"),
        (f"a{HIGH}b", "a\ufffdb"),
        (f"a{LOW}", "a\ufffd"),
        (LOW + HIGH, "\ufffd\ufffd"),
    ],
)
def test_half_characters_are_replaced_in_pieces_and_in_the_whole(said: str, clean: str) -> None:
    whole = Completed([text(said)], "end_turn", COST)
    assert reply(run(Paper(SaidModel([TextDelta(said), whole])))).text == clean


def test_a_character_that_two_pieces_share_is_whole_in_both() -> None:
    whole = Completed([text(f"owl {HIGH}{LOW}")], "end_turn", COST)
    events = run(Paper(SaidModel([TextDelta(f"owl {HIGH}"), TextDelta(LOW), whole])))
    assert events[:2] == [Delta("owl "), Delta("🦉")]
    assert reply(events).text == "owl 🦉"


def test_a_character_that_two_blocks_share_is_whole_in_the_answer() -> None:
    whole = Completed([text(f"owl {HIGH}"), text(LOW)], "end_turn", COST)
    assert reply(run(Paper(SaidModel([whole])))).text == "owl 🦉"


def test_half_characters_in_arguments_can_be_stored() -> None:
    model = SaidModel(
        answer({**use("look_up"), "input": {f"a{HIGH}": [{"b": LOW}]}}), answer("Done")
    )
    host = Paper(model)
    run(host, MadeTool())
    assert host.notes[0]["content"][0]["input"] == {"a\ufffd": [{"b": "\ufffd"}]}


def test_nothing_comes_after_the_end() -> None:
    said = [*answer("a"), AssertionError("read on")]
    assert reply(run(Paper(SaidModel(said)))).text == "a"


def test_suggestions_are_cut_off_and_handed_on() -> None:
    said = f'Done.\n\n{OPENING}["Thanks", "More"]{CLOSING}\n'
    last = reply(run(Paper(SaidModel(answer(said))), suggested_replies=True))
    assert (last.text, last.suggestions) == ("Done.", ("Thanks", "More"))
    plain = reply(run(Paper(SaidModel(answer(said)))))
    assert (plain.text, plain.suggestions) == (said, ())


# -- pictures that a model refuses -------------------------------------------------------------

GIF = Picture("image/gif", base64.b64encode(gif()).decode(), len(gif()))
REFUSED = cut("MODEL_REFUSED", retryable=False)


def shown(*earlier: str, own: str | None = "own") -> dict[str, Any]:
    """What a turn is given that brings a picture, after messages that brought others."""
    files = [*earlier, *([own] if own else [])]
    attached = {"images": [{"file": own, "media_type": "image/gif"}]} if own else {}
    background = Background(attached=attached, pictures=dict.fromkeys(files, GIF))
    before = [{"file": file, "media_type": "image/gif"} for file in earlier]
    history = [{"role": "user", "text": "Look", "images": before}] if earlier else []
    return {"background": background, "history": history}


def pictures_in(model: SaidModel) -> list[int]:
    return [str(request.messages).count("'type': 'image'") for request in model.requests]


def test_a_refused_request_is_made_once_more_without_earlier_pictures() -> None:
    model = SaidModel([REFUSED], answer(use("look_up")), answer("Done"))
    events = run(Paper(model), MadeTool(), **shown("a", "b"))
    assert pictures_in(model) == [3, 1, 1]
    assert 'Pictures that are not shown here: "a", "b"' in str(model.last)
    assert reply_of(events).usage == COST + COST + REFUSED.usage


@pytest.mark.parametrize(
    ("first", "earlier"),
    [
        ([REFUSED], ()),
        ([TextDelta("a"), REFUSED], ("a",)),
        ([ReasoningDelta("hm"), REFUSED], ("a",)),
        ([cut("CONTEXT_TOO_LONG", retryable=False)], ("a",)),
        ([cut("RATE_LIMITED")], ("a",)),
    ],
)
def test_no_other_refusal_is_tried_again(first: list[Any], earlier: tuple[str, ...]) -> None:
    model = SaidModel(first, answer("Yes"))
    with pytest.raises(ModelError):
        run(Paper(model), **shown(*earlier))
    assert len(model.requests) == 1


def test_a_request_that_is_refused_without_them_too_fails() -> None:
    model = SaidModel([REFUSED], [REFUSED], answer("Yes"))
    running = turn(Paper(model), **shown("a", own=None))
    with pytest.raises(ModelError):
        list(running.run())
    assert pictures_in(model) == [1, 0]
    assert running.spent == REFUSED.usage + REFUSED.usage

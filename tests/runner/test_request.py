"""What the model is asked."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.identity.credentials import LOCAL
from shared.local.messages_api import complaint
from shared.models.port import ModelRequest
from shared.runner.messages import LOST_RESULT
from shared.runner.request import LAST_STEP, TurnRequest, model_request
from shared.runner.suggestions import CONTRACT
from tests.runner.said import MadeTool, text, use


def turn(
    history: Sequence[Mapping[str, Any]] = (), message: str = "now", **more: Any
) -> TurnRequest:
    fields = {"instructions": "Be kind.", "model": "m", "max_tokens": 100, **more}
    return TurnRequest(access=LOCAL, history=history, message=message, **fields)


def asked(said: Sequence[tuple[str, str]], message: str = "now", **more: Any) -> ModelRequest:
    return model_request(turn([{"role": r, "text": t} for r, t in said], message, **more))


def step(*blocks: Mapping[str, Any] | str, said: str = "") -> dict[str, Any]:
    """A reply that calls tools, as it is noted."""
    content = [text(block) if isinstance(block, str) else dict(block) for block in blocks]
    return {"role": "assistant", "content": content, "said": said}


def result(call: str, said: str = "found", **more: Any) -> dict[str, Any]:
    return {"role": "tool", "call": "0-0", "call_id": call, "name": "n", "text": said, **more}


def test_the_golden_request() -> None:
    """An agent without optional sections asks exactly this, from release to release."""
    request = asked([("user", "One"), ("assistant", "Two")], "Three")
    assert request == ModelRequest(
        model="m",
        system="Be kind.",
        messages=[
            {"role": "user", "content": "One"},
            {"role": "assistant", "content": "Two"},
            {"role": "user", "content": "Three"},
        ],
        max_tokens=100,
        tools=[],
        tool_choice="auto",
    )


def test_the_model_knows_of_the_greeting_while_nothing_else_was_said() -> None:
    assert "Hello there" in asked([], greeting="Hello there").system
    later = asked([("user", "One"), ("assistant", "Two")], greeting="Hello there")
    assert later.system == "Be kind."


def test_a_skill_and_the_contract_of_suggestions_follow_the_instructions() -> None:
    request = asked([], skill="Write short words.", suggested_replies=True)
    assert request.system == f"Be kind.\n\nWrite short words.\n\n{CONTRACT}"


def test_tools_are_described_as_the_api_wants_them() -> None:
    schema = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
    request = asked([], tools=[MadeTool("find", description="Finds.", parameters=schema)])
    assert request.tools == [{"name": "find", "description": "Finds.", "input_schema": schema}]


@pytest.mark.parametrize(
    ("history", "contents"),
    [
        ([], ["now"]),
        ([("user", "a")], ["a\n\nnow"]),
        ([("user", "a"), ("user", "b")], ["a\n\nb\n\nnow"]),
        ([("user", "a"), ("assistant", "b"), ("assistant", "c")], ["a", "b\n\nc", "now"]),
        ([("user", "a"), ("assistant", " \n")], ["a\n\nnow"]),
        ([("user", " "), ("assistant", "b")], ["now"]),
        ([("assistant", "b")], ["now"]),
        ([("assistant", "b"), ("assistant", "c"), ("user", "d")], ["d\n\nnow"]),
    ],
)
def test_messages_are_joined_and_begin_with_the_user(
    history: list[tuple[str, str]], contents: list[str]
) -> None:
    assert [entry["content"] for entry in asked(history).messages] == contents


ENTRIES = st.lists(st.tuples(st.sampled_from(["user", "assistant"]), st.text(max_size=5)))


@given(ENTRIES)
def test_roles_always_alternate_and_no_word_of_the_user_is_lost(
    history: list[tuple[str, str]],
) -> None:
    messages = asked(history).messages
    roles = [entry["role"] for entry in messages]
    assert roles == [["user", "assistant"][number % 2] for number in range(len(roles))]
    assert roles[-1] == "user"
    assert roles[-1] == "user"
    assert all(entry["content"].strip() for entry in messages)
    spoken = "".join(entry["content"] for entry in messages if entry["role"] == "user")
    for role, said in history:
        if role == "user" and said.strip():
            assert said in spoken


def test_within_a_turn_everything_is_repeated_to_the_letter() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    progress = [step(thought, "I look.", use("find", "t1"), said="I look."), result("t1")]
    request = model_request(turn(tools=[MadeTool("find")]), progress)
    assert request.messages == [
        {"role": "user", "content": "now"},
        {"role": "assistant", "content": [thought, text("I look."), use("find", "t1")]},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "found"}],
        },
    ]


def test_an_earlier_turn_is_repeated_without_its_thoughts() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    hidden = {"type": "redacted_thinking", "data": "x"}
    history = [
        {"role": "user", "text": "One"},
        step(thought, hidden, use("find", "t1")),
        result("t1", "", is_error=True),
        {"role": "assistant", "text": "I look.\n\nNothing.", "said": "Nothing."},
    ]
    request = model_request(turn(history, tools=[MadeTool("find")]))
    failed = {"type": "tool_result", "tool_use_id": "t1", "is_error": True}
    assert request.messages == [
        {"role": "user", "content": "One"},
        {"role": "assistant", "content": [use("find", "t1")]},
        {"role": "user", "content": [failed]},
        {"role": "assistant", "content": "Nothing."},
        {"role": "user", "content": "now"},
    ]


def test_an_agent_without_tools_is_not_reminded_of_calls() -> None:
    history = [
        {"role": "user", "text": "One"},
        step("I look.", use("find", "t1"), said="I look."),
        result("t1"),
        {"role": "assistant", "text": "I look.\n\nNothing.", "said": "Nothing."},
    ]
    contents = [entry["content"] for entry in model_request(turn(history)).messages]
    assert contents == ["One", "I look.\n\nNothing.", "now"]


def test_a_call_whose_result_was_lost_gets_one_before_anything_else_is_said() -> None:
    history = [
        {"role": "user", "text": "One"},
        step(use("find", "t1"), use("find", "t2")),
        result("t2"),
    ]
    request = model_request(turn(history, tools=[MadeTool("find")]))
    lost = {
        "type": "tool_result",
        "tool_use_id": "t1",
        "content": LOST_RESULT,
        "is_error": True,
    }
    found = {"type": "tool_result", "tool_use_id": "t2", "content": "found"}
    assert request.messages[2]["content"] == [found, lost, text("now")]


def test_a_history_that_begins_in_the_middle_of_a_turn_begins_with_the_next_one() -> None:
    history = [
        result("t1"),
        {"role": "assistant", "text": "Nothing."},
        {"role": "user", "text": "Two"},
        {"role": "assistant", "text": "Yes."},
    ]
    contents = [entry["content"] for entry in asked_of(history)]
    assert contents == ["Two", "Yes.", "now"]


def asked_of(history: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    return model_request(turn(history, tools=[MadeTool("find")])).messages


def test_the_last_step_must_do_without_tools() -> None:
    progress = [step(use("find", "t1")), result("t1")]
    request = model_request(turn(tools=[MadeTool("find")]), progress, last=True)
    assert request.tool_choice == "none"
    assert request.messages[-1]["content"][-1] == text(LAST_STEP)
    only = model_request(turn(tools=[MadeTool("find")]), [], last=True)
    assert (only.tool_choice, only.messages) == ("none", [{"role": "user", "content": "now"}])
    assert model_request(turn(), [], last=True).tool_choice == "auto"


TEXTS = st.sampled_from(["", " ", "a", "b c"])
NOTES = st.one_of(
    st.builds(lambda t: {"role": "user", "text": t}, TEXTS),
    st.builds(lambda t: {"role": "assistant", "text": t}, TEXTS),
    st.builds(
        lambda t, ids: step(t, *[use("find", i) for i in ids], said=t),
        TEXTS,
        st.lists(st.sampled_from(["t1", "t2", "t3"]), unique=True),
    ),
    st.builds(lambda i, t: result(i, t), st.sampled_from(["t1", "t2", "t3"]), TEXTS),
)


@given(st.lists(NOTES), st.lists(NOTES), st.booleans(), st.booleans())
def test_whatever_the_log_holds_the_api_takes_the_request(
    history: list[Any], progress: list[Any], with_tools: bool, last: bool
) -> None:
    tools = [MadeTool("find")] if with_tools else []
    request = model_request(turn(history, tools=tools), progress, last=last)
    body = {
        "model": request.model,
        "max_tokens": request.max_tokens,
        "messages": list(request.messages),
        "tools": list(request.tools),
    }
    assert complaint(body) is None
    roles = [entry["role"] for entry in request.messages]
    assert roles == [["user", "assistant"][number % 2] for number in range(len(roles))]
    assert roles[-1] == "user"

"""Variables and overrides in frames."""

import json
from typing import Any

import pytest

from shared.protocol.frames import CreateConversationSession, FrameError, SendMessage
from shared.protocol.parser import parse

CREATE = {"action": "create_conversation_session", "requestId": "q1", "agentId": "a"}
SEND = {
    "action": "send_message",
    "requestId": "q1",
    "sessionId": "0191f3a4-0000-7000-8000-00000000000a",
    "message": "Hi",
}
BOTH: dict[str, Any] = {"dynamicVariables": {"a": "b"}, "overrides": {"language": "de"}}


def created(**fields: Any) -> CreateConversationSession:
    frame = parse(json.dumps({**CREATE, **fields}))
    assert isinstance(frame, CreateConversationSession)
    return frame


def brought(frame: CreateConversationSession) -> Any:
    return frame.dynamic_variables, frame.overrides and frame.overrides.chosen


def test_at_the_top_or_in_the_metadata() -> None:
    top = created(**BOTH, metadata={"plan": "b"})
    within = created(metadata={"plan": "b", **BOTH})
    assert brought(top) == brought(within) == (BOTH["dynamicVariables"], BOTH["overrides"])
    assert top.metadata == within.metadata == {"plan": "b"}


@pytest.mark.parametrize("nothing", [{}, {"dynamicVariables": None, "overrides": None}])
def test_nothing_said_is_not_nothing_wanted(nothing: Any) -> None:
    assert brought(created(**nothing)) == (None, None)
    assert brought(created(metadata=nothing)) == (None, None)
    assert brought(created(**BOTH, metadata=nothing))[0] == {"a": "b"}
    assert brought(created(dynamicVariables={}, overrides={})) == ({}, {})


def test_one_at_the_top_and_the_other_in_the_metadata() -> None:
    frame = created(dynamicVariables={"a": "b"}, metadata={"overrides": {"language": "de"}})
    assert brought(frame) == ({"a": "b"}, {"language": "de"})


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({**BOTH, "metadata": {"overrides": {}}}, "overrides", "in one place"),
        ({**BOTH, "metadata": {"dynamicVariables": {}}}, "dynamicVariables", "in one place"),
        ({"metadata": {"dynamicVariables": []}}, "dynamicVariables", "must be an object"),
        ({"metadata": {"overrides": {"x": 1}}}, "overrides.x", "not a known field"),
        ({"overrides": {"x" * 65: 1}}, "overrides", "may only have greeting"),
        ({"overrides": []}, "overrides", "must be an object"),
        ({"overrides": {"language": "German"}}, "overrides.language", "must be the tag"),
        (
            {"dynamicVariables": {"a": None}},
            "dynamicVariables",
            "must have a text as the value of a",
        ),
        (
            {"overrides": {"instructions": "{{a}}" * 201}},
            "overrides.instructions",
            "has 201 places for variables; it may have 200",
        ),
        (
            {"overrides": {"greeting": "Hi {{system__foo}}"}},
            "overrides.greeting",
            "has {{system__foo}}, which is no variable; of those that begin with system__ there",
        ),
    ],
)
def test_what_is_wrong_is_named(fields: Any, field: str, said: str) -> None:
    with pytest.raises(FrameError, match=said) as refused:
        created(**fields)
    assert refused.value.details == {"field": field}
    assert refused.value.request_id == "q1"


def test_a_message_brings_variables() -> None:
    frame = parse(json.dumps({**SEND, "dynamicVariables": {"a": "b"}}))
    assert isinstance(frame, SendMessage)
    assert frame.dynamic_variables == {"a": "b"}
    with pytest.raises(FrameError) as refused:
        parse(json.dumps({**SEND, "dynamicVariables": {"a-b": ""}}))
    assert refused.value.details == {"field": "dynamicVariables"}


def test_a_message_brings_no_overrides() -> None:
    said = 'The frame\'s "overrides" is of the session; send it with create_conversation_session.'
    with pytest.raises(FrameError) as refused:
        parse(json.dumps({**SEND, "overrides": {"language": "de"}}))
    assert refused.value.message == said
    assert (refused.value.details, refused.value.request_id) == ({"field": "overrides"}, "q1")
    for nothing in ("null", "{}"):
        frame = json.dumps(SEND)[:-1] + f', "overrides": {nothing}}}'
        assert isinstance(parse(frame), SendMessage)

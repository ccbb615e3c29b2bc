"""`escalate`: what it takes, and what it gives."""

import time
from typing import Any

import pytest

from shared.tools.handover import MAX_REASON, Escalate
from shared.tools.port import InvalidArguments, ToolContext

CONTEXT = ToolContext(
    tenant="acme",
    user="ann",
    conversation="c",
    session="s",
    turn="t",
    call="1-0",
    idempotency_key="t.1-0",
    deadline=time.monotonic() + 5,
)


def test_the_reason_goes_with_the_result() -> None:
    result = Escalate().run({"reason": " The order is lost. \n"}, CONTEXT)
    assert result.kept() == {"escalation": "The order is lost."}
    assert "Tell the user" in result.text


def test_the_longest_reason() -> None:
    assert Escalate().run({"reason": "x" * MAX_REASON}, CONTEXT).escalation == "x" * MAX_REASON


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "reason: must say why"),
        ({"reason": " \n"}, "reason: must say why"),
        ({"reason": 1}, "reason: must say why"),
        ({"reason": "x" * (MAX_REASON + 1)}, "reason: may have 1000 characters"),
        ({"reason": "a", "to": "ann"}, "to: there is no such argument"),
    ],
)
def test_what_does_not_fit_is_said(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidArguments, match=said):
        Escalate().run(arguments, CONTEXT)


def test_the_schema_says_what_is_taken() -> None:
    tool = Escalate()
    assert tool.parameters["required"] == ["reason"]
    assert str(MAX_REASON) in tool.parameters["properties"]["reason"]["description"]
    assert tool.repeatable

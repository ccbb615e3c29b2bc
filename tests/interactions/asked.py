"""What agents ask and users answer in these tests, and refusals as they are read."""

from collections.abc import Mapping
from typing import Any

import pytest

from shared.interactions.choices import Choices
from shared.interactions.identity_intake import IdentityIntake
from shared.interactions.port import ATTENTION, InvalidValues, Kind
from shared.tools.port import InvalidArguments

CHOICES = Choices()
IDENTITY = IdentityIntake()
NOTHING_CALLED = "The arguments do not fit, so nothing was called. "


def question(header: str = "Plan", *labels: str, **more: Any) -> dict[str, Any]:
    options = [{"label": label} for label in labels or ("Free", "Pro")]
    return {"question": f"Which {header}?", "header": header, "options": options, **more}


def field(key: str, *, required: bool = True, **more: Any) -> dict[str, Any]:
    return {"key": key, "required": required, **more}


def refused(kind: Kind, arguments: Mapping[str, Any]) -> str:
    """What the model is told of arguments that do not fit."""
    with pytest.raises(InvalidArguments) as caught:
        kind.raised(arguments)
    assert str(caught.value).startswith(NOTHING_CALLED)
    return str(caught.value).removeprefix(NOTHING_CALLED)


def spec(kind: Kind, *entries: Mapping[str, Any]) -> Mapping[str, Any]:
    name = {"choices": "questions", "identity_intake": "fields"}[kind.name]
    return kind.raised({name: list(entries)}).spec


def faults(kind: Kind, shown: Mapping[str, Any], values: Any) -> list[tuple[str, str]]:
    """What is said of values that do not answer."""
    with pytest.raises(InvalidValues) as caught:
        kind.validate(shown, values)
    return told(caught.value)


def told(refusal: InvalidValues) -> list[tuple[str, str]]:
    assert str(refusal) == ATTENTION
    return [(fault.field, fault.message) for fault in refusal.faults]

"""What the model is told of a question that was shown to the user, as JSON."""

import json
from collections.abc import Mapping
from typing import Any

_DECLINED = "The user does not want to answer. Go on without it, and do not insist."
_NO_RESPONSE = "The user did not answer in time. Go on without it; they may still do so in words."


def submitted(values: Mapping[str, Any]) -> str:
    """The user has answered with these validated values."""
    return _text({"status": "submitted", "values": dict(values)})


def declined() -> str:
    """The user has refused to answer."""
    return _text({"status": "declined", "message": _DECLINED})


def no_response() -> str:
    """The time to answer is over."""
    return _text({"status": "no_response", "message": _NO_RESPONSE})


def _text(told: Mapping[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))

"""What a call waits for, and the answer: between a turn and whoever asks people for it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from shared.runner.batch import Call

APPROVAL: Literal["approval"] = "approval"
INTERACTION: Literal["interaction"] = "interaction"
CODE: Literal["code"] = "code"

Kind = Literal["approval", "interaction", "code"]
"""Somebody allows the call; the user fills something in; the user enters a code that was sent to
them."""

APPROVED = "approved"
DENIED = "denied"
SUBMITTED = "submitted"
DECLINED = "declined"
VERIFIED = "verified"
FAILED = "failed"
EXPIRED = "expired"
"""What an answer is; `FAILED`: the code was wrong too often, `EXPIRED`: nobody answered in time."""


class Parked(Exception):
    """The turn waits. It is taken up again when there is an answer, by its notes."""


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """What people are asked. `key` is under what the answer is found, and `digest` is of the tool
    and of the exact arguments that it is about. `seconds`: the time to answer, None for the usual.
    `content` is what is shown, as JSON."""

    kind: Kind
    key: str
    call: Call
    digest: str
    content: Mapping[str, Any]
    seconds: float | None = None
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What became of a prompt. `values` are what the user filled in."""

    what: str
    digest: str = ""
    note: str = ""
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])


def digest_of(call: Call) -> str:
    """What tells one call from another: 128 bits of a hash of the tool and its arguments."""
    asked = json.dumps([call.name, call.arguments], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(asked.encode()).hexdigest()[:32]


def code_key(call: Call) -> str:
    """Under what the answer to a code is found: the call itself may need an approval too."""
    return f"{call.key}-code"

"""The published client's models over everything that clients got, in a few calls for all scenarios:
each call starts the client's own interpreter, which takes longer than a scenario."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tests.support.client_models import validate

Frames = list[tuple[str, Mapping[str, Any]]]

_NUMBER = re.compile(r"frame (\d+)")


class Judge:
    """Collects frames, with the scenario that each is from."""

    def __init__(self) -> None:
        self._frames: Frames = []

    def add(self, scenario: str, frames: Iterable[Mapping[str, Any]]) -> None:
        self._frames += [(scenario, frame) for frame in frames]

    def verdict(self) -> list[str]:
        """What the client would drop, and from which scenario it is."""
        found = _found(self._frames, None)
        for name in (
            "CreateConversationSessionResponse",
            "GetSessionResponse",
            "GetMessagesResponse",
            "ListConversationsResponse",
        ):
            mine = [
                (scenario, frame) for scenario, frame in self._frames if _payload(frame) == name
            ]
            found += _found(mine, name) if mine else []
        return found


def _found(frames: Frames, payload: str | None) -> list[str]:
    wrong = validate([frame for _, frame in frames], payload=payload)
    return [f"{_scenario(frames, failure)}: {failure}" for failure in wrong]


def _scenario(frames: Frames, failure: str) -> str:
    number = _NUMBER.match(failure)
    assert number is not None, failure
    return frames[int(number[1])][0]


def _payload(frame: Mapping[str, Any]) -> str | None:
    """The client's name for the data of an answer, by what only that one has."""
    if frame.get("type") != "immediate_response":
        return None
    data = frame["data"]
    if "messages" in data:
        return "GetMessagesResponse"
    if "conversations" in data:
        return "ListConversationsResponse"
    if "userParticipantId" in data:
        return "GetSessionResponse" if "threadId" in data else "CreateConversationSessionResponse"
    return None

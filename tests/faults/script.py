"""What the model of the fault suite says: differently each time it is asked, as real ones do."""

import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Lock
from typing import Any

from tests.support.messages_api import Request, Step, ToolCall

_TOKEN = re.compile(r"(\d+)\.(\d+)\.(\d+) ")


Calls = Sequence[ToolCall] | Callable[[int], Sequence[ToolCall]]
"""The calls of a reply; or what makes them of the number of the request."""


class Talker:
    """Answers each request with tokens `<reply of the turn>.<number of the request>.<token> `, and
    with the calls of that reply; the last of `sizes` is the reply that ends the turn."""

    def __init__(
        self,
        sizes: Sequence[int],
        calls: Mapping[int, Calls],
        *,
        delay: float = 0.001,
    ) -> None:
        self._sizes = sizes
        self._calls = calls
        self._delay = delay
        self._numbers = itertools.count()
        self._lock = Lock()

    def __call__(self, request: Request) -> Step:
        with self._lock:
            number = next(self._numbers)
        reply = replies_since_question(request["messages"])
        tokens = [f"{reply}.{number}.{token} " for token in range(self._sizes[reply])]
        calls = self._calls.get(reply, ())
        made = calls(number) if callable(calls) else calls
        return Step(tokens=tokens, tool_calls=made, delay=self._delay)


def replies_since_question(messages: Sequence[Mapping[str, Any]]) -> int:
    """How many replies of the turn there are already."""
    replies = 0
    for entry in reversed(messages):
        if entry["role"] == "assistant":
            replies += 1
        elif any(block["type"] == "text" for block in _blocks(entry)):
            break
    return replies


def _blocks(entry: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    content = entry["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def said_by(text: str) -> list[tuple[int, int]]:
    """Which replies a text is made of, as (reply, request), each once and in their order.

    Raises AssertionError: one of them is not whole from its first token on, up to where it ends.
    """
    found: list[tuple[int, int]] = []
    expected = 0
    for reply, request, token in (map(int, match) for match in _TOKEN.findall(text)):
        if not found or found[-1] != (reply, request):
            found.append((reply, request))
            expected = 0
        assert token == expected, f"token {token} of reply {reply}, not {expected}"
        expected += 1
    return found


def heard_of(tokens: Iterable[str]) -> dict[int, set[int]]:
    """By which requests each reply of a turn was heard."""
    heard: dict[int, set[int]] = {}
    for reply, request, _ in _TOKEN.findall("".join(tokens)):
        heard.setdefault(int(reply), set()).add(int(request))
    return heard

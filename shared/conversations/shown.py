"""What clients see of a turn while it runs."""

import json
from collections.abc import Mapping
from typing import Any

from shared.conversations.stream import Stream
from shared.runner.events import Delta, Reasoning, Restarted, ToolEnded, ToolStarted

MAX_SHOWN = 16_000
"""Characters of a call's arguments or result that clients are sent."""


class Shown:
    """Puts a turn's events on its stream. Text that was shown and then lost, with a broken stream
    or a dead worker, is not continued: a model says it differently the second time. Clients that
    can cut their text (`truncates`) are told to, and the new text follows; others get no more
    tokens of that reply, and the whole text with the terminal event."""

    def __init__(self, stream: Stream, *, truncates: bool) -> None:
        self._stream = stream
        self._truncates = truncates
        self._muted = False

    def restart(self, kept: int) -> None:
        """Of what may have been shown, the first `kept` code points still stand."""
        self._stream.restart(kept, tell=self._truncates)
        self._muted = not self._truncates

    def taken_over(self) -> None:
        """A worker died that may have shown more than was noted, and may not have sent all of
        that: clients that can cut their text get what stands once more."""
        self._stream.restart(self._stream.said.length, tell=False)
        if self._truncates:
            self._stream.say_again()
        self._muted = not self._truncates

    def show(self, event: Delta | Reasoning | Restarted | ToolStarted | ToolEnded) -> None:
        match event:
            case Delta(text):
                self._stream.text(text, hidden=self._muted)
            case Reasoning(text) if not self._muted:
                self._stream.reasoning(text)
            case Restarted(kept):
                self.restart(kept)
            case ToolStarted():
                self._muted = False
                arguments = json.dumps(event.arguments, ensure_ascii=False)
                call = {"id": event.call, "name": event.tool, "arguments": cut(arguments)}
                self._chunk(event.tool, {"toolCall": call})
            case ToolEnded():
                # Of a call that waited, its beginning was shown long ago.
                self._muted = False
                result = {"id": event.call, "name": event.tool, "isError": event.is_error}
                self._chunk(event.tool, {"toolResult": {**result, "result": cut(event.content)}})

    def _chunk(self, node: str, raw: Mapping[str, Any]) -> None:
        self._stream.chunk(node, {"rawResponse": raw})


def cut(text: str) -> str:
    """What of the arguments or the result of a call is shown."""
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"

"""An answer, put together from the events of a Messages API stream. Pure: no I/O, no SDK.

The events are read as plain JSON, so that kinds of blocks that nobody here knows (thinking, server
tools) reach the log, and the next request, exactly as they were sent.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from shared.models.port import ReasoningDelta, TextDelta, Usage

Delta = TextDelta | ReasoningDelta

_THINKING = ("thinking", "redacted_thinking")
_CUT_SHORT = ("max_tokens", "model_context_window_exceeded", "refusal")
"""Reasons to stop that may come in the middle of a block."""
_USAGE_FIELDS = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_input_tokens": "cache_read_tokens",
    "cache_creation_input_tokens": "cache_write_tokens",
}


class Malformed(ValueError):
    """The stream broke the protocol: it cannot be trusted to be whole."""


class ReplyError(Exception):
    """The provider gave up in the middle; `kind` is its error type, `said` its own words."""

    def __init__(self, kind: str, said: str) -> None:
        super().__init__(kind, said)
        self.kind = kind
        self.said = said


class Reply:
    """The answer so far. `feed` it events until it is `done`."""

    def __init__(self) -> None:
        self.model = ""
        self.stop_reason = ""
        self.done = False
        self._tokens = dict.fromkeys(_USAGE_FIELDS.values(), 0)
        self._blocks: dict[int, dict[str, Any]] = {}
        self._inputs: dict[int, list[str]] = {}

    def feed(self, event: Mapping[str, Any]) -> Delta | None:
        """Take one event in and return the words that it adds to the answer, or to the thinking.

        Raises ReplyError for an `error` event, Malformed for one that makes no sense.
        """
        with _making_sense(event):
            return self._feed(event)

    @property
    def usage(self) -> Usage:
        """The tokens known so far, not yet priced."""
        return Usage(**self._tokens)

    def content(self) -> list[Mapping[str, Any]]:
        """The blocks of a finished answer, as the next request may repeat them.

        What the API would refuse is left out: a text without a word, thinking that nothing
        follows, and a call that was cut short within its arguments. Raises Malformed for other
        arguments that do not parse.
        """
        with _making_sense({"type": "content"}):
            blocks = [block for index in sorted(self._blocks) if (block := self._block(index))]
        while blocks and blocks[-1]["type"] in _THINKING:
            blocks.pop()
        return blocks

    def _feed(self, event: Mapping[str, Any]) -> Delta | None:
        match event["type"]:
            case "message_start":
                self.model = str(event["message"].get("model") or "")
                self._count(event["message"].get("usage"))
            case "content_block_start":
                return self._start(event["index"], dict(event["content_block"]))
            case "content_block_delta":
                return self._delta(event["index"], event["delta"])
            case "message_delta":
                self.stop_reason = event["delta"].get("stop_reason") or self.stop_reason
                self._count(event.get("usage"))
            case "message_stop":
                self.done = True
            case "error":
                said = event["error"]
                raise ReplyError(said.get("type", ""), said.get("message", ""))
        return None

    def _start(self, index: int, block: dict[str, Any]) -> Delta | None:
        self._blocks[index] = block
        match block["type"]:
            case "text" if block["text"]:
                return TextDelta(str(block["text"]))
            case "thinking" if block.get("thinking"):
                return ReasoningDelta(str(block["thinking"]))
        return None

    def _delta(self, index: int, delta: Mapping[str, Any]) -> Delta | None:
        block = self._blocks[index]
        match delta["type"]:
            case "text_delta":
                block["text"] += delta["text"]
                return TextDelta(str(delta["text"])) if delta["text"] else None
            case "input_json_delta":
                self._inputs.setdefault(index, []).append(delta["partial_json"])
            case "thinking_delta":
                block["thinking"] = block.get("thinking", "") + delta["thinking"]
                return ReasoningDelta(str(delta["thinking"])) if delta["thinking"] else None
            case "signature_delta":
                block["signature"] = block.get("signature", "") + delta["signature"]
            case "citations_delta":
                block["citations"] = [*(block.get("citations") or []), delta["citation"]]
        return None

    def _block(self, index: int) -> Mapping[str, Any] | None:
        block = self._blocks[index]
        if block["type"] == "text" and not block["text"].strip():
            return None
        written = "".join(self._inputs.get(index, []))
        cut = self.stop_reason in _CUT_SHORT and block["type"] == "tool_use"
        if not written:
            return None if cut else block
        try:
            return {**block, "input": _arguments(written)}
        except Malformed:
            if cut:
                return None
            raise

    def _count(self, usage: Mapping[str, Any] | None) -> None:
        # The API's counts are running totals, so a later one replaces an earlier one.
        for theirs, ours in _USAGE_FIELDS.items():
            if (count := (usage or {}).get(theirs)) is not None:
                self._tokens[ours] = int(count)


@contextmanager
def _making_sense(event: Mapping[str, Any]) -> Iterator[None]:
    """Fields that are missing or of other types than the API's are Malformed."""
    try:
        yield
    except Malformed:
        raise
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise Malformed(str(event.get("type"))) from error


def _arguments(written: str) -> Mapping[str, Any]:
    try:
        arguments = json.loads(written)
    except (ValueError, RecursionError) as error:
        raise Malformed("tool input") from error
    if not isinstance(arguments, dict):
        raise Malformed("tool input")
    return arguments

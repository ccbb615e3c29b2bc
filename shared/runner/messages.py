"""What has been said and done, in the shape of the Messages API."""

from typing import Any

from shared.runner.attached import NO_WORDS, Attached
from shared.runner.builtins import USER_INPUT
from shared.runner.history import Message
from shared.runner.knowledge import NOT_REPEATED, SEARCH

LOST_RESULT = (
    "There is no result of this call: the turn ended before it was known. "
    "It may or may not have taken effect."
)
GO_ON = "Go on."

Block = dict[str, Any]


def words(entry: Message) -> str:
    """What a message says; empty if that is nothing but white space."""
    return str(entry.get("text", "")) if str(entry.get("text", "")).strip() else ""


class Messages:
    """Puts messages in the shape of the Messages API: strings where a string will do."""

    def __init__(self, *, with_tools: bool, attached: Attached) -> None:
        self._with_tools = with_tools
        self._attached = attached
        self._messages: list[tuple[str, list[Block]]] = []
        self._open: dict[str, str] = {}
        self._asked = False

    def add(self, entry: Message, *, past: bool) -> None:
        match entry["role"]:
            case "tool":
                self._result(entry, past=past)
            case "user":
                shown = self._attached.blocks(entry)
                self._answer(words(entry), str(entry.get("before", "")), shown)
            case _:
                self._assistant(_said(entry, past=past, with_tools=self._with_tools))
                # A turn that broke off has asked nothing: nobody has seen its question.
                self._asked = bool(entry.get("asks"))

    def begin(self, text: str) -> None:
        """What the model is told before all else; nothing if it is empty."""
        self.user(_texts(text))

    def _answer(self, text: str, before: str, shown: list[Block]) -> None:
        """What the user says; the result of the call that asked for it, if one did. The model is
        told what stands `before` it, too, and `shown` what came with it."""
        if shown and not text:
            text = NO_WORDS
        asked = [call for call, name in self._open.items() if name == USER_INPUT.name]
        if not (asked and self._asked and text):
            self.user([*_texts(before), *shown, *_texts(text)])
            return
        del self._open[asked[-1]]
        self._close()
        result = {"type": "tool_result", "tool_use_id": asked[-1], "content": text}
        self._append("user", [result, *_texts(before), *shown])

    def user(self, blocks: list[Block]) -> None:
        if blocks:
            self._close()
            self._append("user", blocks)

    def finished(self) -> list[dict[str, Any]]:
        self._close()
        if self._messages[-1][0] == "assistant":
            # The calls that were asked for are not there any more; the last word is a user's.
            self._append("user", _texts(GO_ON))
        return [{"role": role, "content": _content(blocks)} for role, blocks in self._messages]

    def _assistant(self, blocks: list[Block]) -> None:
        if not blocks:
            return
        self._close()
        self._append("assistant", blocks)
        self._open = {block["id"]: block["name"] for block in blocks if block["type"] == "tool_use"}

    def _result(self, entry: Message, *, past: bool) -> None:
        if entry["call_id"] in self._open:
            name = self._open.pop(entry["call_id"])
            result = {"type": "tool_result", "tool_use_id": entry["call_id"]}
            text = NOT_REPEATED if past and name == SEARCH else entry["text"]
            if text.strip():
                result["content"] = text
            if entry.get("is_error"):
                result["is_error"] = True
            self._append("user", [result])

    def _close(self) -> None:
        """The API wants the results of all calls before anything else is said."""
        for call in self._open:
            lost = {"type": "tool_result", "tool_use_id": call, "content": LOST_RESULT}
            self._append("user", [{**lost, "is_error": True}])
        self._open = {}

    def _append(self, role: str, blocks: list[Block]) -> None:
        if not self._messages or self._messages[-1][0] != role:
            self._messages.append((role, []))
        standing = self._messages[-1][1]
        for block in blocks:
            before = standing[-1] if standing else None
            if before and before["type"] == block["type"] == "text":
                standing[-1] = {**before, "text": f"{before['text']}\n\n{block['text']}"}
            else:
                standing.append(block)


def _said(entry: Message, *, past: bool, with_tools: bool) -> list[Block]:
    """The blocks of an assistant's message. Thoughts are repeated only within their own turn,
    which is where the API wants them back; calls only while the agent has tools."""
    if entry.get("asks") and "said" in entry and not with_tools:
        # The call that asked is left out.
        return _texts(entry["asks"])
    if not entry.get("content"):
        return _texts(str(entry.get("said", words(entry))))
    return [
        dict(block)
        for block in entry["content"]
        if not ((past or not with_tools) and block["type"] in ("thinking", "redacted_thinking"))
        and (with_tools or block["type"] != "tool_use")
        and (block["type"] != "text" or block["text"].strip())
    ]


def _texts(text: str) -> list[Block]:
    return [{"type": "text", "text": text}] if text.strip() else []


def _content(blocks: list[Block]) -> str | list[Block]:
    if len(blocks) == 1 and blocks[0].keys() == {"type", "text"}:
        return str(blocks[0]["text"])
    return blocks

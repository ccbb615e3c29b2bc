"""Where the provider may cache a prompt. Pure.

A breakpoint says "cache everything up to here", in the order tools, system, messages. A request
may have four, and a breakpoint finds what an earlier request wrote only if that ended at most
twenty blocks before it. So there is one

- at the end of what is the same for all turns: the system, or else the tools;
- at the end of what came before the newest message of the user, which one turn asks with again
  and again;
- where the request before this one ended: what it wrote is found however many blocks came since;
- at the very end, for the request after this one.

A breakpoint costs nothing by itself; a prompt that is too short is not cached, and that is all.
"""

from collections.abc import Mapping, Sequence
from typing import Any

_CACHEABLE = frozenset({"text", "image", "document", "search_result", "tool_use", "tool_result"})
"""Kinds of blocks that may carry a breakpoint; thinking, for one, may not."""

Block = Mapping[str, Any]


def with_breakpoints(body: Mapping[str, Any]) -> dict[str, Any]:
    """A request's body with its texts as blocks and up to four breakpoints; else as it was.

    All texts become blocks, not only those with a breakpoint: so what two requests share is the
    same to the byte. Nothing that was given is changed in place.
    """
    marked = {**body, "messages": _marked_messages(body["messages"])}
    if body.get("system"):
        marked["system"] = _marked(_blocks(body["system"]))
    elif body.get("tools"):
        *others, last = body["tools"]
        marked["tools"] = [*others, _breakpoint(last)]
    return marked


def _marked_messages(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    ends = _ends(messages)
    return [
        {**message, "content": _marked(blocks) if index in ends else blocks}
        for index, message in enumerate(messages)
        for blocks in [_blocks(message["content"])]
    ]


def _ends(messages: Sequence[Mapping[str, Any]]) -> set[int]:
    """The messages that end with a breakpoint."""
    asked = [index for index, message in enumerate(messages) if message["role"] == "user"]
    said = [index for index in asked if not _is_result(messages[index])]
    return {
        index
        for index in (
            len(messages) - 1,
            said[-1] - 1 if said else -1,
            asked[-2] if len(asked) > 1 else -1,
        )
        if index >= 0
    }


def _is_result(message: Mapping[str, Any]) -> bool:
    return any(block["type"] == "tool_result" for block in _blocks(message["content"]))


def _blocks(content: str | Sequence[Block]) -> list[Block]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def _marked(blocks: Sequence[Block]) -> list[Block]:
    """The blocks, the last one that may carry it with a breakpoint."""
    marked = list(blocks)
    for index in reversed(range(len(marked))):
        if _may_carry(marked[index]):
            marked[index] = _breakpoint(marked[index])
            break
    return marked


def _may_carry(block: Block) -> bool:
    if block["type"] == "text":
        return bool(block["text"].strip())
    return block["type"] in _CACHEABLE


def _breakpoint(block: Block) -> Block:
    return {**block, "cache_control": {"type": "ephemeral"}}

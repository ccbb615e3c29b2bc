"""The server's side of the Messages API: requests checked, replies encoded. Pure functions."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SIGNATURE = "c2lnbmVk"
"""What thinking is signed with."""

_THINKING = ("thinking", "redacted_thinking")


@dataclass(frozen=True, kw_only=True)
class ToolUse:
    id: str
    name: str
    input: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a model says: first what it thinks, then a text in `chunks`, then calls of tools."""

    id: str
    model: str
    thinking: Sequence[str] = ()
    chunks: Sequence[str] = ()
    tool_uses: Sequence[ToolUse] = ()
    stop_reason: str = "end_turn"
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


def message(reply: Reply) -> dict[str, Any]:
    """The reply in one piece, as a request without `stream` gets it."""
    thought = [_thought("".join(reply.thinking), SIGNATURE)] if reply.thinking else []
    text = "".join(reply.chunks)
    said = [{"type": "text", "text": text}] if text else []
    called = [
        {"type": "tool_use", "id": use.id, "name": use.name, "input": dict(use.input)}
        for use in reply.tool_uses
    ]
    return {
        **_frame(reply),
        "content": [*thought, *said, *called],
        "stop_reason": reply.stop_reason,
        "usage": _usage(reply, reply.output_tokens),
    }


def events(reply: Reply) -> Iterator[dict[str, Any]]:
    """The reply as the events of a stream, one `content_block_delta` for each chunk."""
    yield {
        "type": "message_start",
        "message": {**_frame(reply), "usage": _usage(reply, min(1, reply.output_tokens))},
    }
    index = 0
    if reply.thinking:
        yield from _thinking_block(index, reply.thinking)
        index += 1
    if reply.chunks:
        yield from _text_block(index, reply.chunks)
        index += 1
    for use in reply.tool_uses:
        yield from _tool_block(index, use)
        index += 1
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": reply.stop_reason, "stop_sequence": None},
        "usage": {"output_tokens": reply.output_tokens},
    }
    yield {"type": "message_stop"}


def error(kind: str, said: str) -> dict[str, Any]:
    """A failure, as a body or as an event."""
    return {"type": "error", "error": {"type": kind, "message": said}}


def encode(event: Mapping[str, Any]) -> bytes:
    """One event as it goes over the wire."""
    data = json.dumps(event, separators=(",", ":"), ensure_ascii=False)
    return f"event: {event['type']}\ndata: {data}\n\n".encode()


def complaint(request: object) -> str | None:
    """What is wrong with a request, by the rules of the API; None if nothing is.

    Beside the fields' types it checks that each tool call is answered by the next message, and
    nothing else is: the mistake that a client makes most easily.
    """
    if not isinstance(request, Mapping):
        return "the body must be a JSON object"
    if not isinstance(request.get("model"), str) or not request["model"]:
        return "model: a name is required"
    if not _is_int(request.get("max_tokens")) or request["max_tokens"] < 1:
        return "max_tokens: an integer from 1 on is required"
    messages = request.get("messages")
    if not isinstance(messages, list) or not messages:
        return "messages: at least one message is required"
    for number, entry in enumerate(messages):
        if wrong := _wrong_message(entry):
            return f"messages.{number}: {wrong}"
    if messages[0]["role"] != "user":
        return "messages.0: the first message must be the user's"
    return _unpaired(messages) or _wrong_tools(request.get("tools", [])) or _overmarked(request)


def blocks(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The content of a message as blocks, also if it was given as a string."""
    content = entry["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def text_of(entry: Mapping[str, Any]) -> str:
    """All that a message says in words."""
    return "\n".join(block["text"] for block in blocks(entry) if block["type"] == "text")


def _frame(reply: Reply) -> dict[str, Any]:
    return {
        "id": reply.id,
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _usage(reply: Reply, output_tokens: int) -> dict[str, int]:
    return {
        "input_tokens": reply.input_tokens,
        "cache_creation_input_tokens": reply.cache_write_tokens,
        "cache_read_input_tokens": reply.cache_read_tokens,
        "output_tokens": output_tokens,
    }


def _thinking_block(index: int, chunks: Sequence[str]) -> Iterator[dict[str, Any]]:
    yield _start(index, _thought(""))
    for chunk in chunks:
        yield _delta(index, {"type": "thinking_delta", "thinking": chunk})
    yield _delta(index, {"type": "signature_delta", "signature": SIGNATURE})
    yield {"type": "content_block_stop", "index": index}


def _thought(text: str, signature: str = "") -> dict[str, Any]:
    return {"type": "thinking", "thinking": text, "signature": signature}


def _text_block(index: int, chunks: Sequence[str]) -> Iterator[dict[str, Any]]:
    yield _start(index, {"type": "text", "text": ""})
    for chunk in chunks:
        yield _delta(index, {"type": "text_delta", "text": chunk})
    yield {"type": "content_block_stop", "index": index}


def _tool_block(index: int, use: ToolUse) -> Iterator[dict[str, Any]]:
    yield _start(index, {"type": "tool_use", "id": use.id, "name": use.name, "input": {}})
    written = json.dumps(use.input, ensure_ascii=False)
    # In pieces, as the API sends it: none of them parses alone.
    middle = len(written) // 2
    for piece in ("", written[:middle], written[middle:]):
        yield _delta(index, {"type": "input_json_delta", "partial_json": piece})
    yield {"type": "content_block_stop", "index": index}


def _start(index: int, block: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def _delta(index: int, delta: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _wrong_message(entry: object) -> str | None:
    if not isinstance(entry, Mapping) or entry.get("role") not in ("user", "assistant"):
        return "an object with the role user or assistant is required"
    content = entry.get("content")
    if not content or not isinstance(content, str | list):
        return "content: a text or a list of blocks is required"
    for block in blocks({"content": content}):
        if not isinstance(block, Mapping) or not isinstance(block.get("type"), str):
            return "content: a block must be an object with a type"
        if wrong := _wrong_block(block):
            return wrong
    if entry["role"] == "assistant" and blocks(entry)[-1]["type"] in _THINKING:
        return "content: the final block of an assistant's message must not be thinking"
    return None


def _wrong_block(block: Mapping[str, Any]) -> str | None:
    match block["type"]:
        case "text":
            if not isinstance(block.get("text"), str) or not block["text"].strip():
                return "text: must not be empty"
        case "tool_use":
            if not all(isinstance(block.get(name), str) for name in ("id", "name")):
                return "tool_use: id and name are required"
            if not isinstance(block.get("input"), Mapping):
                return "tool_use.input: an object is required"
        case "thinking" if not block.get("signature"):
            return "thinking: a signature is required"
        case "tool_result" if not isinstance(block.get("tool_use_id"), str):
            return "tool_result: tool_use_id is required"
    return None


def _overmarked(request: Mapping[str, Any]) -> str | None:
    system = request.get("system", "")
    parts = [request.get("tools", []), *map(blocks, request["messages"])]
    parts += [] if isinstance(system, str) else [system]
    marked = [block for part in parts for block in part if "cache_control" in block]
    if any(block.get("type") in _THINKING for block in marked):
        return "cache_control: thinking cannot have it"
    return "cache_control: at most four blocks may have it" if len(marked) > 4 else None


def _unpaired(messages: Sequence[Mapping[str, Any]]) -> str | None:
    asked: set[str] = set()
    for number, entry in enumerate(messages):
        answered = {b["tool_use_id"] for b in blocks(entry) if b["type"] == "tool_result"}
        if answered - asked:
            return f"messages.{number}: a tool_result without its tool_use just before"
        if asked - answered:
            return f"messages.{number}: a tool_use without its tool_result just after"
        asked = {b["id"] for b in blocks(entry) if b["type"] == "tool_use"}
    return "messages: the last tool_use has no tool_result" if asked else None


def _wrong_tools(tools: object) -> str | None:
    if not isinstance(tools, list):
        return "tools: a list is required"
    for number, tool in enumerate(tools):
        if not isinstance(tool, Mapping) or not isinstance(tool.get("name"), str):
            return f"tools.{number}: a name is required"
        schema = tool.get("input_schema")
        if not isinstance(schema, Mapping) or schema.get("type") != "object":
            return f"tools.{number}.input_schema: a schema of type object is required"
    return None

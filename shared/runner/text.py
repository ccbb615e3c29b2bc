"""Texts and blocks from outside, fit to be stored and sent."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MAX_DEPTH = 64
"""Levels of a block. Python's encoder gives up somewhere behind it, and nobody can tell where."""

MAX_TOOL_NAME = 64
_UNFIT = re.compile(r"[^A-Za-z0-9_-]", re.ASCII)
_FIELDS: Mapping[str, Mapping[str, type]] = {
    "text": {"text": str},
    "tool_use": {"id": str, "name": str, "input": Mapping},
}


def clean(text: str) -> str:
    """JSON can carry half of a surrogate pair; UTF-8 cannot, and neither can anything after us."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def cleaned(value: Any) -> Any:
    """The same for all texts within a JSON value. Its numbers are finite afterwards: Python reads
    `1e400` and `NaN`, which nobody after us does, so they become null."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(name): cleaned(entry) for name, entry in value.items()}
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return [cleaned(entry) for entry in value] if isinstance(value, list | tuple) else value


def check_blocks(content: Sequence[Mapping[str, Any]]) -> None:
    """Whether the blocks of a reply have what whoever reads them relies on. Blocks of other kinds
    are only kept.

    Raises:
        ValueError: one is malformed, or nested too deeply.
    """
    for block in content:
        kind = block.get("type")
        if not isinstance(kind, str) or _depth(block) > MAX_DEPTH:
            raise ValueError("a block has no type, or too many levels")
        fields = _FIELDS.get(kind, {})
        if lacking := [name for name in fields if not isinstance(block.get(name), fields[name])]:
            raise ValueError(f"a block of type {kind} lacks its {lacking[0]}")


def repeatable(content: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The blocks as a provider takes them back: a name of a tool that no tool can have, or an id
    that two calls share, would make it refuse every later request that repeats them."""
    seen: set[str] = set()
    return [_call(block, seen) if block["type"] == "tool_use" else dict(block) for block in content]


def _call(block: Mapping[str, Any], seen: set[str]) -> dict[str, Any]:
    known = _UNFIT.sub("_", block["id"]) or "_"
    while known in seen:
        known += "_"
    seen.add(known)
    name = _UNFIT.sub("_", block["name"])[:MAX_TOOL_NAME] or "_"
    return {**block, "id": known, "name": name}


def _depth(value: Any) -> int:
    """How many levels the value has, as far as it matters."""
    level, depth = [value], 0
    while level and depth <= MAX_DEPTH:
        level = [inner for part in level for inner in _inner(part)]
        depth += 1
    return depth


def _inner(part: Any) -> Iterator[Any]:
    if isinstance(part, Mapping):
        yield from part.values()
    elif isinstance(part, list | tuple):
        yield from part

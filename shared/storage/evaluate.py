"""Conditions and changes, carried out in Python on one document, as DynamoDB would.

A document is an item's attributes with `pk` and `sk` among them; `{}` is an item that does not
exist.
"""

import copy
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from shared.storage.expressions import (
    All,
    AnyOf,
    Append,
    Assign,
    Attribute,
    Change,
    Compare,
    Condition,
    Default,
    Extend,
    Increment,
    Not,
    Path,
    Present,
    Remove,
    SizeBelow,
)
from shared.storage.table import MAX_NUMBER

Document = Mapping[str, Any]

_MISSING: Final = object()
_ORDERED = ("N", "S", "B")
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def holds(condition: Condition, document: Document) -> bool:
    """Whether the condition is true for the document."""
    match condition:
        case All(parts):
            return all(holds(part, document) for part in parts)
        case AnyOf(parts):
            return any(holds(part, document) for part in parts)
        case Not(part):
            return not holds(part, document)
        case Present(path):
            return _find(document, path) is not _MISSING
        case SizeBelow(path, limit):
            return _size_below(_find(document, path), limit)
        case Compare(path, how, operand):
            right = _find(document, operand.path) if isinstance(operand, Attribute) else operand
            return _compare(_find(document, path), how, right)
    raise TypeError(f"not a condition: {condition!r}")


def changed(document: Document, changes: Sequence[Change]) -> dict[str, Any]:
    """A new document with the changes made. All of them see the document as it was before.

    Raises:
        ValueError: a nested path without a parent, or a change that does not suit the value.
    """
    result = copy.deepcopy(dict(document))
    placed, removed = in_order(changes)
    for change in placed:
        _place(result, change.path, _new_value(document, change))
    for change in removed:
        _remove(result, change.path)
    return result


def in_order(changes: Sequence[Change]) -> tuple[list[Change], list[Remove]]:
    """What is to be placed and what is to be removed, each in an order in which it may be done.

    Values beyond the end of a list are added in the order of their indexes. Deeper paths and
    later elements of a list go first, so that no removal moves what another one names.
    """
    placed = [change for change in changes if not isinstance(change, Remove)]
    removed = [change for change in changes if isinstance(change, Remove)]
    placed.sort(key=lambda change: _last_index(change.path))
    removed.sort(key=lambda change: (-len(change.path), -_last_index(change.path)))
    return placed, removed


def _kind(value: Any) -> str:
    """DynamoDB's name of the value's type. True is not 1 there."""
    if value is None:
        return "NULL"
    for kind, types in (("BOOL", bool), ("N", int), ("S", str), ("B", bytes), ("L", list)):
        if isinstance(value, types):
            return kind
    return "M"


def _find(document: Document, path: Path) -> Any:
    found: Any = document
    for step in path:
        found = _child(found, step)
    return found


def _child(parent: Any, step: str | int) -> Any:
    if isinstance(step, str):
        return parent.get(step, _MISSING) if isinstance(parent, Mapping) else _MISSING
    inside = isinstance(parent, list) and step < len(parent)
    return parent[step] if inside else _MISSING


def _compare(left: Any, how: str, right: Any) -> bool:
    if left is _MISSING or right is _MISSING or _kind(left) != _kind(right):
        return how == "<>"
    if how in _ORDER:
        # Python orders str by code point, which is the order of the UTF-8 bytes too.
        return _kind(left) in _ORDERED and _ORDER[how](left, right)
    return _equal(left, right) == (how == "=")


def _equal(left: Any, right: Any) -> bool:
    if _kind(left) != _kind(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_equal(left[key], right[key]) for key in left)
    return bool(left == right)


def _size_below(value: Any, limit: int) -> bool:
    if isinstance(value, str):
        return len(value.encode()) < limit
    return isinstance(value, list | dict | bytes) and len(value) < limit


def _new_value(document: Document, change: Change) -> Any:
    match change:
        case Assign(_, value):
            return copy.deepcopy(value)
        case Default(path, value):
            before = _find(document, path)
            return copy.deepcopy(value) if before is _MISSING else before
        case Append(path, value):
            return _extended(document, path, [value])
        case Extend(path, values):
            return _extended(document, path, list(values))
        case Increment(path, by):
            before = _find(document, path)
            if before is _MISSING:
                before = 0
            if _kind(before) != "N":
                raise ValueError(f"cannot increment {path}: it is no number")
            if abs(before + by) > MAX_NUMBER:
                raise ValueError(f"cannot increment {path}: more than 38 digits")
            return before + by
    raise TypeError(f"not a change: {change!r}")


def _extended(document: Document, path: Path, values: list[Any]) -> list[Any]:
    before = _find(document, path)
    if before is _MISSING:
        before = []
    if _kind(before) != "L":
        raise ValueError(f"cannot append at {path}: it is no list")
    return [*copy.deepcopy(before), *copy.deepcopy(values)]


def _parent(result: dict[str, Any], path: Path) -> Any:
    """What holds the last step of the path, if it suits it."""
    parent = _find(result, path[:-1])
    suits = isinstance(parent, dict if isinstance(path[-1], str) else list)
    if not suits:
        raise ValueError(f"the item has no place for {path}")
    return parent


def _place(result: dict[str, Any], path: Path, value: Any) -> None:
    parent, step = _parent(result, path), path[-1]
    if isinstance(step, int) and step >= len(parent):
        parent.append(value)
    else:
        parent[step] = value


def _remove(result: dict[str, Any], path: Path) -> None:
    parent, step = _parent(result, path), path[-1]
    if isinstance(step, str):
        parent.pop(step, None)
    elif step < len(parent):
        del parent[step]


def _last_index(path: Path) -> int:
    return path[-1] if isinstance(path[-1], int) else 0

"""Conditions and changes, as data: what both Table engines understand.

A path names an attribute or something inside it: `("until",)`, `("jobs", 0)`,
`("decisions", "call-1")`. Semantics are DynamoDB's: a comparison with a missing attribute, or
between different types, is false (not-equal is true).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Value = Any
"""A native attribute: str, int, bool, None, or a list or a str-keyed dict of these. No floats."""

Path = tuple[str | int, ...]
Operator = Literal["=", "<>", "<", "<=", ">", ">="]


class Condition:
    """Something that must hold for an item at the moment of the write."""

    def __and__(self, other: "Condition") -> "Condition":
        return All((self, other))

    def __or__(self, other: "Condition") -> "Condition":
        return AnyOf((self, other))

    def __invert__(self) -> "Condition":
        return Not(self)


@dataclass(frozen=True)
class Attribute:
    """A path; its methods build conditions."""

    path: Path

    def eq(self, value: Value) -> Condition:
        return Compare(self.path, "=", value)

    def ne(self, value: Value) -> Condition:
        return Compare(self.path, "<>", value)

    def lt(self, value: Value) -> Condition:
        return Compare(self.path, "<", value)

    def le(self, value: Value) -> Condition:
        return Compare(self.path, "<=", value)

    def gt(self, value: Value) -> Condition:
        return Compare(self.path, ">", value)

    def ge(self, value: Value) -> Condition:
        return Compare(self.path, ">=", value)

    def present(self) -> Condition:
        return Present(self.path)

    def absent(self) -> Condition:
        return Not(Present(self.path))

    def size_below(self, limit: int) -> Condition:
        """The list or map has fewer than `limit` elements; false when it is missing."""
        return SizeBelow(self.path, limit)


def attr(*path: str | int) -> Attribute:
    """The attribute at `path`."""
    return Attribute(path)


@dataclass(frozen=True)
class Compare(Condition):
    path: Path
    operator: Operator
    operand: Value | Attribute


@dataclass(frozen=True)
class Present(Condition):
    path: Path


@dataclass(frozen=True)
class SizeBelow(Condition):
    path: Path
    limit: int


@dataclass(frozen=True)
class All(Condition):
    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class AnyOf(Condition):
    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Not(Condition):
    part: Condition


EXISTS: Condition = Present(("pk",))
ABSENT: Condition = Not(EXISTS)


class Change:
    """One change of an item. The changes of one update must not touch overlapping paths."""

    path: Path


@dataclass(frozen=True)
class Assign(Change):
    """Set the path to the value. The parent of a nested path must exist."""

    path: Path
    value: Value


@dataclass(frozen=True)
class Default(Change):
    """Set the path to the value if there is nothing there."""

    path: Path
    value: Value


@dataclass(frozen=True)
class Increment(Change):
    """Add `by` to a number; a missing one counts as 0."""

    path: Path
    by: int


@dataclass(frozen=True)
class Append(Change):
    """Add one value at the end of a list; a missing one counts as empty."""

    path: Path
    value: Value


@dataclass(frozen=True)
class Extend(Change):
    """Add values at the end of a list, in their order; a missing one counts as empty."""

    path: Path
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Remove(Change):
    """Remove an attribute, a map entry or a list element; nothing happens if it is not there.

    The parent of a nested path must exist.
    """

    path: Path


def assign(values: Mapping[str, Value]) -> list[Change]:
    """One `Assign` for each top-level attribute; None means `Remove`."""
    return [
        Remove((name,)) if value is None else Assign((name,), value)
        for name, value in values.items()
    ]

"""Conditions and changes as DynamoDB's expression strings, every name and value a placeholder."""

from collections.abc import Sequence
from typing import Any

from shared.storage.dynamodb_wire import to_wire
from shared.storage.evaluate import in_order
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
    SizeBelow,
)


class Expressions:
    """The expressions of one operation, which share one set of placeholders."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: list[Any] = []

    def condition(self, condition: Condition) -> str:
        """The text of a condition. DynamoDB refuses parentheses that change nothing."""
        match condition:
            case All(parts):
                return self._joined(" AND ", parts)
            case AnyOf(parts):
                return self._joined(" OR ", parts)
            case Not(Not(part)):
                return self.condition(part)
            case Not(Present(path)):
                return f"attribute_not_exists({self._path(path)})"
            case Not(part):
                return f"NOT {self._grouped(part)}"
            case Present(path):
                return f"attribute_exists({self._path(path)})"
            case SizeBelow(path, limit):
                text = self._path(path)
                return f"attribute_exists({text}) AND size({text}) < {self.value(limit)}"
            case Compare(path, operator, Attribute(other)):
                return f"{self._path(path)} {operator} {self._path(other)}"
            case Compare(path, operator, operand):
                return f"{self._path(path)} {operator} {self.value(operand)}"
        raise TypeError(f"not a condition: {condition!r}")

    def update(self, changes: Sequence[Change]) -> str:
        """The text of an update expression."""
        # The order means nothing to DynamoDB itself; emulators carry the changes out one by one.
        placed, removed = in_order(changes)
        sets = [self._placed(change) for change in placed]
        clauses = [("SET", sets), ("REMOVE", [self._path(change.path) for change in removed])]
        return " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses if parts)

    def value(self, value: Any) -> str:
        """The placeholder of a value."""
        self._values.append(value)
        return f":v{len(self._values) - 1}"

    def name(self, name: str) -> str:
        """The placeholder of an attribute's name."""
        return self._names.setdefault(name, f"#n{len(self._names)}")

    def placeholders(self) -> dict[str, Any]:
        """The request's members for the placeholders; DynamoDB refuses empty ones."""
        names = {place: name for name, place in self._names.items()}
        values = {f":v{number}": to_wire(value) for number, value in enumerate(self._values)}
        members = {"ExpressionAttributeNames": names, "ExpressionAttributeValues": values}
        return {name: member for name, member in members.items() if member}

    def _joined(self, word: str, parts: Sequence[Condition]) -> str:
        if len(parts) == 1:
            return self.condition(parts[0])
        return word.join(self._grouped(part) for part in parts)

    def _grouped(self, condition: Condition) -> str:
        """The condition as a part of another one."""
        text = self.condition(condition)
        return f"({text})" if isinstance(_essence(condition), All | AnyOf | SizeBelow) else text

    def _placed(self, change: Change) -> str:
        path = self._path(change.path)
        match change:
            case Assign(_, value):
                return f"{path} = {self.value(value)}"
            case Default(_, value):
                return f"{path} = if_not_exists({path}, {self.value(value)})"
            case Increment(_, by):
                return f"{path} = if_not_exists({path}, {self.value(0)}) + {self.value(by)}"
            case Append(_, value):
                return self._appended(path, [value])
            case Extend(_, values):
                return self._appended(path, list(values))
        raise TypeError(f"not a change: {change!r}")

    def _appended(self, path: str, values: list[Any]) -> str:
        before = f"if_not_exists({path}, {self.value([])})"
        return f"{path} = list_append({before}, {self.value(values)})"

    def _path(self, path: Path) -> str:
        text = ""
        for step in path:
            text += f"[{step}]" if isinstance(step, int) else f".{self.name(step)}"
        return text[1:]


def _essence(condition: Condition) -> Condition:
    """The condition without what adds nothing to its text."""
    match condition:
        case All((part,)) | AnyOf((part,)) | Not(Not(part)):
            return _essence(part)
    return condition

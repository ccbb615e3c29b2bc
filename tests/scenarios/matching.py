"""Expected values against actual ones, and the names that a scenario gives to what it saw.

A mapping matches when each of its fields does, whatever else there is; a list when it has the
same length. In texts `${name}` stands for a value: the first one that it meets names it.

    "<absent>"              there is no such field
    {contains: some text}   a text that has it
    {repeat: x, times: 3}   xxx
"""

import re
from collections.abc import Mapping
from typing import Any

ABSENT = "<absent>"

_NAME = re.compile(r"\$\{(\w+)\}")


class Names:
    """What the names of one scenario stand for."""

    def __init__(self, **known: Any) -> None:
        self._values: dict[str, Any] = dict(known)

    def fill(self, value: Any) -> Any:
        """The value with every name replaced by what it stands for."""
        match value:
            case str():
                return _NAME.sub(lambda found: str(self._values[found[1]]), value)
            case {"repeat": str(text), "times": int(times)}:
                return text * times
            case Mapping():
                return {key: self.fill(entry) for key, entry in value.items()}
            case list():
                return [self.fill(entry) for entry in value]
        return value

    def mismatch(self, expected: Any, actual: Any, where: str = "event") -> str | None:
        """How they differ; None when they match. Names without a value get one."""
        if isinstance(expected, str) and (named := _NAME.fullmatch(expected)):
            known = self._values.setdefault(named[1], actual)
            return None if known == actual else f"{where}: {actual!r} is not {expected} = {known!r}"
        match expected:
            case {"contains": str(part)}:
                part = self.fill(part)
                return None if part in str(actual) else f"{where}: {actual!r} lacks {part!r}"
            case {"repeat": str(), "times": int()}:
                return self._differ(self.fill(expected), actual, where)
            case Mapping():
                return self._fields(expected, actual, where)
            case list():
                return self._entries(expected, actual, where)
        return self._differ(self.fill(expected), actual, where)

    def _differ(self, expected: Any, actual: Any, where: str) -> str | None:
        same = expected == actual and isinstance(expected, bool) == isinstance(actual, bool)
        return None if same else f"{where}: {_short(actual)} is not {_short(expected)}"

    def _fields(self, expected: Mapping[str, Any], actual: Any, where: str) -> str | None:
        if not isinstance(actual, Mapping):
            return f"{where}: {actual!r} is no object"
        for name, value in expected.items():
            if value == ABSENT:
                if name in actual:
                    return f"{where}.{name} is {actual[name]!r} and should not be there"
            elif name not in actual:
                return f"{where}.{name} is missing in {dict(actual)!r}"
            elif found := self.mismatch(value, actual[name], f"{where}.{name}"):
                return found
        return None

    def _entries(self, expected: list[Any], actual: Any, where: str) -> str | None:
        if not isinstance(actual, list) or len(actual) != len(expected):
            return f"{where}: {actual!r} does not have {len(expected)} entries"
        for number, (wanted, got) in enumerate(zip(expected, actual, strict=True)):
            if found := self.mismatch(wanted, got, f"{where}[{number}]"):
                return found
        return None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:300]}… ({len(text)} characters)"

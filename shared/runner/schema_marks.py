"""What the JSON schema of a tool marks as secret: `format: password`, `writeOnly: true`.

When in doubt a value is taken for marked: all branches of `anyOf` and the like count, and each
entry of a list has the marks of all that its entries may be.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from shared.tools.arguments import referred

Schema = Mapping[str, Any]
Parts = tuple[Schema, ...]
"""All parts of a schema that say something of one value."""

_BRANCHES = ("allOf", "anyOf", "oneOf")
_SCHEMAS = ("then", "else")


class Marks:
    """The marks in one schema."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._known: dict[tuple[Any, ...], Parts] = {}
        self.root = self._all([schema])

    def secret(self, parts: Parts) -> bool:
        """Whether the value that these parts speak of is marked."""
        return any(
            part.get("format") == "password" or part.get("writeOnly") is True for part in parts
        )

    def field(self, parts: Parts, name: str) -> Parts:
        """What is said of a field of an object."""
        named = any(name in _object(part.get("properties")) for part in parts)
        key = (*map(id, parts), name if named else None)
        if key not in self._known:
            self._known[key] = self._all(each for part in parts for each in _fields(part, name))
        return self._known[key]

    def entries(self, parts: Parts) -> Parts:
        """What is said of the entries of a list."""
        key = (*map(id, parts), 0)
        if key not in self._known:
            self._known[key] = self._all(each for part in parts for each in _entries(part))
        return self._known[key]

    def _all(self, schemas: Iterable[Any]) -> Parts:
        """These and all that they consist of or refer to."""
        found: dict[int, Schema] = {}
        waiting = list(schemas)
        while waiting:
            each = waiting.pop()
            if not isinstance(each, Mapping) or id(each) in found:
                continue
            found[id(each)] = each
            waiting += [branch for name in _BRANCHES for branch in _list(each.get(name))]
            waiting += [each.get(name) for name in _SCHEMAS]
            waiting += _object(each.get("dependentSchemas")).values()
            if "$ref" in each:
                waiting.append(referred(self._schema, each["$ref"]))
        return tuple(found.values())


def _fields(part: Schema, name: str) -> Iterator[Any]:
    properties = _object(part.get("properties"))
    if name in properties:
        yield properties[name]
    else:
        yield part.get("additionalProperties")
        yield part.get("unevaluatedProperties")
    yield from _object(part.get("patternProperties")).values()


def _entries(part: Schema) -> Iterator[Any]:
    yield from _list(part.get("prefixItems"))
    yield from (part.get(name) for name in ("items", "unevaluatedItems", "contains"))


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else ()

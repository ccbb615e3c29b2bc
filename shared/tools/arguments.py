"""Arguments that a model gave: checked against a tool's JSON schema, and refused in our words.

The texts are for the model: which argument, what is wrong with it, what would be right.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from shared.protocol.faults import Fault
from shared.tools.port import InvalidArguments
from shared.tools.specs import MAX_SCHEMA_BYTES

if TYPE_CHECKING:
    # It comes without types, here and below.
    from jsonschema.exceptions import ValidationError  # type: ignore[import-untyped]

Check = Callable[[Mapping[str, Any]], None]
"""Returns if the arguments fit, and raises InvalidArguments if they do not."""

MAX_FAULTS = 5
_MAX_SHOWN = 300

_ARGUMENT = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_AT_THE_TOP = ("anyOf", "oneOf", "allOf")
_ELSEWHERE = ("$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef")
_TYPES = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_REASONS = {
    "minimum": "must be at least {0}",
    "maximum": "must be at most {0}",
    "exclusiveMinimum": "must be more than {0}",
    "exclusiveMaximum": "must be less than {0}",
    "multipleOf": "must be a multiple of {0}",
    "minLength": "must have at least {0} characters",
    "maxLength": "may have at most {0} characters; shorten it",
    "minItems": "must have at least {0} entries",
    "maxItems": "may have at most {0} entries; remove some",
    "uniqueItems": "may have each entry only once",
    "minProperties": "must have at least {0} fields",
    "maxProperties": "may have at most {0} fields; remove some",
    "pattern": "must match the pattern {0}",
    "const": "must be {0}",
    "enum": "must be one of {0}",
}


def refusal(found: Iterable[Fault]) -> InvalidArguments:
    """The error for the model: the first few things that are wrong, each once."""
    sentences = list(dict.fromkeys(str(fault) for fault in found))
    more = " There is more that does not fit." if len(sentences) > MAX_FAULTS else ""
    said = " ".join(sentences[:MAX_FAULTS])
    return InvalidArguments(f"The arguments do not fit, so nothing was called. {said}{more}")


def unknown(known: Iterable[str]) -> str:
    """The reason for an argument that the tool does not have."""
    names = ", ".join(known)
    return f"is no argument of this tool; {f'there are {names}' if names else 'it takes none'}"


def check_schema(schema: Mapping[str, Any]) -> None:
    """Whether a model can be told of this schema.

    Raises:
        ValueError: the reason, to go on where the name of the field ends.
    """
    try:
        size = len(json.dumps(schema, allow_nan=False).encode())
    except (TypeError, ValueError, RecursionError):
        raise ValueError("must be JSON; put dates in quotes") from None
    if size > MAX_SCHEMA_BYTES:
        raise ValueError(f"may have at most {MAX_SCHEMA_BYTES // 1024} KB; shorten it")
    if schema.get("type") != "object":
        raise ValueError("must have type: object at its top")
    if found := [name for name in _AT_THE_TOP if name in schema]:
        raise ValueError(f"may not have {found[0]} at its top, because models do not accept that")
    properties = schema.get("properties", {})
    if not isinstance(properties, Mapping):
        raise ValueError("must have an object as its properties")  # noqa: TRY004 - one kind of error
    for name in properties:
        if not _ARGUMENT.fullmatch(name):
            raise ValueError(
                f'has an argument "{name[:64]}": use up to 64 letters, digits, and _ . - '
                "in its name"
            )


def checked(schema: Mapping[str, Any]) -> Check:
    """The check that arguments fit the schema.

    An argument that `properties` does not name is refused unless the schema has
    `additionalProperties`: a model's invention must not be passed on.

    Raises:
        ValueError: this is no schema that a model can be told of; the reason, to go on where the
            name of the field ends.
    """
    # Only who has HTTP or Lambda tools pays for the import.
    from jsonschema import Draft202012Validator, SchemaError  # type: ignore[import-untyped]
    from referencing import Registry

    check_schema(schema)
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as fault:
        place = ".".join(str(step) for step in fault.absolute_path)
        raise ValueError(f'is not a valid JSON schema at "{place}"') from None
    _check_references(schema)
    # A registry of its own: without one, the library would fetch what a schema refers to.
    closed = {"additionalProperties": False, **schema}
    validator = Draft202012Validator(closed, registry=Registry())

    def check(arguments: Mapping[str, Any]) -> None:
        try:
            errors = sorted(validator.iter_errors(dict(arguments)), key=_place)
        except RecursionError:
            raise InvalidArguments(
                "The arguments are nested too deeply, so nothing was called. Make them flatter."
            ) from None
        if errors:
            raise refusal(fault for error in errors for fault in _faults(error))

    return check


def _place(error: "ValidationError") -> list[str]:
    return [str(step) for step in error.absolute_path]


def _faults(error: "ValidationError") -> Iterator[Fault]:
    path, rule = tuple(error.absolute_path), error.validator_value
    match error.validator:
        case "required":
            for name in rule:
                if name not in error.instance:
                    yield Fault((*path, name), "is missing; add it")
        case "additionalProperties" if rule is False:
            known = error.schema.get("properties", {})
            for name in error.instance:
                if name not in known:
                    yield Fault((*path, name), unknown(known))
        case _:
            yield Fault(path, _reason(error.validator, rule, error.schema))


def _reason(keyword: str, rule: Any, schema: Any) -> str:
    if keyword == "type":
        types = [rule] if isinstance(rule, str) else rule
        return f"must be {' or '.join(_TYPES[each] for each in types)}"
    if keyword not in _REASONS:
        return f"must fit the schema {shown(schema)}"
    if keyword == "enum":
        return _REASONS[keyword].format(", ".join(shown(each) for each in rule[:50]))
    return _REASONS[keyword].format(shown(rule))


def shown(value: Any) -> str:
    """A part of a schema as JSON, shortened."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def _check_references(schema: Mapping[str, Any]) -> None:
    for part in _parts(schema):
        if any(name in part for name in _ELSEWHERE):
            raise ValueError("may refer to its own parts only, by $ref: '#/$defs/name'")
        if "$ref" in part and referred(schema, part["$ref"]) is None:
            raise ValueError(f"has a $ref {shown(part['$ref'])} that leads nowhere in it")


def _parts(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
        for each in value.values():
            yield from _parts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _parts(each)


def referred(schema: Mapping[str, Any], reference: Any) -> Mapping[str, Any] | bool | None:
    """The part of the schema that a $ref leads to; None: it leads to none."""
    if reference == "#":
        return schema
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return None
    part: Any = schema
    for step in reference.removeprefix("#/").split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(part, Mapping) or name not in part:
            return None
        part = part[name]
    return part if isinstance(part, Mapping | bool) else None

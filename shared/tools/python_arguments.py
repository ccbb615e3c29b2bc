"""The arguments of a Python function: their JSON schema, and values of the annotated types.

Both come from the type hints, by pydantic.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pydantic
from pydantic import ConfigDict, Field, TypeAdapter, create_model
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema

from shared.protocol.faults import Fault, faults
from shared.tools.arguments import check_schema, refusal, shown, unknown
from shared.tools.port import ToolContext

_NOT_BY_NAME: Mapping[Any, str] = {
    inspect.Parameter.POSITIONAL_ONLY: "is positional only; remove the / behind it",
    inspect.Parameter.VAR_POSITIONAL: "takes any number of values; make it a list",
    inspect.Parameter.VAR_KEYWORD: "takes any names; name each parameter",
}
_REASONS = {
    # The beginning of pydantic's word for what is wrong, and what would be right.
    "enum": "must be {expected}",
    "datetime": "must be a date and time such as 2026-01-31T12:00:00Z",
    "timezone": "must be a date and time such as 2026-01-31T12:00:00Z",
    "date": "must be a date such as 2026-01-31",
    "time_delta": "must be a duration such as PT1H30M",
    "time": "must be a time such as 12:30",
    "uuid": "must be a UUID",
    "url": "must be a URL such as https://example.com",
    "string_pattern": "must match the pattern {pattern}",
    "string_too_short": "must have at least {min_length} characters",
    "string": "must be a text",
    "decimal": "must be a number",
    "multiple_of": "must be a multiple of {multiple_of}",
    "too_short": "must have at least {min_length} entries",
    "set_type": "must be a list",
    "frozen_set_type": "must be a list",
    "none_required": "must be null",
    "dataclass_type": "must be an object",
    "model_attributes_type": "must be an object",
}
_WITHIN = (
    'cannot be a tool: the type of its parameter "{}" has a ToolContext in it, which a model must '
    "not make up; take it as a parameter of its own"
)
_VAGUE = ("is not valid", "may not be empty")
"""What `faults` says that a model could not act on."""


class _Schema(GenerateJsonSchema):
    """Without titles, which say nothing new, and without defaults that JSON cannot hold."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def is_instance_schema(self, schema: Any) -> dict[str, Any]:
        if schema["cls"] is ToolContext:
            raise _ContextWithin
        return super().is_instance_schema(schema)


class _ContextWithin(TypeError):
    """A context is somewhere in a type that the model would fill."""


class Parameters:
    """The parameters of one function."""

    schema: Mapping[str, Any]

    def __init__(self, function: Callable[..., Any], described: Mapping[str, str]) -> None:
        """`described` has the descriptions of parameters by name.

        Raises:
            ValueError: a model cannot be told of this function; the reason, a sentence that goes
                on where its name ends.
        """
        self._contexts: list[str] = []
        self._names: dict[str, str] = {}
        self._without_default: set[str] = set()
        # A field may not have every name that a parameter may, so the names are aliases.
        fields: dict[str, Any] = {}
        for number, (name, hint, default) in enumerate(_declared(function)):
            if _is_context(name, hint):
                self._contexts.append(name)
                continue
            if default is inspect.Parameter.empty:
                usual = ...
                self._without_default.add(f"p{number}")
            else:
                usual = default
            fields[f"p{number}"] = (hint, Field(usual, alias=name))
            self._names[f"p{number}"] = name
        config = ConfigDict(
            extra="forbid", coerce_numbers_to_str=True, arbitrary_types_allowed=False
        )
        try:
            self._model = create_model("Arguments", __config__=config, **fields)
            schema = self._model.model_json_schema(schema_generator=_Schema)
        except (PydanticUserError, PydanticUndefinedAnnotation, TypeError) as fault:
            raise ValueError(_culprit(fields, self._names)) from fault
        schema.pop("title")
        for name in self._names.values():
            if described.get(name):
                # What the type itself says of its use is nearer than the docstring.
                schema["properties"][name].setdefault("description", described[name])
        try:
            check_schema(schema)
        except ValueError as wrong:
            raise ValueError(f"has parameters that a model cannot be told of: it {wrong}") from None
        self.schema = schema

    def values(self, arguments: Mapping[str, Any], context: ToolContext) -> dict[str, Any]:
        """What to call the function with. Arguments that were left out keep their defaults: those
        of the function, or else those of the parameters' Field.

        Raises:
            InvalidArguments: they do not fit.
        """
        read = self.read(arguments)
        given = read.model_fields_set | self._without_default
        values = {self._names[field]: getattr(read, field) for field in given}
        return {**values, **dict.fromkeys(self._contexts, context)}

    def read(self, arguments: Mapping[str, Any]) -> pydantic.BaseModel:
        """The arguments as the parameters' types have them. Raises like `values`."""
        try:
            read: pydantic.BaseModel = self._model.model_validate(dict(arguments))
        except pydantic.ValidationError as error:
            found = list(self._faults(error, arguments))
        else:
            return read
        # Raised here, without its cause: that has the values, and they are the user's.
        raise refusal(found)

    def _faults(
        self, error: pydantic.ValidationError, arguments: Mapping[str, Any]
    ) -> Iterator[Fault]:
        reasons: dict[tuple[str | int, ...], dict[str, None]] = {}
        details = error.errors(include_url=False, include_input=False)
        for fault, detail in zip(faults(error), details, strict=True):
            path = _real(fault, arguments)
            reasons.setdefault(path, {})[self._reason(fault, path, detail.get("ctx", {}))] = None
        for path, each in reasons.items():
            # Several reasons in one place are the branches of a union.
            yield Fault(path, ", or ".join(each))

    def _reason(self, fault: Fault, path: tuple[str | int, ...], about: Mapping[str, Any]) -> str:
        if fault.kind == "extra_forbidden" and len(path) == 1:
            return unknown(self._names.values())
        if fault.reason not in _VAGUE:
            return fault.reason
        for kind, reason in _REASONS.items():
            if fault.kind.startswith(kind):
                return reason.format_map(about)
        rule = self.schema["properties"].get(path[0], {}) if path else self.schema
        return f"must fit the schema {shown(rule)}"


def _declared(function: Callable[..., Any]) -> Iterator[tuple[str, Any, Any]]:
    """Each parameter's name, type and default."""
    try:
        signature = inspect.signature(function)
        hints = get_type_hints(function, include_extras=True)
    except Exception as fault:
        # Annotations are code of the author's: whatever evaluating them raises says what is wrong.
        raise ValueError(
            f"has type hints that cannot be read ({type(fault).__name__}: {fault})"
        ) from fault
    for name, parameter in signature.parameters.items():
        if reason := _NOT_BY_NAME.get(parameter.kind):
            raise ValueError(f'cannot be a tool: its parameter "{name}" {reason}')
        if name not in hints:
            raise ValueError(f'cannot be a tool: its parameter "{name}" needs a type hint')
        if isinstance(parameter.default, FieldInfo):
            raise ValueError(  # noqa: TRY004 - one kind of error
                f'cannot be a tool: write the Field of its parameter "{name}" as '
                "Annotated[type, Field(…)]"
            )
        if parameter.default is not inspect.Parameter.empty and _has_factory(hints[name]):
            raise ValueError(
                f'cannot be a tool: its parameter "{name}" has a default and the default_factory '
                "of a Field; remove one of them"
            )
        yield name, hints[name], parameter.default


def _has_factory(hint: Any) -> bool:
    return get_origin(hint) is Annotated and any(
        isinstance(each, FieldInfo) and each.default_factory for each in hint.__metadata__
    )


def _is_context(name: str, hint: Any) -> bool:
    """Raises ValueError for a type that would let the model make a context up."""
    if hint in (ToolContext, ToolContext | None):
        return True
    if _mentions_context(hint):
        raise ValueError(f'cannot be a tool: annotate its parameter "{name}" as ToolContext alone')
    return False


def _mentions_context(hint: Any) -> bool:
    return hint is ToolContext or any(_mentions_context(each) for each in get_args(hint))


def _culprit(fields: Mapping[str, Any], names: Mapping[str, str]) -> str:
    for field, (hint, _) in fields.items():
        try:
            TypeAdapter(hint).json_schema(schema_generator=_Schema)
        except _ContextWithin:
            return _WITHIN.format(names[field])
        except (PydanticUserError, PydanticUndefinedAnnotation, TypeError):
            return (
                f'cannot be a tool: the type of its parameter "{names[field]}" cannot be '
                "described to a model; use texts, numbers, dates, lists, models"
            )
    return "cannot be a tool: the types of its parameters cannot be described to a model"


def _real(fault: Fault, arguments: Any) -> tuple[str | int, ...]:
    """The steps of the path that lead through the arguments: pydantic also names the branches of
    unions, by Python types."""
    path: list[str | int] = []
    value = arguments
    for number, step in enumerate(fault.path, 1):
        last = number == len(fault.path)
        if isinstance(value, Mapping) and step in value:
            value = value[str(step)]
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        elif not (last and fault.kind == "missing"):
            continue
        path.append(step)
    return tuple(path)

"""Who the user is: a form for their name, email address and phone number, as far as asked for."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field

from shared.interactions.port import SUBMIT_TOOL, FieldFault, InvalidValues, Raised
from shared.interactions.reading import (
    OMITTED,
    ONE_LINE,
    Asked,
    Shape,
    blank,
    each_once,
    entries,
    raised_of,
    read,
    read_arguments,
)
from shared.interactions.schemas import REASON, fields, several, text
from shared.protocol.faults import Fault

# Characters.
MAX_LABEL = 80
MAX_NAME = 200
MAX_EMAIL = 254
MAX_PHONE = 64
"""As it is typed; what comes out has at most 16."""

NOT_AN_EMAIL = "must be a valid email address"
NOT_A_PHONE = "must be a phone number with its country code, such as +49 30 123456"

_Key = Literal["name", "email", "phone"]
_KEYS: tuple[str, ...] = get_args(_Key)
_WORDS = {"name": "name", "email": "email address", "phone": "phone number with its country code"}

_DESCRIPTION = """\
Ask the user for their name, email address or phone number with a form; ask only for what you \
need. Returns JSON with a status: "submitted" with the values, "declined" or "no_response"; or it \
tells you to ask in words."""

_FIELD = fields(
    {
        "key": {"enum": list(_KEYS), "description": "Each at most once."},
        "required": {
            "type": "boolean",
            "description": "Whether the form needs it; if left out, it does.",
        },
        "label": text(MAX_LABEL, "What the form calls it, if not by its usual name."),
    },
    required=["key"],
)

# Whoever sends mail there must get one address, and no header, list or quoted text.
_PART = r'[^\s@.,;:<>()\[\]\\"]'
_EMAIL = re.compile(rf"(?:{_PART}|\.){{1,64}}@(?:{_PART}{{1,63}}\.)+{_PART}{{1,63}}")
# Hyphens and dashes, and the marks of direction that come along when a number is copied.
_BETWEEN_DIGITS = re.compile(r"[\s.()\-\u2010-\u2015\u2212\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_E164 = re.compile(r"\+[1-9][0-9]{7,14}")


def _email(value: str) -> str:
    if not value.isprintable() or not _EMAIL.fullmatch(value):
        raise ValueError(NOT_AN_EMAIL)
    return value


def _phone(value: str) -> str:
    # In some countries the zero of "+44 (0)20" is dialled and in others not.
    if "(0)" in re.sub(r"\s", "", value):
        raise ValueError(NOT_A_PHONE)
    number = _BETWEEN_DIGITS.sub("", value)
    if number.startswith("00"):
        number = f"+{number[2:]}"
    if not _E164.fullmatch(number):
        raise ValueError(NOT_A_PHONE)
    return number


_Name = Annotated[str, Field(max_length=MAX_NAME), ONE_LINE]
_Email = Annotated[str, Field(max_length=MAX_EMAIL), AfterValidator(_email)]
_Phone = Annotated[str, Field(max_length=MAX_PHONE), AfterValidator(_phone)]
_Label = Annotated[str, Field(max_length=MAX_LABEL), ONE_LINE]


class _Field(Shape):
    key: _Key
    required: bool = Field(True, strict=True)
    label: Annotated[_Label | None, OMITTED] = None


class _Asked(Asked):
    fields: Annotated[
        list[_Field], entries(1, len(_KEYS)), each_once("key", lambda field: field.key)
    ]


class _Values(Shape):
    name: Annotated[_Name | None, OMITTED] = None
    email: Annotated[_Email | None, OMITTED] = None
    phone: Annotated[_Phone | None, OMITTED] = None


class IdentityIntake:
    """The kind `identity_intake`. The field of a fault is `name`, `email`, `phone`, or `values`."""

    name = "identity_intake"
    capability = "identity_form"
    tool = "request_identity_intake"
    description = _DESCRIPTION
    parameters = fields(
        {"fields": several(_FIELD, 1, len(_KEYS)), "reason": REASON}, required=["fields"]
    )

    def raised(self, arguments: Mapping[str, Any]) -> Raised:
        return raised_of(read_arguments(_Asked, arguments))

    def validate(self, spec: Mapping[str, Any], values: Any) -> dict[str, Any]:
        required = {field["key"]: field["required"] for field in spec["fields"]}
        given = read(_Values, values)
        found = list(_unfit(required, values))
        if isinstance(given, list):
            found += _told(required, given)
        elif not found:
            return given.model_dump(exclude_none=True)
        raise InvalidValues(found)

    def validate_alone(self, values: Any) -> dict[str, Any]:
        keys = [key for key in _KEYS if isinstance(values, Mapping) and key in values]
        validated = self.validate({"fields": [_optional(key) for key in keys or _KEYS]}, values)
        if not validated:
            raise InvalidValues([FieldFault("values", f"must have one or more of {_list(_KEYS)}")])
        return validated

    def ask(self, raised: Raised) -> str:
        lines = [
            (
                "The user's client cannot show this form, so it was not shown. Ask in words, for "
                "one thing after another, and wait for each answer before you go on:"
            )
        ]
        for number, field in enumerate(raised.spec["fields"], 1):
            label = f', called "{field["label"]}"' if "label" in field else ""
            need = "needed" if field["required"] else "they may leave it out"
            lines.append(f"{number}. {field['key']}: their {_WORDS[field['key']]}{label} ({need})")
        form = ", ".join(f'"{field["key"]}": "…"' for field in raised.spec["fields"])
        lines.append(
            f'When they have answered, call {SUBMIT_TOOL} with kind "{self.name}" and values '
            f"{{{form}}}, without what they left out. Do not make anything up."
        )
        return "\n".join(lines)

    def contact(self, values: Mapping[str, Any]) -> dict[str, str]:
        return {key: values[key] for key in _KEYS if key in values}


def _optional(key: str) -> dict[str, Any]:
    return {"key": key, "required": False}


def _unfit(required: Mapping[str, bool], values: Any) -> Iterator[FieldFault]:
    """What the values lack of the fields that were asked for, and what they have beside them."""
    if not isinstance(values, Mapping):
        return
    for key, needed in required.items():
        if needed and blank(values.get(key)):
            yield FieldFault(key, "is missing; add it")
    for key in values:
        if key not in _KEYS:
            yield FieldFault("values", f"may have nothing but {_list(required)}")
        elif key not in required:
            yield FieldFault(key, "was not asked for; leave it out")


def _told(required: Mapping[str, bool], found: Iterable[Fault]) -> Iterator[FieldFault]:
    """What is wrong with the values as a whole, or with one that was asked for."""
    for fault in found:
        if not fault.path:
            yield FieldFault("values", fault.reason)
        elif fault.field in required:
            yield FieldFault(fault.field, fault.reason)


def _list(texts: Iterable[str]) -> str:
    return ", ".join(texts)

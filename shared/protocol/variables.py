"""Dynamic variables as they come from outside: texts by name, for the places `{{name}}` in what an
agent says and is told."""

import re
from collections.abc import Mapping
from typing import Any

MAX_VARIABLES = 30
MAX_NAME = 64
MAX_VALUE = 1000
"""Characters."""

OURS = "system__"
"""How the names begin that only the service gives."""

IDENTIFIER = rf"[A-Za-z_][A-Za-z0-9_]{{0,{MAX_NAME - 1}}}"
_NAME = re.compile(IDENTIFIER, re.ASCII)


def checked_variables(given: Any) -> dict[str, str]:
    """The variables, if they are some.

    Raises:
        ValueError: they are not; what the text says goes on where their field's name ends.
    """
    if not isinstance(given, Mapping):
        raise ValueError("must be an object of names and texts")  # noqa: TRY004 - for pydantic
    if len(given) > MAX_VARIABLES:
        raise ValueError(f"may have at most {MAX_VARIABLES} names; remove some")
    for name, value in given.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(
                f"may only have names of up to {MAX_NAME} letters, digits and _ that do not begin "
                "with a digit"
            )
        if name.startswith(OURS):
            raise ValueError(f"may not have {name}: what begins with {OURS} the service gives")
        if not isinstance(value, str):
            raise ValueError(f"has no text as the value of {name}")  # noqa: TRY004
        if len(value) > MAX_VALUE:
            raise ValueError(
                f"has more than {MAX_VALUE} characters as the value of {name}; shorten it"
            )
        if any("\ud800" <= character <= "\udfff" for character in value):
            # It has no UTF-8, so it could be neither kept nor sent.
            raise ValueError(f"has half of a surrogate pair in the value of {name}; remove it")
    return dict(given)

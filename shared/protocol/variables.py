"""Dynamic variables as they come from outside: texts by name, for the places `{{name}}` in what an
agent says and is told."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

MAX_VARIABLES = 30
MAX_NAME = 64
MAX_VALUE = 1000
"""Characters."""

OURS = "system__"
"""How the names begin that only the service gives."""

BUILT_IN = ("system__time", "system__date", "system__conversation_id", "system__user")
"""What every text may use, and nobody can bring."""

IDENTIFIER = rf"[A-Za-z_][A-Za-z0-9_]{{0,{MAX_NAME - 1}}}"
PLACE = re.compile(rf"\{{\{{[ \t]*({IDENTIFIER})[ \t]*\}}\}}", re.ASCII)
"""Where a text has a variable; the group is its name."""

MAX_PLACES = 200
"""In one text: filled with the longest values it is still a prompt."""

_NAME = re.compile(IDENTIFIER, re.ASCII)


def used(texts: Iterable[str | None]) -> Iterator[str]:
    """The names in the texts' places, each once, in their order."""
    found = (place[1] for text in texts for place in PLACE.finditer(text or ""))
    yield from dict.fromkeys(found)


def check_places(text: str) -> str:
    """The text itself, if it has no more places than a prompt has room to fill, and of the names
    that only the service gives uses none but those that there are.

    Raises:
        ValueError: it has more, or uses another; what the error's text says goes on where the name
            of the text ends.
    """
    places = sum(1 for _ in PLACE.finditer(text))
    if places > MAX_PLACES:
        raise ValueError(f"has {places} places for variables; it may have {MAX_PLACES}")
    for name in used([text]):
        if name.startswith(OURS) and name not in BUILT_IN:
            *most, last = BUILT_IN
            raise ValueError(
                f"has {{{{{name}}}}}, which is no variable; of those that begin with {OURS} there "
                f"are {', '.join(most)} and {last}"
            )
    return text


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
            raise ValueError(f"must have a text as the value of {name}")  # noqa: TRY004
        if len(value) > MAX_VALUE:
            raise ValueError(
                f"has more than {MAX_VALUE} characters as the value of {name}; shorten it"
            )
        if any("\ud800" <= character <= "\udfff" for character in value):
            # It has no UTF-8, so it could be neither kept nor sent.
            raise ValueError(f"has half of a surrogate pair in the value of {name}; remove it")
    return dict(given)

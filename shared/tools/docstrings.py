"""What a docstring says: of a function, and of each of its parameters.

Two forms: a section `Args:` (Google) and lines `:param name:` (reST). Other sections, such as
`Returns:`, are for readers of the code and end the description.
"""

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_SECTION = re.compile(
    r"(Args|Arguments|Parameters|Returns?|Yields?|Raises|Examples?|Notes?|Todo|Attributes|"
    r"See Also|References|Warnings?):\s*"
)
_ARGS = ("Args", "Arguments", "Parameters")
_ENTRY = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)")
_FIELD = re.compile(r":(\w+)\s*([^:]*):\s*(.*)")
_PARAM = ("param", "parameter", "arg", "argument")


class Said(NamedTuple):
    """The description and the parameters' descriptions, each with its line breaks joined but for
    the paragraphs of the former."""

    description: str
    parameters: Mapping[str, str]


def said(docstring: str | None) -> Said:
    """What the docstring says; empty texts and no parameters where it says nothing."""
    lines = inspect.cleandoc(docstring or "").splitlines()
    end = next((n for n, line in enumerate(lines) if _ends_description(line)), len(lines))
    paragraphs = re.split(r"\n\s*\n", "\n".join(lines[:end]).strip())
    return Said(
        "\n\n".join(" ".join(each.split()) for each in paragraphs),
        {**_google(lines[end:]), **_rest(lines[end:])},
    )


def _ends_description(line: str) -> bool:
    return bool(_SECTION.fullmatch(line) or _FIELD.match(line))


def _google(lines: Sequence[str]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    inside, indent, name = False, 0, ""
    for line in lines:
        if section := _SECTION.fullmatch(line):
            inside, indent, name = section[1] in _ARGS, 0, ""
            continue
        text = line.strip()
        if not inside or not text:
            continue
        depth = len(line) - len(line.lstrip())
        indent = indent or depth
        entry = _ENTRY.fullmatch(text) if depth <= indent else None
        if depth == 0:
            inside = False
        elif entry:
            name = entry[1]
            found[name] = entry[2]
        elif name:
            found[name] = f"{found[name]} {text}".strip()
    return found


def _rest(lines: Sequence[str]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in lines:
        if field := _FIELD.match(line):
            # `:param int limit: …` names the type before the parameter.
            name = field[2].split()[-1] if field[1] in _PARAM and field[2].strip() else ""
            if name:
                found[name] = field[3].strip()
        elif line[:1].isspace() and name:
            found[name] = f"{found[name]} {line.strip()}".strip()
        elif line.strip():
            name = ""
    return found

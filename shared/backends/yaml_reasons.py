"""What a YAML parser could not read, in words for whoever wrote the file."""

import re
from collections.abc import Mapping

import yaml

FALLBACK = "this is not YAML; check the quotes, the colons and the indentation here"

_QUOTED = "a text that begins with {0} must be in quotes"

_REASONS: Mapping[str, str] = {
    # A pattern of the parser's context and problem; the first that is found counts, and what it
    # captures fills the reason.
    r"found character '\\t'": "a tab cannot indent; use spaces",
    r"found character '([@`%])'": _QUOTED,
    r"could not find expected ':'": (
        "this is no field; write it as name: value, or indent it if it belongs to the text above it"
    ),
    r"mapping values are not allowed here": (
        "a colon cannot stand here; put a text that has one in quotes, or check the indentation"
    ),
    r"sequence entries are not allowed here": (
        "a list cannot begin here; begin it in a line below its name"
    ),
    r"scanning an alias": _QUOTED.format("*"),
    r"scanning an anchor": _QUOTED.format("&"),
    r"(?:scanning|parsing) a tag|undefined tag handle": _QUOTED.format("!"),
    r"scanning a directive|YAML d": _QUOTED.format("%"),
    r"unknown escape character|expected escape sequence": (
        r"a \ in double quotes must begin something such as \n; write \\, or use single quotes"
    ),
    r"scanning a quoted scalar": (
        "the quote that opens here is never closed, or too far on; put one behind the text"
    ),
    r"scanning a block scalar": (
        "nothing may follow | or > in their line; begin the text in the next one, indented"
    ),
    r"parsing a flow sequence": (
        "the list that opens here with [ is never closed, or lacks a comma; put texts with a [ "
        "or a comma in them in quotes"
    ),
    r"parsing a flow mapping": (
        "the object that opens here with { is never closed, or lacks a comma; put texts with a { "
        "or a comma in them in quotes"
    ),
    r"found another document": "a second document begins here; a file has one",
    r"<block end>, but found '(?:<scalar>|[],}])'": (
        "something here does not belong to the value; put all of a text in one pair of quotes, "
        "and check that each quote, [ and { before it is closed"
    ),
    r"expected the node content": (
        "a value is missing here; remove a comma that is too many, and put a text that begins with "
        "a mark such as , in quotes"
    ),
    r"<block end>|<document start>": (
        "this line does not fit those above it; indent what belongs together by as many spaces"
    ),
}
_PATTERNS = {re.compile(pattern): reason for pattern, reason in _REASONS.items()}


def reason(fault: yaml.MarkedYAMLError) -> str:
    """What is wrong and what to do."""
    said = f"{fault.context or ''}: {fault.problem or ''}"
    for pattern, text in _PATTERNS.items():
        if found := pattern.search(said):
            return text.format(*found.groups()) if found.groups() else text
    return FALLBACK


def line(fault: yaml.MarkedYAMLError) -> int:
    """The line to look at, counted from 1."""
    marks = [fault.problem_mark, fault.context_mark]
    if isinstance(fault, yaml.scanner.ScannerError) or "flow" in (fault.context or ""):
        # What is not closed is noticed at the end of the file; the context is where it begins.
        marks.reverse()
    found = [mark for mark in marks if mark is not None]
    return found[0].line + 1 if found else 1

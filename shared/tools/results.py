"""What a Python tool returned: the text that the model reads, and what goes with it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from shared.tools.port import ToolFault, ToolResult

DONE = "Done."
"""What a tool without a result says: an empty text would leave the model in doubt."""

MAX_CITATIONS = 20
MAX_BESIDE_BYTES = 16 * 1024
"""JSON of the citations, and of the directive."""

MAX_ESCALATION = 1000
"""Characters."""


def as_text(value: Any) -> str:
    """A text as it is; nothing as `DONE`; everything else as JSON: models, dataclasses, dates,
    enums, lists, numbers. What JSON cannot hold of a number is a text ("NaN").

    Raises:
        ToolFault: the value cannot be written as JSON. The function has run.
    """
    if value is None:
        return DONE
    if isinstance(value, str):
        # Half of a surrogate pair could not be stored, nor sent.
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    try:
        return to_json(value, inf_nan_mode="strings").decode()
    except (PydanticSerializationError, ValueError, RecursionError) as fault:
        raise ToolFault(
            "The tool ran, but its result cannot be read. What it did may have taken effect."
        ) from fault


def checked(result: ToolResult) -> ToolResult:
    """The result of an author's tool, with its text as `as_text` has it.

    Raises:
        ToolFault: a part of it cannot be kept, or is too large. The function has run.
    """
    wrong = next(_wrong(result), None)
    if wrong is not None:
        raise ToolFault(
            f"The tool ran, but its result cannot be used: {wrong}. What it did may have taken "
            "effect."
        )
    return ToolResult(
        text=as_text(result.text),
        citations=result.citations,
        directive=result.directive,
        escalation=result.escalation,
    )


def _wrong(result: ToolResult) -> Iterator[str]:
    if len(result.citations) > MAX_CITATIONS:
        yield f"it has more than {MAX_CITATIONS} citations"
    for citation in result.citations:
        yield from _wrong_citation(citation)
    if result.directive is not None and not isinstance(result.directive, Mapping):
        yield "its directive is no object"
    elif result.directive is not None and not isinstance(result.directive.get("type"), str):
        yield "its directive has no type"
    for name in ("citations", "directive"):
        if not _fits(getattr(result, name)):
            yield f"{name} must be JSON of at most {MAX_BESIDE_BYTES} bytes"
    reason = result.escalation
    if reason is not None and not (isinstance(reason, str) and len(reason) <= MAX_ESCALATION):
        yield f"escalation must be a text of at most {MAX_ESCALATION} characters"


def _wrong_citation(citation: Any) -> Iterator[str]:
    if not isinstance(citation, Mapping):
        yield "a citation is no object"
    elif not all(isinstance(citation.get(name), str) for name in ("id", "title", "snippet")):
        yield "a citation needs the texts id, title and snippet"
    elif not isinstance(citation.get("score"), int | float):
        yield "a citation needs a number as its score"


def _fits(value: Any) -> bool:
    try:
        return len(json.dumps(value, allow_nan=False).encode()) <= MAX_BESIDE_BYTES
    except (TypeError, ValueError, RecursionError):
        return False

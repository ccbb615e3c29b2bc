"""What a Python tool returned, as the text that the model reads."""

from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from shared.tools.port import ToolFault

DONE = "Done."
"""What a tool without a result says: an empty text would leave the model in doubt."""


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

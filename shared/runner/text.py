"""Texts from outside, fit to be stored and sent."""

from collections.abc import Mapping
from typing import Any


def clean(text: str) -> str:
    """JSON can carry half of a surrogate pair; UTF-8 cannot, and neither can anything after us."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def cleaned(value: Any) -> Any:
    """The same for all texts within a JSON value."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(name): cleaned(entry) for name, entry in value.items()}
    return [cleaned(entry) for entry in value] if isinstance(value, list | tuple) else value

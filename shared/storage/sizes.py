"""How many bytes DynamoDB counts for an item: limits and pages depend on it."""

from collections.abc import Mapping
from typing import Any

from shared.storage.table import Key


def item_size(key: Key, attrs: Mapping[str, Any]) -> int:
    """The size of an item: names and values, keys included."""
    own = len("pksk") + len(key.pk.encode()) + len(key.sk.encode())
    return own + sum(len(name.encode()) + value_size(value) for name, value in attrs.items())


def value_size(value: Any) -> int:
    """The size of one value without its name."""
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, bytes):
        return len(value)
    if value is None or isinstance(value, bool):
        return 1
    if isinstance(value, int):
        return (len(str(abs(value))) + 1) // 2 + 1 + (value < 0)
    if isinstance(value, list):
        return 3 + sum(1 + value_size(element) for element in value)
    return 3 + sum(1 + len(name.encode()) + value_size(part) for name, part in value.items())

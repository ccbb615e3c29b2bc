"""Parts of what a server sends. What has another shape is as good as not there: the server may be
newer than this client."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any


def mapping(value: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The object of that name; an empty one if there is none."""
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def rows(value: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The objects in the list of that name."""
    found = value.get(key)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def string(value: Mapping[str, Any], key: str) -> str:
    """The text of that name; an empty one if there is none."""
    found = value.get(key)
    return found if isinstance(found, str) else ""


def strings(value: Mapping[str, Any], key: str) -> list[str]:
    """The texts in the list of that name."""
    found = value.get(key)
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def count(value: Mapping[str, Any], key: str) -> int | None:
    """The whole number of that name; None if there is none."""
    found = value.get(key)
    return found if isinstance(found, int) else None


def moment(value: Mapping[str, Any], key: str) -> int | None:
    """The ISO time of that name, in milliseconds since the epoch; None if there is none, or one
    that does not say its time zone."""
    try:
        found = datetime.fromisoformat(string(value, key))
    except ValueError:
        return None
    return int(found.timestamp() * 1000) if found.tzinfo is not None else None

"""The cursors of an index page and of a scan: the position of the last entry, as text."""

import json
from typing import NamedTuple

from shared.storage.table import Key


class IndexPosition(NamedTuple):
    """Where an entry stands under one hash value: by range, then by key."""

    range: int
    key: Key


def index_cursor(position: IndexPosition) -> str:
    return json.dumps([position.range, *position.key])


def index_position(cursor: str) -> IndexPosition:
    """What `index_cursor` was given.

    Raises:
        ValueError: it did not write this cursor.
    """
    match json.loads(cursor):
        case [int(range_), str(pk), str(sk)]:
            return IndexPosition(range_, Key(pk, sk))
    raise ValueError("not a cursor of an index")


def scan_cursor(key: Key) -> str:
    return json.dumps(list(key))


def scan_position(cursor: str) -> Key:
    """What `scan_cursor` was given.

    Raises:
        ValueError: it did not write this cursor.
    """
    match json.loads(cursor):
        case [str(pk), str(sk)]:
            return Key(pk, sk)
    raise ValueError("not a cursor of a scan")

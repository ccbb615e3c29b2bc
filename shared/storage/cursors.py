"""The cursor of an index page: the position of its last entry, as text."""

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

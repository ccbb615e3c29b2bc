"""Items as rows of the SQLite table, and back."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shared.storage.sizes import item_size
from shared.storage.table import DUE, MAX_ITEM_BYTES, OWNED, PAGE_BYTES, Index, Item, Key

# Keys are BLOBs: compared byte by byte, whatever characters they hold.
SCHEMA = """
CREATE TABLE IF NOT EXISTS items (
    pk BLOB NOT NULL, sk BLOB NOT NULL,
    attrs TEXT NOT NULL, blob BLOB, size INTEGER NOT NULL,
    due_shard INTEGER, due INTEGER, owned_by TEXT, listed_at INTEGER,
    PRIMARY KEY (pk, sk)
);
CREATE INDEX IF NOT EXISTS due ON items (due_shard, due, pk, sk)
    WHERE due_shard IS NOT NULL AND due IS NOT NULL;
CREATE INDEX IF NOT EXISTS owned ON items (owned_by, listed_at, pk, sk)
    WHERE owned_by IS NOT NULL AND listed_at IS NOT NULL;
"""
WRITE = """
INSERT INTO items (pk, sk, attrs, blob, size, due_shard, due, owned_by, listed_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (pk, sk) DO UPDATE SET
    attrs = excluded.attrs, blob = excluded.blob, size = excluded.size,
    due_shard = excluded.due_shard, due = excluded.due,
    owned_by = excluded.owned_by, listed_at = excluded.listed_at
"""
DELETE = "DELETE FROM items WHERE pk = ? AND sk = ?"
COLUMNS = "pk, sk, attrs, blob, size"

_PROJECTED: dict[Index, tuple[str, ...]] = {DUE: ("until",), OWNED: ()}

Row = tuple[bytes, bytes, str, bytes | None, int]


def encoded(key: Key) -> tuple[bytes, bytes]:
    """The key as it stands in the columns."""
    return key.pk.encode(), key.sk.encode()


def row_of(key: Key, attrs: Mapping[str, Any]) -> tuple[Any, ...]:
    """The values for `WRITE`.

    Raises:
        ValueError: the item is larger than the port allows.
    """
    size = item_size(key, attrs)
    if size > MAX_ITEM_BYTES:
        raise ValueError(f"an item may have {MAX_ITEM_BYTES} bytes; this one has {size}")
    rest = {name: value for name, value in attrs.items() if name != "blob"}
    text = json.dumps(rest, ensure_ascii=False, separators=(",", ":"))
    columns = [attrs.get(name) for index in (DUE, OWNED) for name in (index.hash, index.range)]
    return (*encoded(key), text, attrs.get("blob"), size, *columns)


def item_of(row: Row) -> Item:
    """The whole item of a row."""
    pk, sk, text, blob, _size = row
    attrs = json.loads(text)
    if blob is not None:
        attrs["blob"] = blob
    return Item(Key(pk.decode(), sk.decode()), attrs)


def entry_of(index: Index, row: Row) -> Item:
    """What the index shows of a row: the same attributes as in DynamoDB, and no more."""
    item = item_of(row)
    shown = (index.hash, index.range, *_PROJECTED[index])
    return Item(item.key, {name: item.attrs[name] for name in shown if name in item.attrs})


def first_page(
    items: Iterable[tuple[Item, int]], limit: int | None
) -> tuple[list[Item], Item | None]:
    """As many of the sized items as one page holds, and the last one if more may follow."""
    page: list[Item] = []
    total = 0
    for item, size in items:
        total += size
        if page and total > PAGE_BYTES:
            return page, page[-1]
        page.append(item)
        if len(page) == limit:
            return page, item
    return page, None


def prefix_range(prefix: str) -> Sequence[bytes]:
    """The first sort key with the prefix, and the first one after all of them."""
    low = prefix.encode()
    # UTF-8 never ends in the byte 0xFF, so there is a next one.
    return low, low[:-1] + bytes([low[-1] + 1])

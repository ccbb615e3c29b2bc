"""The Table engine on SQLite: one file, for one machine.

An engine below `wrapper.py`: its items have no `body` and no `ttl`; everything is in `attrs`,
the port's reserved attributes included, and `blob` alone may be bytes. It refuses and pages
where DynamoDB would, so that what works on the laptop works in the cloud. Its indexes do not
lag.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from shared.storage import sqlite_rows as rows
from shared.storage.cursors import (
    IndexPosition,
    index_cursor,
    index_position,
    scan_cursor,
    scan_position,
)
from shared.storage.evaluate import changed, holds
from shared.storage.sizes import item_size
from shared.storage.sqlite_connections import Connections, Trace
from shared.storage.table import (
    ConditionFailed,
    Delete,
    Index,
    Item,
    Key,
    Operation,
    Page,
    Put,
    Update,
)


class SqliteTable:
    """One database file, made at the first call. Threads and processes may share it.

    A write waits up to `busy_seconds` for its turn, then it is a `Conflict`. `trace` is called
    with every SQL statement, from the thread that runs it.
    """

    def __init__(
        self, path: Path | str, *, busy_seconds: float = 5.0, trace: Trace | None = None
    ) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._connections = Connections(Path(path), rows.SCHEMA, busy_seconds, trace)

    def close(self) -> None:
        """Close the file. Later calls are refused."""
        self._connections.close()

    def get(self, keys: Sequence[Key], *, consistent: bool = True) -> list[Item | None]:
        del consistent  # every read is
        with self._connections.reading() as db:
            return _read(db, keys)

    def query(
        self,
        pk: str,
        *,
        prefix: str = "",
        descending: bool = False,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page:
        where: list[str] = ["pk = ?"]
        values: list[Any] = [pk.encode()]
        if prefix:
            where.append("sk >= ? AND sk < ?")
            values += rows.prefix_range(prefix)
        if cursor is not None:
            where.append("sk < ?" if descending else "sk > ?")
            values.append(cursor.encode())
        order = "sk DESC" if descending else "sk ASC"
        with self._connections.reading() as db, _selected(db, where, values, order) as found:
            sized = ((rows.item_of(row), row[-1]) for row in found)
            page, last = rows.first_page(sized, limit)
        return Page(page, last.key.sk if last else None)

    def write(self, operations: Sequence[Operation]) -> None:
        with self._connections.writing() as db:
            _carry_out(db, operations)

    def update(self, operation: Update) -> Item:
        with self._connections.writing() as db:
            _carry_out(db, [operation])
            item = _read(db, [operation.key])[0]
        assert item is not None, "an update always leaves an item"  # noqa: S101
        return item

    def query_index(
        self,
        index: Index,
        value: str | int,
        *,
        up_to: int | None = None,
        descending: bool = False,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page:
        where: list[str] = [f"{index.hash} = ?", f"{index.range} IS NOT NULL"]
        values: list[Any] = [value]
        if up_to is not None:
            where.append(f"{index.range} <= ?")
            values.append(up_to)
        if cursor is not None:
            position = index_position(cursor)
            where.append(f"({index.range}, pk, sk) {'<' if descending else '>'} (?, ?, ?)")
            values += [position.range, *rows.encoded(position.key)]
        way = "DESC" if descending else "ASC"
        order = f"{index.range} {way}, pk {way}, sk {way}"
        with self._connections.reading() as db, _selected(db, where, values, order) as found:
            entries = (rows.entry_of(index, row) for row in found)
            sized = ((entry, item_size(entry.key, entry.attrs)) for entry in entries)
            page, last = rows.first_page(sized, limit)
        return Page(page, _position(index, last) if last else None)

    def scan(self, *, limit: int | None = None, cursor: str | None = None) -> Page:
        where, values = ["(pk, sk) > (?, ?)"], [b"", b""]
        if cursor is not None:
            values = list(rows.encoded(scan_position(cursor)))
        with self._connections.reading() as db, _selected(db, where, values, "pk, sk") as found:
            sized = ((rows.item_of(row), row[-1]) for row in found)
            page, last = rows.first_page(sized, limit)
        return Page(page, scan_cursor(last.key) if last else None)


def _selected(
    db: sqlite3.Connection, where: Sequence[str], values: Sequence[Any], order: str
) -> "closing[sqlite3.Cursor]":
    """Matching rows, read as they are asked for: whoever stops early closes the statement."""
    statement = f"SELECT {rows.COLUMNS} FROM items WHERE {' AND '.join(where)} ORDER BY {order}"  # noqa: S608
    return closing(db.execute(statement, values))


def _position(index: Index, last: Item) -> str:
    return index_cursor(IndexPosition(last.attrs[index.range], last.key))


def _read(db: sqlite3.Connection, keys: Sequence[Key]) -> list[Item | None]:
    """The items of the keys, all as they are at one moment."""
    places = ", ".join(["(?, ?)"] * len(keys))
    # CROSS JOIN looks each key up in the index; SQLite would walk through the table for an IN.
    statement = (
        f"WITH wanted (wanted_pk, wanted_sk) AS (VALUES {places}) SELECT {rows.COLUMNS} "  # noqa: S608
        "FROM wanted CROSS JOIN items ON pk = wanted_pk AND sk = wanted_sk"
    )
    values = [part for key in keys for part in rows.encoded(key)]
    with closing(db.execute(statement, values)) as found:
        items = {item.key: item for item in map(rows.item_of, found)}
    return [items.get(key) for key in keys]


def _carry_out(db: sqlite3.Connection, operations: Sequence[Operation]) -> None:
    """Check every condition, then make every change, inside the open transaction."""
    before = _read(db, [operation.key for operation in operations])
    pairs = list(zip(operations, before, strict=True))
    failures = {
        position: item
        for position, (operation, item) in enumerate(pairs)
        if operation.condition is not None and not holds(operation.condition, _document(item))
    }
    if failures:
        raise ConditionFailed(failures)
    for operation, item in pairs:
        _write(db, operation, item)


def _write(db: sqlite3.Connection, operation: Operation, before: Item | None) -> None:
    match operation:
        case Put(item):
            db.execute(rows.WRITE, rows.row_of(item.key, item.attrs))
        case Update(key, changes):
            attrs = changed(before.attrs if before else {}, changes)
            db.execute(rows.WRITE, rows.row_of(key, attrs))
        case Delete(key):
            db.execute(rows.DELETE, rows.encoded(key))


def _document(item: Item | None) -> Mapping[str, Any]:
    """What conditions see: attributes and keys."""
    return {} if item is None else {**item.attrs, "pk": item.key.pk, "sk": item.key.sk}

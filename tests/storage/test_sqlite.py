"""SQLite: locks, a full disk, a killed process, and what a trace sees."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from shared.storage.expressions import Increment
from shared.storage.sqlite import SqliteTable
from shared.storage.table import DUE, OWNED, Conflict, Item, Key, Put, Unavailable, Update

KEY = Key("P", "a")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "table.db"


@pytest.fixture
def table(path: Path) -> Iterator[SqliteTable]:
    with closing(SqliteTable(path, busy_seconds=0.01)) as table:
        yield table


def test_a_lock_of_another_process_is_a_conflict(table: SqliteTable, path: Path) -> None:
    table.write([Put(Item(KEY, {"n": 1}))])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Conflict):
            table.write([Put(Item(KEY, {"n": 2}))])
        with pytest.raises(Conflict):
            table.update(Update(KEY, [Increment(("n",), 1)]))
        assert table.get([KEY]) == [Item(KEY, {"n": 1})]
        other.execute("ROLLBACK")
    assert table.update(Update(KEY, [Increment(("n",), 1)])).attrs == {"n": 2}


def test_a_full_disk_leaves_nothing_half_done(table: SqliteTable) -> None:
    table.write([Put(Item(KEY, {"n": 1}))])
    with table._connections.reading() as db:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages + 2}")
    large = Item(Key("P", "b"), {"blob": b"x" * 100_000})
    with pytest.raises(Unavailable):
        table.write([Put(Item(KEY, {"n": 2})), Put(large)])
    assert table.get([KEY, large.key]) == [Item(KEY, {"n": 1}), None]
    table.write([Put(Item(KEY, {"n": 3}))])
    assert table.get([KEY]) == [Item(KEY, {"n": 3})]


def test_what_a_caller_raises_rolls_back(table: SqliteTable) -> None:
    table.write([Put(Item(KEY, {"n": 1}))])

    def interrupted() -> None:
        with table._connections.writing() as db:
            db.execute("DELETE FROM items")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert table.get([KEY]) == [Item(KEY, {"n": 1})]


def test_other_errors_stay_what_they_are(table: SqliteTable) -> None:
    with pytest.raises(sqlite3.OperationalError), table._connections.reading() as db:
        db.execute("SELECT nonsense")


def test_a_trace_sees_every_statement(path: Path) -> None:
    seen: list[str] = []
    with closing(SqliteTable(path, trace=seen.append)) as table:
        table.get([KEY, Key("P", "b"), Key("P", "c")])
        assert len(seen) == 1
        table.query("P")
        assert len(seen) == 2
        table.write([Put(Item(KEY)), Put(Item(Key("P", "b")))])
        assert seen[2] == "BEGIN IMMEDIATE"
        assert [text.split()[0] for text in seen[3:]] == [
            "WITH",
            "INSERT",
            "INSERT",
            "COMMIT",
        ]


def test_reads_look_up_and_sort_by_an_index(path: Path) -> None:
    seen: list[str] = []
    with closing(SqliteTable(path, trace=seen.append)) as table:
        table.get([KEY, Key("P", "b")])
        for descending in (False, True):
            table.query("P", prefix="a", descending=descending, cursor="a")
            first = table.query_index(DUE, 0, up_to=5, descending=descending, limit=1)
            assert first.cursor is None
            table.query_index(DUE, 0, descending=descending, cursor='[1, "p", "s"]')
            table.query_index(OWNED, "me", descending=descending)
        statements = list(seen)
        for statement in statements:
            with table._connections.reading() as db:
                plan = [row[-1] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}")]
            assert any("SEARCH items USING INDEX" in step for step in plan), plan
            assert not any("SCAN items" in step or "TEMP B-TREE" in step for step in plan), plan


def test_a_closed_table_refuses(table: SqliteTable) -> None:
    table.get([KEY])
    table.close()
    table.close()
    with pytest.raises(RuntimeError):
        table.get([KEY])


WRITER = """
import sys
from shared.storage.expressions import Increment
from shared.storage.sqlite import SqliteTable
from shared.storage.table import Key, Update

table = SqliteTable(sys.argv[1])
while True:
    one, two = (Update(Key("P", name), [Increment(("n",), 1)]) for name in "ab")
    table.write([one, two])
    print(table.get([one.key])[0].attrs["n"], flush=True)
"""


def test_what_was_acknowledged_survives_a_kill(table: SqliteTable, path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(path)]
    for _ in range(3):
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _line in range(20):
                acknowledged = int(writer.stdout.readline())
            writer.kill()
            # It may have got further than what was read so far; its last line may be cut.
            *whole, _cut = [str(acknowledged), *writer.stdout.read().split("\n")]
            acknowledged = int(whole[-1])
        one, two = (item.attrs["n"] for item in table.get([KEY, Key("P", "b")]) if item)
        assert one == two
        assert one in (acknowledged, acknowledged + 1)

"""What every table does with queries: order, prefixes, pages, and the two sparse indexes."""

import random
from collections.abc import Callable

import pytest

from shared.storage.expressions import Assign, Remove
from shared.storage.table import DUE, OWNED, PAGE_BYTES, Delete, Item, Key, Page, Put, Table, Update

PK = "CONV#acme#1"
MANY = 50
# In the order of their UTF-8 bytes, which is neither that of UTF-16 nor that of any language.
SORTED = [
    "!",
    "A",
    "MSG#1",
    "MSG#10",
    "MSG#2",
    "MSG$",
    "a",
    "z",
    "~",
    "é",
    "ß",
    "中",
    "\uffee",
    "😀",
]
SORTED = sorted(SORTED, key=str.encode)


def all_pages(read: Callable[[str | None], Page], limit: int | None = None) -> list[Item]:
    """The items of all the pages that `read` gives, one after the other."""
    found: list[Item] = []
    cursor = None
    for _ in range(MANY):
        page = read(cursor)
        found += page.items
        assert limit is None or len(page.items) <= limit
        cursor = page.cursor
        if cursor is None:
            return found
    raise AssertionError("the pages never end")


def sort_keys(page: Page) -> list[str]:
    return [item.key.sk for item in page.items]


class QueriesContract:
    @pytest.fixture
    def keys(self, table: Table) -> list[str]:
        shuffled = random.Random(1).sample(SORTED, len(SORTED))
        table.write([Put(Item(Key(PK, sk), {"n": 1}, {"sk": sk})) for sk in shuffled])
        table.write([Put(Item(Key("CONV#acme#10", "A"))), Put(Item(Key("CONV#acme", "A")))])
        return SORTED

    def test_a_partition_in_order(self, table: Table, keys: list[str]) -> None:
        page = table.query(PK)
        assert page.items == [Item(Key(PK, sk), {"n": 1}, {"sk": sk}) for sk in keys]
        assert sort_keys(table.query(PK, descending=True)) == keys[::-1]
        assert table.query("CONV#nobody") == Page([], None)

    @pytest.mark.parametrize("prefix", ["MSG#", "MSG#1", "M", "é", "😀", "zz"])
    @pytest.mark.parametrize("descending", [False, True])
    def test_a_prefix(self, table: Table, keys: list[str], prefix: str, descending: bool) -> None:
        expected = [sk for sk in keys if sk.startswith(prefix)]
        page = table.query(PK, prefix=prefix, descending=descending)
        assert sort_keys(page) == (expected[::-1] if descending else expected)

    @pytest.mark.parametrize("limit", [1, 3, 100])
    @pytest.mark.parametrize("descending", [False, True])
    @pytest.mark.parametrize("prefix", ["", "MSG#"])
    def test_pages_of_a_limit(
        self, table: Table, keys: list[str], limit: int, descending: bool, prefix: str
    ) -> None:
        expected = [sk for sk in keys if sk.startswith(prefix)]
        found = all_pages(
            lambda cursor: table.query(
                PK, prefix=prefix, descending=descending, limit=limit, cursor=cursor
            ),
            limit,
        )
        found_keys = [item.key.sk for item in found]
        assert found_keys == (expected[::-1] if descending else expected)

    @pytest.mark.parametrize("cursor", ["", "!", "0", "MSG", "MSG#1", "MSG#15", "b", "\U0010ffff"])
    @pytest.mark.parametrize("prefix", ["", "MSG#"])
    def test_any_string_is_a_cursor(
        self, table: Table, keys: list[str], cursor: str, prefix: str
    ) -> None:
        expected = [sk for sk in keys if sk.startswith(prefix)]
        after = table.query(PK, prefix=prefix, cursor=cursor)
        assert sort_keys(after) == [sk for sk in expected if sk > cursor]
        before = table.query(PK, prefix=prefix, cursor=cursor, descending=True)
        assert sort_keys(before) == [sk for sk in expected[::-1] if sk < cursor]

    @pytest.mark.parametrize("descending", [False, True])
    def test_a_page_ends_at_a_megabyte(self, table: Table, descending: bool) -> None:
        keys = [f"{number:02}" for number in range(12)]
        for sk in keys:
            table.write([Put(Item(Key(PK, sk), {"text": sk[0] * 200_000}))])
        first = table.query(PK, descending=descending)
        assert 1 < len(first.items) <= PAGE_BYTES // 200_000
        found = all_pages(lambda cursor: table.query(PK, descending=descending, cursor=cursor))
        found_keys = [item.key.sk for item in found]
        assert found_keys == (keys[::-1] if descending else keys)

    @pytest.mark.parametrize("limit", [0, -1])
    def test_a_page_has_at_least_one_item(self, table: Table, limit: int) -> None:
        with pytest.raises(ValueError):
            table.query(PK, limit=limit)


class IndexesContract:
    def test_due_shows_what_has_both_attributes(self, table: Table) -> None:
        attrs = {"due_shard": 3, "due": 50, "until": 40, "jobs": ["a"]}
        for name, other in (("a", {}), ("b", {"due": None}), ("c", {"due_shard": None})):
            both = {**attrs, **other}
            kept = {key: value for key, value in both.items() if value is not None}
            table.write([Put(Item(Key("BOX", name), kept, {"secret": 1}))])
        entry = Item(Key("BOX", "a"), {"due_shard": 3, "due": 50, "until": 40})
        assert table.query_index(DUE, 3) == Page([entry], None)
        assert table.query_index(DUE, 4) == Page([], None)

    def test_entries_appear_move_and_vanish(self, table: Table) -> None:
        key = Key("BOX", "a")

        def due() -> list[int]:
            return [item.attrs["due"] for item in table.query_index(DUE, 0).items]

        table.write([Put(Item(key, {"due_shard": 0}))])
        assert due() == []
        table.update(Update(key, [Assign(("due",), 7)]))
        assert due() == [7]
        table.update(Update(key, [Assign(("due",), 9)]))
        assert due() == [9]
        table.update(Update(key, [Remove(("due",))]))
        assert due() == []
        table.update(Update(key, [Assign(("due",), 1)]))
        assert due() == [1]
        table.write([Delete(key)])
        assert due() == []

    def test_due_in_order_up_to_a_time(self, table: Table) -> None:
        times = [500, -3, 40, 7, 1000, 41]
        table.write(
            [
                Put(Item(Key(f"BOX{number}", "B"), {"due_shard": 0, "due": time}))
                for number, time in enumerate(times)
            ]
        )

        def due(**how: object) -> list[int]:
            page = table.query_index(DUE, 0, **how)  # type: ignore[arg-type]
            return [item.attrs["due"] for item in page.items]

        assert due() == sorted(times)
        assert due(descending=True) == sorted(times, reverse=True)
        assert due(up_to=41) == [-3, 7, 40, 41]
        assert due(up_to=40, descending=True) == [40, 7, -3]
        assert due(up_to=40, limit=2) == [-3, 7]
        assert due(up_to=-4) == []

    @pytest.mark.parametrize("descending", [False, True])
    def test_pages_of_an_index(self, table: Table, descending: bool) -> None:
        # Several entries at one time: none may be lost between two pages, none come twice.
        owned = [Item(Key(f"CONV#{n}", "META"), {"listed_at": n // 4}) for n in range(20)]
        table.write([Put(Item(item.key, {**item.attrs, "owned_by": "acme#ann"})) for item in owned])
        table.write([Put(Item(Key("CONV#x", "META"), {"listed_at": 0, "owned_by": "acme#bob"}))])
        found = all_pages(
            lambda cursor: table.query_index(
                OWNED, "acme#ann", up_to=3, descending=descending, limit=3, cursor=cursor
            ),
            3,
        )
        times = [item.attrs["listed_at"] for item in found]
        assert times == sorted(times, reverse=descending)
        assert sorted(item.key for item in found) == sorted(item.key for item in owned[:16])
        assert all(item.attrs.keys() == {"owned_by", "listed_at"} for item in found)

    def test_a_cursor_of_something_else_is_refused(self, table: Table) -> None:
        for cursor in ("", "x", "[1]", "{}"):
            with pytest.raises(ValueError):
                table.query_index(OWNED, "acme#ann", cursor=cursor)

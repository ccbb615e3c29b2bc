"""What every table does with scans: all items, page by page, without their bodies."""

import pytest

from shared.storage.table import PAGE_BYTES, Delete, Item, Key, Put, Table
from tests.contracts.table_pages import all_pages

KEYS = [Key(f"CONV#acme#{part}", f"MSG#{number}") for part in "ab\u00e9" for number in range(3)]


class ScansContract:
    @pytest.mark.parametrize("limit", [None, 1, 4])
    def test_a_scan_has_every_item_once(self, table: Table, limit: int | None) -> None:
        table.write([Put(Item(key, {"n": 1}, {"text": "said"}, ttl=4_000_000_000)) for key in KEYS])
        found = all_pages(lambda cursor: table.scan(limit=limit, cursor=cursor), limit)
        assert sorted(item.key for item in found) == sorted(KEYS)
        assert all((item.attrs, item.body) == ({"n": 1}, None) for item in found)
        assert {item.ttl for item in found} == {4_000_000_000}

    def test_an_empty_table(self, table: Table) -> None:
        assert all_pages(lambda cursor: table.scan(cursor=cursor)) == []

    def test_a_scan_goes_on_behind_an_item_that_has_gone(self, table: Table) -> None:
        table.write([Put(Item(key)) for key in KEYS])
        first = table.scan(limit=4)
        table.write([Delete(item.key) for item in first.items])
        rest = all_pages(lambda cursor: table.scan(cursor=cursor or first.cursor))
        seen = [item.key for item in (*first.items, *rest)]
        assert sorted(seen) == sorted(KEYS)

    def test_a_page_of_a_scan_ends_at_a_megabyte(self, table: Table) -> None:
        for key in KEYS:
            table.write([Put(Item(key, {"text": "x" * 200_000}))])
        first = table.scan()
        assert 1 < len(first.items) <= PAGE_BYTES // 200_000
        found = all_pages(lambda cursor: table.scan(cursor=cursor))
        assert sorted(item.key for item in found) == sorted(KEYS)

    def test_a_page_of_a_scan_has_at_least_one_item(self, table: Table) -> None:
        with pytest.raises(ValueError):
            table.scan(limit=0)

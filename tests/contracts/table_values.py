"""What every table keeps exactly as it was given, and what it refuses."""

import math
import random
import string
from typing import Any

import pytest

from shared.storage.expressions import Append, Assign, Increment, Remove, attr
from shared.storage.table import (
    MAX_NUMBER,
    Check,
    ConditionFailed,
    Item,
    Key,
    Operation,
    Put,
    Table,
    Update,
)

KEY = Key("CONV#acme#1", "MSG#1")
NASTY = [
    "",
    " ",
    "\x00",
    "a\x00b",
    "e\u0301",
    "é",
    "😀",
    "\U0010ffff",
    "\ufeff",
    "\u2028",
    "'\"\\%_",
]


def noise(size: int, seed: int = 1) -> str:
    """Text that does not compress below an item's limit."""
    return "".join(random.Random(seed).choices(string.ascii_letters + string.digits, k=size))


class ValuesContract:
    @pytest.mark.parametrize(
        "number", [0, -1, 2**53 + 1, 2**63, 10**37 + 1, MAX_NUMBER, -MAX_NUMBER]
    )
    def test_numbers_to_38_digits(self, table: Table, number: int) -> None:
        item = Item(KEY, {"n": number, "in": [number, {"n": number}]})
        table.write([Put(item)])
        assert table.get([KEY]) == [item]
        assert table.update(Update(KEY, [Assign(("x",), 1)], attr("n").eq(number))).attrs["x"] == 1

    def test_true_stays_true_and_one_stays_one(self, table: Table) -> None:
        attrs = {"bools": [True, False], "ints": [1, 0], "map": {"t": True, "one": 1}}
        table.write([Put(Item(KEY, attrs))])
        (item,) = table.get([KEY])
        assert item is not None
        assert repr(dict(sorted(item.attrs.items()))) == repr(attrs)

    @pytest.mark.parametrize("text", NASTY, ids=ascii)
    def test_texts(self, table: Table, text: str) -> None:
        name = f"x{text}"
        attrs = {"text": text, "list": [text], "map": {name: text}, name: text}
        item = Item(Key(f"P{text}", f"S{text}"), attrs, {text: text})
        table.write([Put(item)])
        assert table.get([item.key]) == [item]
        assert table.query(item.key.pk, prefix=item.key.sk).items == [item]

    def test_empty_and_nested_values(self, table: Table) -> None:
        attrs: dict[str, Any] = {"a": {}, "b": [], "c": [[], {}, None], "d": {"e": {"f": []}}}
        bodies: list[dict[str, Any] | None] = [{}, {"a": {}, "b": [], "c": None, "": ""}, None]
        for body in bodies:
            table.write([Put(Item(KEY, attrs, body))])
            assert table.get([KEY]) == [Item(KEY, attrs, body)]

    def test_a_body_is_any_json(self, table: Table) -> None:
        numbers = [1.50, 1e300, 5e-324, 0.1, 2**100, -1, 1.0, 12345678901234567890.0]
        body = {"numbers": numbers, "zero": -0.0, "texts": NASTY, "nested": [[[{"a": [None]}]]]}
        table.write([Put(Item(KEY, body=body))])
        (item,) = table.get([KEY])
        assert item is not None
        assert item.body == body
        assert [type(number) for number in item.body["numbers"]] == list(map(type, numbers))
        assert math.copysign(1, item.body["zero"]) == -1

    def test_bodies_over_the_limit_of_an_item(self, table: Table) -> None:
        large = Item(KEY, {"n": 1}, {"text": noise(1_000_000)}, ttl=9, version=1)
        table.write([Put(large)])
        assert table.get([KEY]) == [large]
        assert table.query(KEY.pk).items == [large]
        with pytest.raises(ConditionFailed) as failed:
            table.write([Check(KEY, attr("n").eq(2))])
        assert failed.value.failures == {0: large}
        assert table.update(Update(KEY, [Increment(("n",), 1)])).body == large.body

    def test_a_body_may_grow_and_shrink(self, table: Table) -> None:
        bodies = [{"text": noise(size, seed=size)} for size in (10, 600_000, 20, 700_000)]
        for body in bodies:
            assert table.update(Update(KEY, [], body=body)) == Item(KEY, {}, body)
            assert table.get([KEY]) == [Item(KEY, {}, body)]

    def test_large_bodies_in_one_write(self, table: Table) -> None:
        items = [Item(Key("P", str(n)), body={"t": noise(500_000, seed=n)}) for n in range(12)]
        table.write([Put(item) for item in items])
        assert table.get([item.key for item in items]) == items


REFUSED_ATTRS: list[dict[str, Any]] = [
    {"n": 1.5},
    {"n": [1.0]},
    {"n": MAX_NUMBER + 1},
    {"n": -MAX_NUMBER - 1},
    {"n": b"bytes"},
    {"n": {1: 2}},
    {"n": {"": 2}},
    {"n": (1, 2)},
    {"n": "\ud800"},
    {"": 1},
    {"blob": 1},
    {"v": 1},
    {"ttl": 1},
    {"spilled": "x"},
    {"pk": "x"},
    {"due": "soon"},
    {"due_shard": True},
    {"listed_at": None},
    {"owned_by": 7},
    {"owned_by": ""},
    {"text": "x" * 410_000},
]
REFUSED_KEYS = [
    Key("", "s"),
    Key("p", ""),
    Key("p" * 2049, "s"),
    Key("p", "s" * 1025),
    Key("\ud800", "s"),
    Key("p", "é" * 513),
]
REFUSED_UPDATES = [
    Update(KEY, []),
    Update(KEY, [Assign(("blob",), "x")]),
    Update(KEY, [Remove(("pk",))]),
    Update(KEY, [Assign(("a",), 1), Assign(("a",), 2)]),
    Update(KEY, [Assign(("a",), {}), Assign(("a", "b"), 2)]),
    Update(KEY, [Assign(("a", 0), {}), Remove(("a", "b"))]),
    Update(KEY, [Assign((), 1)]),
    Update(KEY, [Assign((0,), 1)]),
    Update(KEY, [Append(("a", -1), 1)]),
    Update(KEY, [Increment(("a",), 1.5)]),  # type: ignore[arg-type]  # wrong on purpose
    Update(KEY, [Assign(("a",), 1)], attr("a").lt(True)),
    Update(KEY, [Assign(("a",), 1)], attr("a").eq(0.5)),
]


class LimitsContract:
    @pytest.mark.parametrize("attrs", REFUSED_ATTRS, ids=lambda attrs: ascii(attrs)[:40])
    def test_attributes_that_a_table_cannot_hold(self, table: Table, attrs: dict[str, Any]) -> None:
        with pytest.raises(ValueError):
            table.write([Put(Item(KEY, attrs))])
        assert table.get([KEY]) == [None]

    @pytest.mark.parametrize("key", REFUSED_KEYS, ids=lambda key: ascii(key)[:40])
    def test_keys_that_a_table_cannot_hold(self, table: Table, key: Key) -> None:
        with pytest.raises(ValueError):
            table.write([Put(Item(key))])
        with pytest.raises(ValueError):
            table.get([key])

    def test_keys_of_the_greatest_length(self, table: Table) -> None:
        item = Item(Key("p" * 2048, "é" * 512), body={"t": noise(300_000)})
        table.write([Put(item)])
        assert table.get([item.key]) == [item]

    @pytest.mark.parametrize("update", REFUSED_UPDATES, ids=lambda update: ascii(update)[-60:])
    def test_updates_that_make_no_sense(self, table: Table, update: Update) -> None:
        with pytest.raises(ValueError):
            table.update(update)
        with pytest.raises(ValueError):
            table.write([update])
        assert table.get([KEY]) == [None]

    @pytest.mark.parametrize("body", [{"n": math.nan}, {"n": {1, 2}}, {"n": "\ud800"}], ids=ascii)
    def test_bodies_that_are_no_json(self, table: Table, body: dict[str, Any]) -> None:
        with pytest.raises(ValueError):
            table.write([Put(Item(KEY, body=body))])

    def test_an_item_does_not_grow_over_the_limit(self, table: Table) -> None:
        table.write([Put(Item(KEY, {"list": ["x" * 300_000]}))])
        with pytest.raises(ValueError):
            table.update(Update(KEY, [Append(("list",), "x" * 120_000)]))
        assert table.get([KEY]) == [Item(KEY, {"list": ["x" * 300_000]})]

    def test_limits_of_a_transaction(self, table: Table) -> None:
        def puts(count: int, size: int) -> list[Operation]:
            return [Put(Item(Key("P", f"{n:03}"), {"t": "x" * size})) for n in range(count)]

        twice: list[Operation] = [Put(Item(KEY)), Check(KEY, attr("a").absent())]
        for operations in (puts(101, 1), puts(11, 390_000), twice):
            with pytest.raises(ValueError):
                table.write(operations)
        table.write([])
        assert table.query("P").items == []
        table.write(puts(100, 1))
        assert len(table.query("P").items) == 100

    def test_no_more_than_a_hundred_keys_at_once(self, table: Table) -> None:
        with pytest.raises(ValueError):
            table.get([Key("P", str(number)) for number in range(101)])

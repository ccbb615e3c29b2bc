"""What every table does with writes: conditions, changes, all or nothing."""

import pytest

from shared.storage.expressions import (
    ABSENT,
    EXISTS,
    Append,
    Assign,
    Condition,
    Default,
    Extend,
    Increment,
    Remove,
    assign,
    attr,
)
from shared.storage.table import (
    Check,
    ConditionFailed,
    Delete,
    Item,
    Key,
    Operation,
    Put,
    Table,
    Update,
)
from tests.contracts.table_conditions import ATTRS, FAILS, HOLDS, KEY, OTHER


class WithItem:
    """A table with one item in it."""

    @pytest.fixture
    def item(self, table: Table) -> Item:
        item = Item(KEY, ATTRS, {"text": "hello"}, ttl=2_000_000_000, version=1)
        table.write([Put(item)])
        return item


class ConditionsContract(WithItem):
    @pytest.mark.parametrize("condition", HOLDS, ids=repr)
    def test_a_condition_that_holds(self, table: Table, item: Item, condition: Condition) -> None:
        table.write([Check(KEY, condition), Put(Item(OTHER))])
        assert table.update(Update(KEY, [Assign(("x",), 1)], condition)).attrs["x"] == 1

    @pytest.mark.parametrize("condition", FAILS, ids=repr)
    def test_a_condition_that_fails(self, table: Table, item: Item, condition: Condition) -> None:
        change = Assign(("x",), 1)
        attempts: list[list[Operation]] = [
            [Put(Item(KEY), condition)],
            [Update(KEY, [change], condition)],
            [Delete(KEY, condition)],
            [Check(KEY, condition)],
            [Check(KEY, condition), Put(Item(OTHER))],
        ]
        for operations in attempts:
            with pytest.raises(ConditionFailed) as failed:
                table.write(operations)
            assert failed.value.failures == {0: item}
        with pytest.raises(ConditionFailed) as failed:
            table.update(Update(KEY, [change], condition))
        assert failed.value.failures == {0: item}
        assert table.get([KEY, OTHER]) == [item, None]


class WritesContract(WithItem):
    def test_an_item_comes_back_as_it_was_written(self, table: Table, item: Item) -> None:
        assert table.get([KEY]) == [item]
        assert table.get([KEY], consistent=False) == [item]

    def test_several_keys_at_once(self, table: Table, item: Item) -> None:
        missing = Key(KEY.pk, "MISSING")
        table.write([Put(Item(OTHER, {"n": 1}))])
        assert table.get([missing, OTHER, KEY, OTHER]) == [
            None,
            Item(OTHER, {"n": 1}),
            item,
            Item(OTHER, {"n": 1}),
        ]
        assert table.get([]) == []

    def test_a_hundred_keys_at_once(self, table: Table) -> None:
        keys = [Key("P", f"{number:03}") for number in range(100)]
        table.write([Put(Item(key)) for key in keys[::2]])
        found = table.get(keys)
        assert [item.key for item in found if item] == keys[::2]
        assert found[1::2] == [None] * 50

    def test_a_failure_on_an_item_that_does_not_exist(self, table: Table) -> None:
        attempts: list[list[Operation]] = [
            [Check(KEY, EXISTS)],
            [Delete(KEY, EXISTS), Put(Item(OTHER))],
        ]
        for operations in attempts:
            with pytest.raises(ConditionFailed) as failed:
                table.write(operations)
            assert failed.value.failures == {0: None}
        assert table.get([OTHER]) == [None]

    def test_all_failures_are_told_and_nothing_is_written(self, table: Table, item: Item) -> None:
        operations: list[Operation] = [
            Put(Item(OTHER)),
            Update(KEY, [Assign(("epoch",), 9)], attr("epoch").eq(8)),
            Check(Key("P", "1"), EXISTS),
            Delete(Key("P", "2"), ABSENT),
            Put(Item(Key("P", "3"))),
        ]
        with pytest.raises(ConditionFailed) as failed:
            table.write(operations)
        assert failed.value.failures == {1: item, 2: None}
        assert table.get([operation.key for operation in operations]) == [
            None,
            item,
            None,
            None,
            None,
        ]

    def test_every_kind_of_operation_in_one_write(self, table: Table, item: Item) -> None:
        table.write([Put(Item(OTHER, {"n": 1})), Put(Item(Key("P", "old")))])
        table.write(
            [
                Put(Item(Key("P", "new"), {"n": 2}), ABSENT),
                Update(OTHER, [Increment(("n",), 4)], attr("n").eq(1)),
                Delete(Key("P", "old"), EXISTS),
                Check(KEY, attr("epoch").eq(3)),
            ]
        )
        assert table.get([Key("P", "new"), OTHER, Key("P", "old"), KEY]) == [
            Item(Key("P", "new"), {"n": 2}),
            Item(OTHER, {"n": 5}),
            None,
            item,
        ]

    def test_deleting_what_is_not_there(self, table: Table) -> None:
        table.write([Delete(KEY)])
        assert table.get([KEY]) == [None]

    def test_an_update_makes_an_item(self, table: Table) -> None:
        changes = [Increment(("n",), -2), Append(("jobs",), {"id": 1}), Assign(("a",), "b")]
        made = Item(KEY, {"n": -2, "jobs": [{"id": 1}], "a": "b"}, {"x": 1}, ttl=5)
        assert table.update(Update(KEY, changes, ABSENT, body={"x": 1}, ttl=5)) == made
        assert table.get([KEY]) == [made]

    def test_an_update_returns_the_item(self, table: Table, item: Item) -> None:
        changes = [
            Increment(("epoch",), 1),
            Append(("jobs",), "c"),
            Assign(("marks", "call-2"), {"attempt": 2}),
            Remove(("marks", "call-1")),
            Remove(("gone",)),
            *assign({"owner": None, "until": 2000}),
        ]
        expected = {**ATTRS, "epoch": 4, "jobs": ["a", "b", "c"], "until": 2000}
        expected["marks"] = {"call-2": {"attempt": 2}}
        del expected["owner"]
        after = table.update(Update(KEY, changes))
        assert after == Item(KEY, expected, item.body, ttl=item.ttl, version=1)
        assert table.get([KEY]) == [after]

    def test_a_default_is_for_what_is_not_there(self, table: Table, item: Item) -> None:
        values = [Default(("epoch",), 9), Default(("fresh",), {"a": 1}), Default(("owner",), "x")]
        after = table.update(Update(KEY, values))
        # Nothing, as a value, is something that is there.
        assert after == Item(KEY, {**item.attrs, "fresh": {"a": 1}}, item.body, ttl=item.ttl)

    def test_a_list_that_grows_by_several(self, table: Table, item: Item) -> None:
        more = [Extend(("jobs",), ("c", "a")), Extend(("fresh",), (1, 2)), Extend(("none",), ())]
        after = table.update(Update(KEY, more))
        assert after.attrs["jobs"] == ["a", "b", "c", "a"]
        assert (after.attrs["fresh"], after.attrs["none"]) == ([1, 2], [])
        assert table.get([KEY]) == [after]

    def test_changes_of_lists(self, table: Table, item: Item) -> None:
        changes = [
            Assign(("jobs", 0), "A"),
            Remove(("jobs", 1)),
            Assign(("jobs", 9), "y"),
            Assign(("jobs", 8), "x"),
        ]
        assert table.update(Update(KEY, changes)).attrs["jobs"] == ["A", "x", "y"]
        removed = table.update(Update(KEY, [Remove(("jobs", 0)), Remove(("jobs", 1))]))
        assert removed.attrs["jobs"] == ["y"]
        assert table.update(Update(KEY, [Remove(("jobs", 5))])).attrs["jobs"] == ["y"]

    def test_removing_the_head_if_it_is_the_expected_one(self, table: Table, item: Item) -> None:
        pop = Update(KEY, [Remove(("jobs", 0))], attr("jobs", 0).eq("a"))
        assert table.update(pop).attrs["jobs"] == ["b"]
        with pytest.raises(ConditionFailed) as failed:
            table.update(pop)
        seen = failed.value.failures[0]
        assert seen is not None
        assert seen.attrs["jobs"] == ["b"]

    def test_the_body_and_the_ttl_stay_unless_given(self, table: Table, item: Item) -> None:
        table.write([Update(KEY, [], body={"text": "bye"})])
        table.write([Update(KEY, [], ttl=7)])
        assert table.get([KEY]) == [Item(KEY, ATTRS, {"text": "bye"}, ttl=7, version=1)]

    @pytest.mark.parametrize(
        "change",
        [
            Assign(("gone", "x"), 1),
            Assign(("jobs", "x"), 1),
            Assign(("owner", "x"), 1),
            Append(("owner",), 1),
            Extend(("owner",), (1, 2)),
            Increment(("owner",), 1),
            Increment(("done",), 1),
        ],
        ids=repr,
    )
    def test_a_change_that_does_not_suit_the_item(
        self, table: Table, item: Item, change: Assign
    ) -> None:
        with pytest.raises(ValueError):
            table.update(Update(KEY, [change]))
        with pytest.raises(ValueError):
            table.write([Put(Item(OTHER)), Update(KEY, [change])])
        assert table.get([KEY, OTHER]) == [item, None]

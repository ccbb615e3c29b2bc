"""Random programs for a table, and what a table answers to them.

An attribute has one type for all programs: moto mixes types up where DynamoDB does not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from shared.storage.expressions import (
    ABSENT,
    EXISTS,
    Append,
    Assign,
    Change,
    Compare,
    Condition,
    Default,
    Extend,
    Increment,
    Not,
    Remove,
    SizeBelow,
    attr,
)
from shared.storage.table import (
    DUE,
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

PARTITION = "P"
KEYS = [Key(PARTITION, sk) for sk in ("a", "a#1", "é")]

numbers = st.integers(-3, 3)
texts = st.sampled_from(["", "a", "b", "é", "😀"])
lists = st.lists(numbers, max_size=3)
maps = st.dictionaries(st.sampled_from(["x", "y"]), numbers)
attrs = st.fixed_dictionaries(
    {},
    optional={
        "n": numbers,
        "m": numbers,
        "s": texts,
        "l": lists,
        "d": maps,
        "due": numbers,
        "due_shard": st.just(0),
        "until": numbers,
    },
)
bodies = st.none() | st.fixed_dictionaries(
    {"t": texts, "f": st.floats(allow_nan=False, allow_infinity=False)}
)
keys = st.sampled_from(KEYS)
orders = st.sampled_from(["<", "<=", ">", ">="])
equalities = st.sampled_from(["=", "<>"])
paths = st.sampled_from([("n",), ("s",), ("l",), ("l", 1), ("d",), ("d", "x")])

simple_conditions: st.SearchStrategy[Condition] = st.one_of(
    st.sampled_from([EXISTS, ABSENT]),
    paths.map(lambda path: attr(*path).present()),
    paths.map(lambda path: attr(*path).absent()),
    st.builds(Compare, st.just(("n",)), orders | equalities, numbers),
    st.builds(Compare, st.just(("s",)), orders | equalities, texts),
    st.builds(Compare, st.just(("l",)), equalities, lists),
    st.builds(Compare, st.just(("l", 0)), equalities, numbers),
    st.builds(Compare, st.just(("d",)), equalities, maps),
    st.builds(Compare, st.just(("d", "x")), orders, numbers),
    st.builds(Compare, st.just(("n",)), orders, st.just(attr("m"))),
    st.builds(SizeBelow, st.sampled_from([("l",), ("d",)]), st.integers(0, 3)),
)
conditions: st.SearchStrategy[Condition] = st.recursive(
    simple_conditions,
    lambda parts: st.one_of(
        st.builds(Not, parts),
        st.builds(lambda one, two: one & two, parts, parts),
        st.builds(lambda one, two: one | two, parts, parts),
    ),
    max_leaves=4,
)

changes: st.SearchStrategy[list[Change]] = st.fixed_dictionaries(
    {},
    optional={
        "n": st.builds(Assign, st.just(("n",)), numbers)
        | st.builds(Increment, st.just(("n",)), numbers)
        | st.builds(Default, st.just(("n",)), numbers),
        "m": st.just(Remove(("m",))),
        "l": st.builds(Append, st.just(("l",)), numbers)
        | st.builds(Extend, st.just(("l",)), st.lists(numbers, max_size=3).map(tuple))
        | st.builds(Assign, st.sampled_from([("l",)]), lists)
        | st.just(Remove(("l",))),
        "d": st.builds(Assign, st.just(("d",)), maps)
        | st.builds(Assign, st.just(("d", "x")), numbers),
        "due": st.builds(Assign, st.just(("due",)), numbers) | st.just(Remove(("due",))),
    },
).map(lambda chosen: list(chosen.values()))

maybe_condition = st.none() | conditions
updates = st.builds(Update, keys, changes, maybe_condition, bodies).filter(
    lambda update: update.changes or update.body is not None
)
operations: st.SearchStrategy[Operation] = st.one_of(
    st.builds(Put, st.builds(Item, keys, attrs, bodies), maybe_condition),
    updates,
    st.builds(Delete, keys, maybe_condition),
    st.builds(Check, keys, conditions),
)


@dataclass(frozen=True)
class Write:
    operations: Sequence[Operation]


@dataclass(frozen=True)
class Query:
    prefix: str
    descending: bool
    limit: int | None
    cursor: str | None


@dataclass(frozen=True)
class Due:
    up_to: int | None
    descending: bool


Answer = tuple[str, Any]
Step = Write | Update | Query | Due
steps: st.SearchStrategy[Step] = st.one_of(
    st.lists(operations, min_size=1, max_size=3, unique_by=lambda one: one.key).map(Write),
    updates,
    st.builds(
        Query,
        st.sampled_from(["", "a", "a#"]),
        st.booleans(),
        st.none() | st.integers(1, 3),
        st.none() | st.sampled_from(["", "a", "a!", "b", "é"]),
    ),
    st.builds(Due, st.none() | numbers, st.booleans()),
)
programs = st.lists(steps, min_size=1, max_size=8)


def alike(first: Answer, second: Answer) -> bool:
    """Whether two tables may say so of the same step.

    Which counts first, a condition that fails or a change that suits no item, is not promised.
    """
    return first == second or {first[0], second[0]} == {"refused", "invalid"}


def answer(table: Table, step: Step) -> Answer:
    """What the table says, in a form in which answers of two tables can be compared."""
    match step:
        case Write(writes):
            return _outcome(lambda: table.write(writes))
        case Update():
            return _outcome(lambda: table.update(step))
        case Query(prefix, descending, limit, cursor):
            page = table.query(
                PARTITION, prefix=prefix, descending=descending, limit=limit, cursor=cursor
            )
            return "page", page.items
        case Due(up_to, descending):
            found = table.query_index(DUE, 0, up_to=up_to, descending=descending).items
            # Entries of one time come in any order.
            in_time = [item.attrs["due"] for item in found]
            return "due", (in_time, sorted(found, key=lambda item: item.key))


def _outcome(work: Callable[[], Any]) -> Answer:
    try:
        return "done", work()
    except ConditionFailed as failed:
        return "refused", failed.failures
    except ValueError:
        return "invalid", None

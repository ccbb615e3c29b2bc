"""What every table does when many write at once: one winner, no lost update."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from shared.clock import SystemClock
from shared.storage.expressions import ABSENT, Append, Assign, Increment, attr
from shared.storage.folder import FolderArtifacts
from shared.storage.table import ConditionFailed, Item, Key, Put, Table, Update
from shared.storage.wrapper import ResilientTable
from tests.support.engines import Opener

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

THREADS = 24
Result = TypeVar("Result")


def together(work: Callable[[int], Result], count: int = THREADS) -> list[Result]:
    """What the work returns in each of many threads."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def won(write: Callable[[], object]) -> bool:
    try:
        write()
    except ConditionFailed:
        return False
    return True


def take_locks(table: Table, me: str, count: int) -> list[int]:
    """The numbers of the locks that were free."""

    def take(number: int) -> bool:
        lock = Item(Key("LOCKS", f"{number:03}"), {"owner": me})
        return won(lambda: table.write([Put(lock, ABSENT)]))

    return [number for number in range(count) if take(number)]


def take_locks_elsewhere(opener: Opener, folder: Path, me: str, start: "Barrier") -> list[int]:
    """`take_locks` in a process of its own, which begins when all are ready."""
    with opener.open() as engine:
        table = ResilientTable(engine, FolderArtifacts(folder), SystemClock())
        table.get([Key("LOCKS", "warm")])
        start.wait(60)
        return take_locks(table, me, 50)


class RacesContract:
    def test_one_of_many_threads_takes_a_lock(self, table: Table) -> None:
        taken = together(lambda me: take_locks(table, str(me), 4))
        assert sorted(number for numbers in taken for number in numbers) == list(range(4))
        for item in table.query("LOCKS").items:
            assert int(item.key.sk) in taken[int(item.attrs["owner"])]

    def test_one_of_many_threads_moves_an_epoch_on(self, table: Table) -> None:
        key = Key("BOX", "B")
        table.write([Put(Item(key, {"epoch": 0}))])

        def take(me: int) -> bool:
            changes = [Increment(("epoch",), 1), Assign(("owner",), me)]
            return won(lambda: table.update(Update(key, changes, attr("epoch").eq(0))))

        outcomes = together(take)
        assert sum(outcomes) == 1
        assert table.get([key]) == [Item(key, {"epoch": 1, "owner": outcomes.index(True)})]

    def test_a_bounded_list_takes_no_more_than_its_bound(self, table: Table) -> None:
        key = Key("BOX", "B")
        table.write([Put(Item(key, {"jobs": []}))])

        def add(me: int) -> bool:
            turn = Put(Item(Key("TURN", str(me))), ABSENT)
            ref = Update(key, [Append(("jobs",), me)], attr("jobs").size_below(16))
            return won(lambda: table.write([turn, ref]))

        added = [me for me, done in enumerate(together(add)) if done]
        (box,) = table.get([key])
        assert box is not None
        assert len(added) == 16
        assert sorted(box.attrs["jobs"]) == added
        assert {item.key.sk for item in table.query("TURN").items} == set(map(str, added))

    def test_transactions_over_the_same_items_do_not_mix(self, table: Table) -> None:
        keys = [Key("PAIR", "a"), Key("PAIR", "b")]
        table.write([Put(Item(key, {"n": 0})) for key in keys])

        def move(me: int) -> int:
            moved = 0
            while moved < 2:
                seen = [item.attrs["n"] for item in table.get(keys) if item]
                changes = [
                    Update(key, [Increment(("n",), step)], attr("n").eq(now))
                    for key, step, now in zip(keys, (1, -1), seen, strict=True)
                ]
                moved += won(lambda changes=changes: table.write(changes))  # type: ignore[misc]
            return moved

        together(move, 6)
        assert table.get(keys) == [Item(keys[0], {"n": 12}), Item(keys[1], {"n": -12})]


class ProcessesContract:
    def test_one_of_two_processes_takes_a_lock(
        self, table: Table, opener: Opener, tmp_path: Path
    ) -> None:
        context = multiprocessing.get_context("spawn")
        with context.Manager() as manager, context.Pool(2) as pool:
            start = manager.Barrier(2)
            work = [(opener, tmp_path, me, start) for me in ("one", "two")]
            first, second = pool.starmap(take_locks_elsewhere, work)
        assert sorted(first + second) == list(range(50))
        owners = {int(item.key.sk): item.attrs["owner"] for item in table.query("LOCKS").items}
        assert owners == {**dict.fromkeys(first, "one"), **dict.fromkeys(second, "two")}

"""The wrapper: which faults it tries again, how often, and where large bodies go."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from shared.storage.artifacts import Artifacts, ArtifactsUnavailable
from shared.storage.expressions import ABSENT, EXISTS, Increment, attr
from shared.storage.folder import FolderArtifacts
from shared.storage.sqlite import SqliteTable
from shared.storage.table import (
    Check,
    ConditionFailed,
    Conflict,
    Delete,
    Item,
    Key,
    Put,
    Throttled,
    TransientError,
    Unavailable,
    Update,
)
from shared.storage.wrapper import ATTEMPTS, ResilientTable
from tests.contracts.table_values import noise
from tests.support.clock import FakeClock
from tests.support.faults import Call, Fault, FaultyTable, Hooks

KEY = Key("CONV#acme#1", "MSG#1")
LARGE = {"text": noise(400_000)}


class Script:
    """A plan: the faults of the next calls, one after the other, then none."""

    def __init__(self) -> None:
        self.faults: list[Fault | Hooks | None] = []
        self.calls: list[str] = []

    def __call__(self, call: Call) -> Fault | Hooks | None:
        self.calls.append(call.method)
        return self.faults.pop(0) if self.faults else None


class FlakyArtifacts(FolderArtifacts):
    """A folder that fails as often as it is told to."""

    failures = 0

    def put(
        self, name: str, data: bytes, *, content_type: str = "", if_absent: bool = False
    ) -> None:
        self._perhaps_fail()
        super().put(name, data, if_absent=if_absent)

    def get(self, name: str) -> bytes | None:
        self._perhaps_fail()
        return super().get(name)

    def _perhaps_fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise ArtifactsUnavailable("told to")


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def artifacts(tmp_path: Path) -> FlakyArtifacts:
    return FlakyArtifacts(tmp_path / "artifacts")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[SqliteTable]:
    with closing(SqliteTable(tmp_path / "table.db")) as engine:
        yield engine


@pytest.fixture
def table(
    engine: SqliteTable, script: Script, artifacts: Artifacts, clock: FakeClock
) -> ResilientTable:
    return ResilientTable(FaultyTable(engine, script), artifacts, clock)


def names(artifacts: Artifacts) -> list[str]:
    return [artifact.name for artifact in artifacts.list("").artifacts]


@pytest.mark.parametrize("fault", list(Fault))
def test_a_fault_is_tried_again(
    table: ResilientTable, script: Script, clock: FakeClock, fault: Fault
) -> None:
    script.faults = [fault] * (ATTEMPTS - 1)
    table.write([Put(Item(KEY, {"n": 1}))])
    script.faults = [fault] * (ATTEMPTS - 1)
    assert table.get([KEY]) == [Item(KEY, {"n": 1})]
    assert len(script.calls) == 2 * ATTEMPTS
    assert len(clock.sleeps) == 2 * (ATTEMPTS - 1)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.CONFLICT, Conflict),
        (Fault.THROTTLE, Throttled),
        (Fault.LOST_REQUEST, Unavailable),
        (Fault.LOST_ANSWER, Unavailable),
    ],
)
def test_after_six_attempts_the_fault_is_the_callers(
    table: ResilientTable, script: Script, fault: Fault, error: type[TransientError]
) -> None:
    script.faults = [fault] * ATTEMPTS
    with pytest.raises(error):
        table.query(KEY.pk)
    assert script.calls == ["query"] * ATTEMPTS
    assert ATTEMPTS == 6


def test_a_refusal_is_not_tried_again(
    table: ResilientTable, script: Script, clock: FakeClock
) -> None:
    with pytest.raises(ConditionFailed):
        table.write([Delete(KEY, EXISTS)])
    with pytest.raises(ValueError):
        table.update(Update(KEY, [Increment(("a", "b"), 1)]))
    assert script.calls == ["write", "update"]
    assert clock.sleeps == []


def test_a_write_whose_answer_was_lost_meets_its_own_effect(
    table: ResilientTable, script: Script
) -> None:
    script.faults = [Fault.LOST_ANSWER]
    mine = Item(KEY, {"owner": "me"})
    with pytest.raises(ConditionFailed) as failed:
        table.write([Put(mine, ABSENT)])
    assert failed.value.failures == {0: mine}


def test_a_hook_may_kill_before_and_after_the_effect(table: ResilientTable, script: Script) -> None:
    def kill() -> None:
        raise KeyboardInterrupt

    for hooks, found in ((Hooks(before=kill), None), (Hooks(after=kill), Item(KEY))):
        script.faults = [hooks]
        with pytest.raises(KeyboardInterrupt):
            table.write([Put(Item(KEY))])
        assert table.get([KEY]) == [found]


def test_a_large_body_is_a_file_and_a_pointer(
    table: ResilientTable, engine: SqliteTable, artifacts: FlakyArtifacts
) -> None:
    table.write([Put(Item(KEY, {"n": 1}, LARGE))])
    (stored,) = engine.get([KEY])
    assert stored is not None
    assert stored.attrs == {"n": 1, "v": 1, "spilled": names(artifacts)[0]}
    assert table.update(Update(KEY, [], body={"small": True})).body == {"small": True}
    (stored,) = engine.get([KEY])
    assert stored is not None
    assert stored.attrs.keys() == {"n", "v", "blob"}


def test_a_body_that_compresses_does_not_spill(
    table: ResilientTable, engine: SqliteTable, artifacts: FlakyArtifacts
) -> None:
    table.write([Put(Item(KEY, body={"text": "again " * 500_000}))])
    (stored,) = engine.get([KEY])
    assert stored is not None
    assert len(stored.attrs["blob"]) < 50_000
    assert names(artifacts) == []


def test_a_large_body_is_written_once_however_often_the_item_is(
    table: ResilientTable, script: Script, artifacts: FlakyArtifacts
) -> None:
    artifacts.failures = 2
    script.faults = [Fault.CONFLICT, Fault.THROTTLE]
    table.write([Put(Item(KEY, body=LARGE))])
    assert len(names(artifacts)) == 1
    assert table.get([KEY]) == [Item(KEY, body=LARGE)]


def test_nothing_points_at_a_body_that_could_not_be_written(
    table: ResilientTable, script: Script, artifacts: FlakyArtifacts
) -> None:
    artifacts.failures = ATTEMPTS
    with pytest.raises(Unavailable):
        table.write([Put(Item(KEY, body=LARGE))])
    assert script.calls == []
    assert table.get([KEY]) == [None]


def test_reading_a_large_body_again_does_not_update_again(
    table: ResilientTable, script: Script, artifacts: FlakyArtifacts
) -> None:
    table.write([Put(Item(KEY, {"n": 0}, LARGE))])
    artifacts.failures = 2
    assert table.update(Update(KEY, [Increment(("n",), 1)])) == Item(KEY, {"n": 1}, LARGE)
    artifacts.failures = 2
    with pytest.raises(ConditionFailed) as failed:
        table.write([Check(KEY, attr("n").eq(0))])
    assert failed.value.failures == {0: Item(KEY, {"n": 1}, LARGE)}
    artifacts.failures = 2
    assert table.get([KEY]) == [Item(KEY, {"n": 1}, LARGE)]
    assert script.calls == ["write", "update", "write", "get", "get", "get"]


def test_a_body_deleted_under_a_reader_is_read_again(
    table: ResilientTable, script: Script, engine: SqliteTable, artifacts: FlakyArtifacts
) -> None:
    table.write([Put(Item(KEY, body=LARGE))])

    def delete_all() -> None:
        engine.write([Delete(KEY)])
        for name in names(artifacts):
            artifacts.delete(name)

    script.faults = [Hooks(after=delete_all)]
    assert table.get([KEY]) == [None]

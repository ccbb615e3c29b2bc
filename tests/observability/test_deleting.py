"""What the log tells of deletions, and what is counted: those that are done, and that fail."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.conversations.audit import PREFIX
from shared.storage.sqlite import SqliteTable
from shared.storage.table import Item
from shared.telemetry import STEPS
from tests.deleting.house import ADMIN, ANN, House, lived
from tests.observability.recorded import RecordedMetrics, Steps, heard

HOUR = 3600


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    engine = SqliteTable(tmp_path / "house.db")
    yield House(tmp_path / "files", engine)
    engine.close()


@pytest.fixture
def metrics() -> RecordedMetrics:
    return RecordedMetrics()


@pytest.fixture
def steps(metrics: RecordedMetrics) -> Iterator[Steps]:
    with heard(metrics) as made:
        yield made
    for name, fields in made.told:
        # Beside the ids of what it is part of, which an invocation would have bound.
        assert fields.keys() <= {*STEPS[name].fields, *STEPS["turn taken"].fields}, name


def asked(house: House, path: str) -> None:
    answered = house.by(ADMIN, "DELETE", path)
    assert answered.status == 202, answered.text


def _is_audit(item: Item) -> bool:
    return item.key.pk == "AUDIT#acme"


def test_an_erasure_is_told_once_and_loses_no_lease(
    house: House, steps: Steps, metrics: RecordedMetrics
) -> None:
    lived(house)
    asked(house, "/users/ann/data")
    house.rest(6)
    [ended] = steps.of("erasure ended")
    assert (ended["kind"], ended["conversations"]) == ("user", 1)
    [deleted] = steps.of("conversation deleted")
    assert deleted["items"] > 10
    # As the audit names them.
    asked_for = {item.key.sk: item.attrs["kind"] for item in house.items() if _is_audit(item)}
    assert asked_for == {
        f"{PREFIX}{ended['deletion']}": "user",
        f"{PREFIX}{deleted['deletion']}": "conversation",
    }
    assert metrics.sums["Deletions"] == 1
    assert "lease lost" not in steps.names
    assert not {"LeaseConflicts", "DeletionsFailed"} & metrics.sums.keys()


@pytest.mark.parametrize(
    ("call", "failed", "ended"),
    [
        ("scan", "erasure failed", "erasure ended"),
        ("list files", "removal failed", "conversation deleted"),
    ],
)
def test_one_that_fails_raises_the_alarm_and_goes_on(
    house: House,
    steps: Steps,
    metrics: RecordedMetrics,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    failed: str,
    ended: str,
) -> None:
    made = lived(house)
    asked(house, "/users/ann/data")

    def broken(name: str) -> None:
        if name == call:
            raise ArithmeticError

    monkeypatch.setattr(house.fate, "before", broken)
    house.rest(3)
    [told] = steps.of(failed)
    assert str(told["box"]).startswith("BOX#")
    assert metrics.sums["DeletionsFailed"] == 1
    assert ended not in steps.names
    monkeypatch.undo()
    house.pass_time(HOUR)
    house.rest(10)
    assert len(steps.of(ended)) == 1
    assert metrics.sums["DeletionsFailed"] == 1
    assert house.by(ANN, "GET", "/conversations").body == []
    assert house.traces(made.words) == []

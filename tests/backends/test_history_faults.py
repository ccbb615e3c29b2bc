"""Records, a thousand in the long form, for a backend that at random is slow, fails before or after
it has written, and hangs up."""

import random
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backends.bridge import Bridge, keeping, short
from tests.faults.forms import LONG
from tests.support.reference_backend import ReferenceBackend
from tests.support.reference_faults import Fault, Faults, Kind

TURNS = 500 if LONG else 100
"""Two records each."""

WRITES = ("begin", "transcript", "finalize")


class Weather(Faults):
    """A fault for every third write or so. `calm`: never two in a row."""

    def __init__(self, seed: int, *, calm: bool) -> None:
        super().__init__()
        self._random = random.Random(seed)
        self._calm = calm
        self._bad = False
        self.seen: Counter[str] = Counter()
        self._own = threading.Lock()

    def next(self, operation: str) -> Fault | None:
        with self._own:
            self._bad = (
                operation in WRITES
                and not (self._calm and self._bad)
                and self._random.random() < 0.35
            )
            if not self._bad:
                return None
            kinds: list[Kind] = ["status", "status_after", "drop", "drop_after", "cut", "garbage"]
            kind = self._random.choice(kinds)
            if self._random.random() < 0.08:
                kind = self._random.choice(["slow", "slow_after"])
            self.seen[kind] += 1
            return Fault(kind, status=self._random.choice([500, 502, 503, 504]), seconds=0.3)


@pytest.fixture
def backend() -> Iterator[ReferenceBackend]:
    with keeping() as running:
        yield running


@pytest.mark.parametrize("keys", [True, False], ids=["honours keys", "knows no keys"])
def test_many_records(backend: ReferenceBackend, tmp_path: Path, keys: bool) -> None:
    backend.books.ignore_keys = not keys
    backend.faults = weather = Weather(17, calm=not keys)
    bridge = Bridge(backend, tmp_path, BACKEND_TIMEOUT_SEC="0.1")
    for turn in range(TURNS):
        bridge.say()
        if turn % 10 == 9:
            bridge.deliver(30)
    bridge.end()
    bridge.deliver(4 * 3600)
    assert len(weather.seen) >= 7, "nearly every kind of fault was met"
    said = [text for n in range(1, TURNS + 1) for text in (f"Question {n}", "Hello")]
    wanted = ["begin", *said, "finalize"]
    told = bridge.told()
    assert bridge.state.complete is True
    if keys:
        assert told == wanted
        assert backend.books.answers["repeated"] > 0
        assert backend.books.answers["conflicts"] == 0
        return
    keyed = Counter(entry["key"] for entry in backend.books.committed)
    assert set(keyed.values()) == {1, 2}, "nothing is lost, and at most doubled"
    texts = {entry["key"]: short(entry) for entry in backend.books.committed}
    # A copy comes right behind the first one, so the order is that of the first ones.
    assert list(texts.values()) == wanted

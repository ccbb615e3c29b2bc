"""Keys of a provider that many threads need at once: one fetches."""

import threading
from functools import partial

import pytest

from shared.errors import ServiceUnavailable
from shared.identity.jwks import COOLDOWN, LIFE, Jwks
from tests.identity.rotation import NEW, NEW_KEY, OLD, OLD_KEY, has
from tests.identity.token_samples import Provider
from tests.support.clock import FakeClock
from tests.support.manual_clock import PATIENCE, in_thread


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


class Gate:
    """A provider that answers when it is told to."""

    def __init__(self, provider: Provider) -> None:
        self.asked, self.answer = threading.Event(), threading.Event()
        self._provider = provider

    def fetch(self) -> bytes:
        document = self._provider.fetch()
        self.asked.set()
        assert self.answer.wait(PATIENCE)
        return document


@pytest.mark.parametrize("fault", [None, OSError("down")])
def test_many_callers_fetch_once(clock: FakeClock, fault: Exception | None) -> None:
    provider = Provider(OLD_KEY, NEW_KEY)
    gate = Gate(provider)

    def fetch() -> bytes:
        document = gate.fetch()
        if fault is not None:
            raise fault
        return document

    keys = Jwks(fetch, clock)
    headers = [OLD, NEW] * 8
    calls = [in_thread(partial(has, keys, header)) for header in headers]
    assert gate.asked.wait(PATIENCE)
    gate.answer.set()
    for call in calls:
        if fault is None:
            assert call.result(PATIENCE)
        else:
            assert isinstance(call.exception(PATIENCE), ServiceUnavailable)
    assert provider.fetches == 1


def test_who_has_a_key_does_not_wait_for_another_thread(clock: FakeClock) -> None:
    provider = Provider(OLD_KEY)
    gate = Gate(provider)
    gate.answer.set()
    keys = Jwks(gate.fetch, clock)
    assert has(keys, OLD)
    for moved, header in ((COOLDOWN, NEW), (LIFE, OLD)):
        clock.advance(moved)
        gate.asked.clear()
        gate.answer.clear()
        fetching = in_thread(partial(has, keys, header))
        assert gate.asked.wait(PATIENCE)
        before = provider.fetches
        # The other thread stands in the fetch until this one has been served.
        assert has(keys, OLD)
        assert provider.fetches == before
        assert not fetching.done()
        gate.answer.set()
        assert fetching.result(PATIENCE) is (header == OLD)
    assert provider.fetches == 3


def test_who_has_none_waits_for_it(clock: FakeClock) -> None:
    provider = Provider(OLD_KEY)
    gate = Gate(provider)
    gate.answer.set()
    keys = Jwks(gate.fetch, clock)
    assert has(keys, OLD)
    clock.advance(COOLDOWN)
    provider.publish(OLD_KEY, NEW_KEY)
    gate.asked.clear()
    gate.answer.clear()
    first = in_thread(lambda: has(keys, NEW))
    assert gate.asked.wait(PATIENCE)
    others = [in_thread(lambda: has(keys, NEW)) for _ in range(4)]
    gate.answer.set()
    assert all(call.result(PATIENCE) for call in [first, *others])
    assert provider.fetches == 2

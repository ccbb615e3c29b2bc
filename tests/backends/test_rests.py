"""A backend that keeps people waiting in vain is left alone as a whole, where there are copies."""

import logging
from collections.abc import Callable

import pytest

from shared.backends.control_plane import Malformed, Unavailable
from shared.errors import ServiceUnavailable
from shared.ids import agent_uuid
from tests.backends.outages import CACHE, FIND, OUT, SHOP, TENANT, Backend, Process, Start, spoken
from tests.support.clock import FakeClock

TIMEOUT = 5.0
TOOLS = [f"find{number}" for number in range(20)]


@pytest.fixture
def equipped(backend: Backend) -> Backend:
    """A backend whose agent has many shared tools."""
    backend.tools = {name: {**FIND, "name": name} for name in TOOLS}
    backend.configs["shop"] = {**SHOP, "tools": [{"resource": name} for name in TOOLS]}
    return backend


@pytest.fixture
def hang(backend: Backend, clock: FakeClock) -> Callable[[], None]:
    """From now on everybody waits for the whole time-out."""

    def hang() -> None:
        backend.fault = Unavailable("no answer within 5 s")
        backend.waiting = lambda: clock.advance(TIMEOUT)

    return hang


def seconds(clock: FakeClock, process: Process) -> float:
    began = clock.monotonic()
    found = process.agents.equipped("shop", TENANT)
    assert len(list(found.toolbox)) == len(TOOLS)
    return clock.monotonic() - began


@pytest.mark.parametrize("cold", [True, False])
def test_a_turn_waits_once_whatever_it_needs(
    start: Start, equipped: Backend, clock: FakeClock, hang: Callable[[], None], cold: bool
) -> None:
    process = start()
    assert seconds(clock, process) == 0
    hang()
    clock.advance(CACHE)
    process = start() if cold else process
    before = sum(equipped.asked.values())
    assert seconds(clock, process) == TIMEOUT
    assert seconds(clock, process) == 0
    assert sum(equipped.asked.values()) == before + 1
    clock.advance(CACHE)
    assert seconds(clock, process) == TIMEOUT, "it is asked again after a while"


def test_a_slow_answer_that_is_none_counts_too(
    start: Start, equipped: Backend, clock: FakeClock, hang: Callable[[], None]
) -> None:
    process = start()
    seconds(clock, process)
    hang()
    equipped.fault = Malformed("a page of somebody in between")
    clock.advance(CACHE)
    assert seconds(clock, process) == TIMEOUT


def test_without_a_copy_the_first_failure_is_the_last(start: Start, equipped: Backend) -> None:
    equipped.tool_fault = Unavailable("no answer within 5 s")
    process = start()
    with pytest.raises(ServiceUnavailable):
        process.name()
    assert sum(equipped.asked[name] for name in TOOLS) == 1


def test_one_thing_that_fails_at_once_does_not_stop_the_others(
    start: Start, backend: Backend, clock: FakeClock
) -> None:
    """It would, for ever, if it were always asked for first."""
    backend.configs |= {"a": {**SHOP, "tools": [{"resource": "find"}]}, "b": SHOP}
    backend.tools["find"] = FIND
    process = start()
    assert [each.name for each in process.agents.list(TENANT)] == ["Shop"] * 3
    backend.tool_fault = Unavailable("status 500")
    backend.configs["b"] = {**SHOP, "name": "Desk"}
    clock.advance(CACHE)
    assert [each.name for each in process.agents.list(TENANT)] == ["Shop", "Desk", "Shop"]


def test_several_that_fail_at_once_do(start: Start, equipped: Backend, clock: FakeClock) -> None:
    process = start()
    seconds(clock, process)
    equipped.fault = Unavailable("connection refused")
    clock.advance(CACHE)
    before = sum(equipped.asked.values())
    seconds(clock, process)
    assert sum(equipped.asked.values()) == before + 3


def test_how_long_it_asks_to_be_left_alone(
    start: Start, backend: Backend, clock: FakeClock
) -> None:
    process = start()
    process.name()
    for asked, kept in ((30.0, 30.0), (1.0, CACHE), (3600.0, 60.0)):
        clock.advance(100)
        backend.fault = Unavailable("status 503", retry_after=asked)
        assert process.name() == "Shop"
        count = backend.asked["shop"]
        clock.advance(kept - 0.1)
        assert process.name() == "Shop"
        assert backend.asked["shop"] == count
        clock.advance(0.1)
        process.name()
        assert backend.asked["shop"] == count + 1


def test_tenants_rest_for_themselves(
    start: Start, backend: Backend, clock: FakeClock, hang: Callable[[], None]
) -> None:
    process = start()
    for tenant in ("one", "two"):
        process.agents.get("shop", tenant)
    hang()
    clock.advance(CACHE)
    process.agents.get("shop", "one")
    count = backend.asked["shop"]
    process.agents.get("shop", "two")
    assert backend.asked["shop"] == count + 1


def test_a_list_leaves_out_what_cannot_be_had(
    start: Start,
    backend: Backend,
    clock: FakeClock,
    hang: Callable[[], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    backend.configs |= {name: {**SHOP, "name": 5} for name in ("a", "b", "z")}
    process = start()
    process.agents.list(TENANT)
    spoken(caplog)
    for number, fault in enumerate(OUT):
        backend.fault = fault
        clock.advance(CACHE)
        began = clock.monotonic()
        assert [agent.id for agent in process.agents.list(TENANT)] == ["shop"]
        assert clock.monotonic() == began
        if not number:
            assert "it is left out of the list" in "".join(text for _, text in spoken(caplog))
    hang()
    clock.advance(CACHE)
    began = clock.monotonic()
    assert [agent.id for agent in process.agents.list(TENANT)] == ["shop"]
    assert clock.monotonic() - began == TIMEOUT
    with pytest.raises(ServiceUnavailable):
        start().agents.list(TENANT)


def test_an_agent_that_is_asked_for_by_its_uuid(
    start: Start, backend: Backend, clock: FakeClock, hang: Callable[[], None]
) -> None:
    backend.configs["desk"] = SHOP
    first = start()
    for name in ("shop", "desk"):
        first.name(name)
    hang()
    cold = start()
    began = clock.monotonic()
    for name in ("shop", "desk"):
        assert cold.name(agent_uuid(name)) == "Shop"
    assert clock.monotonic() - began == TIMEOUT


def test_the_log_names_what_goes_on_from_a_copy(
    start: Start,
    backend: Backend,
    clock: FakeClock,
    hang: Callable[[], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "parley")
    process = start()
    process.agents.list(TENANT)
    hang()
    clock.advance(CACHE)
    process.agents.list(TENANT)
    found = [(record.getMessage(), vars(record)) for record in caplog.records]
    said = "the backend gives out no {}; its last copy is used"
    assert [text for text, _ in found] == [said.format("agents"), said.format("agent")]
    assert [fields["reason"] for _, fields in found] == ["no answer within 5 s"] * 2
    assert "agents" not in found[0][1], "a page has no name"
    assert found[1][1]["agent"] == "shop"
    caplog.clear()
    backend.fault = None
    clock.advance(CACHE)
    process.agents.list(TENANT)
    assert [text for _, text in spoken(caplog)] == [
        "the backend gives out the agents again",
        "the backend gives out the agent again",
    ]

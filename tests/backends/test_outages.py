"""Agents of a backend that is slow or out: what goes on being given out, and what is said."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.backends.control_plane import ControlPlaneFault, Refused, Unavailable
from shared.errors import NotFound, ServiceUnavailable
from shared.ids import agent_uuid
from tests.backends.outages import CACHE, FIND, OUT, SHOP, TENANT, Backend, Start, spoken
from tests.support.clock import FakeClock


def test_what_was_read_is_used_for_a_while(
    start: Start, backend: Backend, clock: FakeClock
) -> None:
    process = start()
    backend.configs["shop"] = {**SHOP, "tools": [{"resource": "find"}]}
    backend.tools["find"] = FIND
    for _ in range(3):
        process.name()
    assert (backend.asked["shop"], backend.asked["find"]) == (1, 1)
    backend.configs["shop"] = {**SHOP, "name": "Desk"}
    clock.advance(CACHE - 0.1)
    assert process.name() == "Shop"
    clock.advance(0.1)
    assert process.name() == "Desk"


def test_what_is_not_there_is_asked_for_again_soon(
    start: Start, backend: Backend, clock: FakeClock
) -> None:
    process = start()
    for _ in range(3):
        with pytest.raises(NotFound):
            process.name("desk")
    assert backend.asked["desk"] == 1
    backend.configs["desk"] = {**SHOP, "name": "Desk"}
    clock.advance(5)
    assert process.name("desk") == "Desk"


def test_tenants_do_not_share(start: Start, backend: Backend) -> None:
    process = start()
    process.agents.get("shop", "one")
    process.agents.get("shop", "two")
    assert backend.asked["shop"] == 2
    backend.fault = Unavailable("down")
    with pytest.raises(ServiceUnavailable):
        process.agents.get("shop", "three")


@pytest.mark.parametrize("fault", OUT, ids=lambda fault: type(fault).__name__)
def test_an_outage_from_its_beginning_to_its_end(
    start: Start,
    backend: Backend,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
    fault: ControlPlaneFault,
) -> None:
    caplog.set_level(logging.INFO, "parley")
    process = start()
    process.name()
    assert spoken(caplog) == []
    backend.fault = fault
    for _ in range(4):
        clock.advance(CACHE)
        assert [process.name() for _ in range(3)] == ["Shop"] * 3
    assert backend.asked["shop"] == 5, "it is left alone meanwhile"
    level = logging.ERROR if isinstance(fault, Refused) else logging.WARNING
    assert spoken(caplog) == [(level, "the backend gives out no agent; its last copy is used")]
    backend.fault, backend.configs["shop"] = None, {**SHOP, "name": "Desk"}
    clock.advance(CACHE)
    assert process.name() == "Desk"
    assert spoken(caplog) == [(logging.INFO, "the backend gives out the agent again")]


@pytest.mark.parametrize("fault", OUT, ids=lambda fault: type(fault).__name__)
def test_without_a_copy_there_is_no_agent(
    start: Start, backend: Backend, fault: ControlPlaneFault, caplog: pytest.LogCaptureFixture
) -> None:
    process = start()
    backend.fault = fault
    for _ in range(2):
        with pytest.raises(ServiceUnavailable) as caught:
            process.name()
        assert caught.value.error_code == "BACKEND_UNAVAILABLE"
        assert str(fault) not in caught.value.message
    [(_, said)] = spoken(caplog)
    assert said == "the backend gives out no agent; there is no copy"
    backend.fault = None
    assert process.name() == "Shop", "who asks again at once is served at once"


def test_a_process_that_begins_in_an_outage(start: Start, backend: Backend) -> None:
    backend.configs["shop"] = {**SHOP, "tools": [{"resource": "find"}]}
    backend.tools["find"] = FIND
    start().name()
    backend.fault = Unavailable("down")
    cold = start()
    found = cold.agents.equipped("shop", TENANT)
    assert found.agent.name == "Shop"
    assert [tool.name for tool in found.toolbox] == ["find"]
    assert cold.agents.get(agent_uuid("shop"), TENANT).id == "shop"
    with pytest.raises(ServiceUnavailable):
        cold.name("desk")
    with pytest.raises(ServiceUnavailable):
        cold.name(agent_uuid("desk"))


def test_only_tools_are_out(start: Start, backend: Backend) -> None:
    backend.configs["shop"] = {**SHOP, "tools": [{"resource": "find"}]}
    backend.tools["find"] = FIND
    start().name()
    backend.tool_fault = Unavailable("down")
    assert start().name() == "Shop", "the copy has its tools with it"
    backend.configs["desk"] = {**SHOP, "tools": [{"resource": "find"}]}
    with pytest.raises(ServiceUnavailable):
        start().name("desk")


def test_a_slow_agent_keeps_nobody_else_waiting(start: Start, backend: Backend) -> None:
    process = start()
    backend.configs["desk"] = {**SHOP, "name": "Desk"}
    backend.gates["shop"] = gate = threading.Event()
    with ThreadPoolExecutor(8) as pool:
        slow = [pool.submit(process.name) for _ in range(6)]
        assert backend.arrived.wait(30)
        assert pool.submit(process.name, "desk").result(30) == "Desk"
        gate.set()
        assert [each.result(30) for each in slow] == ["Shop"] * 6
    assert backend.asked["shop"] == 1, "all of them wait for one answer"


def test_nobody_waits_for_what_is_known(start: Start, backend: Backend, clock: FakeClock) -> None:
    process = start()
    process.name()
    clock.advance(CACHE)
    backend.gates["shop"] = gate = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(process.name)
        assert backend.arrived.wait(30)
        assert pool.submit(process.name).result(30) == "Shop"
        gate.set()
        slow.result(30)
    assert backend.asked["shop"] == 2


def test_all_who_wait_share_a_fault(start: Start, backend: Backend) -> None:
    process = start()
    backend.fault = Unavailable("down")
    backend.gates["shop"] = gate = threading.Event()
    with ThreadPoolExecutor(4) as pool:
        slow = [pool.submit(process.name)]
        assert backend.arrived.wait(30)
        gate.set()
        slow += [pool.submit(process.name) for _ in range(3)]
        for each in slow:
            with pytest.raises(ServiceUnavailable):
                each.result(30)

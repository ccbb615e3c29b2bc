"""Agents of a backend: lists, UUIDs, shared tools, and configurations that are not valid."""

import logging

import pytest

from shared.backends.control_plane import Unavailable
from shared.errors import AgentNotUsable, ConfigurationError, NotFound, ServiceUnavailable
from shared.ids import agent_uuid
from tests.backends.outages import CACHE, FIND, SHOP, TENANT, Backend, Start, spoken
from tests.support.clock import FakeClock


@pytest.mark.parametrize(
    "wrong",
    [
        {**SHOP, "name": 5},
        {**SHOP, "tools": [{"python": "orders:seek"}]},
        {**SHOP, "tools": [{"resource": "gone"}]},
        {**SHOP, "tools": [{"resource": "../x"}]},
        {**SHOP, "skills": ["gone"]},
        {},
    ],
)
def test_the_last_valid_version_stays(
    start: Start,
    backend: Backend,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
    wrong: dict[str, object],
) -> None:
    process = start()
    process.name()
    backend.configs["shop"] = wrong
    clock.advance(CACHE)
    assert [process.name() for _ in range(3)] == ["Shop"] * 3
    [(level, said)] = spoken(caplog)
    assert (level, "the last valid configuration is used" in said) == (logging.ERROR, True)
    assert start().name() == "Shop", "a process that has never seen it valid"
    backend.fault = Unavailable("down")
    clock.advance(CACHE)
    assert process.name() == "Shop"
    backend.fault, backend.configs["shop"] = None, {**SHOP, "name": "Desk"}
    clock.advance(CACHE)
    assert process.name() == "Desk"


def test_tools_that_are_not_valid_are_no_matter_where_no_turns_run(
    start: Start, backend: Backend, clock: FakeClock
) -> None:
    """Such a process may be the same as one that runs them."""
    process = start()
    process.name()
    backend.configs["shop"] = {**SHOP, "name": "Desk", "tools": [{"python": "orders:seek"}]}
    clock.advance(CACHE)
    for _ in range(2):
        assert process.toolless.get("shop", TENANT).name == "Desk"
        assert process.name() == "Shop"
    backend.configs["shop"] = {**SHOP, "name": "Desk", "tools": [FIND]}
    clock.advance(CACHE)
    assert process.toolless.get("shop", TENANT).name == "Desk"
    assert process.name() == "Desk"
    backend.fault = Unavailable("down")
    assert start().name() == "Desk", "it is kept by who runs turns, although the other came first"


def test_one_that_was_never_valid(start: Start, backend: Backend) -> None:
    backend.configs["shop"] = {**SHOP, "max_tokens": 0}
    with pytest.raises(ConfigurationError) as caught:
        start().name()
    assert caught.value.message == ('agent "shop" of the backend: "max_tokens" must be at least 1.')


def test_why_it_is_not_valid_is_said_once(
    start: Start, backend: Backend, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    process = start()
    process.agents.list(TENANT)

    def said(agent_id: str = "shop") -> list[tuple[int, str]]:
        clock.advance(CACHE)
        for _ in range(2):
            with pytest.raises(AgentNotUsable):
                process.name(agent_id)
        process.agents.list(TENANT)
        return spoken(caplog)

    backend.configs["desk"] = wrong = {**SHOP, "max_tokens": 0}
    once = [(logging.ERROR, "the agent's configuration is not usable; it takes no turns")]
    assert said("desk") == once
    assert said(agent_uuid("desk")) == []
    backend.configs["desk"] = {**wrong, "max_tokens": -1, "name": 5}
    assert said("desk") == once, "another version, another reason"


def test_a_list_leaves_out_what_is_not_valid(
    start: Start, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    backend.configs |= {"desk": {**SHOP, "name": 5}, "bank": {**SHOP, "name": "Bank"}}
    process = start()
    for _ in range(2):
        assert [agent.id for agent in process.agents.list(TENANT)] == ["bank", "shop"]
    assert spoken(caplog) == [
        (logging.ERROR, "the agent's configuration is not usable; it is left out of the list")
    ]


def test_a_list_in_an_outage(start: Start, backend: Backend, clock: FakeClock) -> None:
    process = start()
    process.agents.list(TENANT)
    backend.fault = Unavailable("down")
    clock.advance(CACHE)
    assert [agent.id for agent in process.agents.list(TENANT)] == ["shop"]
    with pytest.raises(ServiceUnavailable):
        start().agents.list(TENANT)


def test_an_agent_by_its_uuid(start: Start, backend: Backend, clock: FakeClock) -> None:
    backend.configs |= {f"a{number:03}": SHOP for number in range(150)}
    process = start()
    for wanted in ("shop", "a149"):
        found = process.agents.get(agent_uuid(wanted).upper(), TENANT)
        assert found.id == wanted
    asked = backend.asked.copy()
    process.agents.get(agent_uuid("shop"), TENANT)
    assert backend.asked == asked
    clock.advance(CACHE)
    process.agents.get(agent_uuid("shop"), TENANT)
    assert backend.asked - asked == {"shop": 1}, "it is known by now which one that is"
    del backend.configs["shop"]
    clock.advance(CACHE)
    with pytest.raises(NotFound):
        process.agents.get(agent_uuid("shop"), TENANT)


def test_an_agent_whose_id_is_a_uuid(start: Start, backend: Backend) -> None:
    name = "11111111-1111-1111-1111-111111111111"
    backend.configs[name] = {**SHOP, "name": "Ones"}
    assert start().name(name) == "Ones"
    assert backend.asked["all"] == 0


def test_there_are_bounds(start: Start, backend: Backend) -> None:
    backend.configs = {f"a{number:04}": SHOP for number in range(1100)}
    process = start()
    assert process.agents.get(agent_uuid("a0999"), TENANT).id == "a0999"
    with pytest.raises(NotFound):
        process.agents.get(agent_uuid("a1000"), TENANT)
    assert process.name("a1099") == "Shop"
    assert len(process.toolless.list(TENANT)) == 1000

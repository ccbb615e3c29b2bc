"""The contract of the control plane. An adapter's test file supplies `plane` and, if it has agents
of its own, `stage`."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import pytest

from shared.backends.control_plane import (
    CallRecord,
    ControlPlane,
    Escalation,
    Finalized,
    NotThere,
    TranscriptSegment,
)
from shared.protocol.faults import Fault

TENANT = "acme"
NO_IDS = [
    "nobody",
    "",
    ".",
    "..",
    "../shop",
    "shop/config",
    "shop?x=1",
    "Shop ",
    "sh\u00f6p",
    "shop\u0000",
    "con",
    "x" * 5000,
]
SHOP = {"name": "Shop", "instructions": "Sell.", "tools": [{"resource": "find"}], "max_tokens": 9}
FIND = {"name": "find", "description": "Find \u00fc.", "http": {"url": "https://example.com"}}


class Stage(Protocol):
    """What the other side has. None takes something away."""

    def put_agent(self, agent_id: str, config: Mapping[str, Any] | None) -> None: ...

    def put_tool(self, tool_id: str, definition: Mapping[str, Any] | None) -> None: ...


def record(name: str = "c1") -> CallRecord:
    return CallRecord(
        id=name,
        tenant=TENANT,
        conversation="conversation-1",
        user="ann",
        agent="shop",
        source="websocket",
        started_at=1_700_000_000_123,
    )


def segment(call: str, index: int = 0) -> TranscriptSegment:
    return TranscriptSegment(
        tenant=TENANT,
        call=call,
        index=index,
        user="ann",
        speaker="human",
        content="Where is it? \u2026",
        start_ms=100,
        end_ms=350,
        message_id=f"m{index}",
        turn_id="t1",
    )


def escalation(call: str) -> Escalation:
    return Escalation(
        tenant=TENANT,
        call=call,
        user="ann",
        reason="It is lost. \u2026",
        turn_id="t1",
        message_id="m1",
        at=1_700_000_001_000,
    )


def end(call: str) -> Finalized:
    return Finalized(
        tenant=TENANT,
        call=call,
        status="connected",
        duration_seconds=1.5,
        ended_at=1_700_000_001_623,
    )


class CallsContract:
    """Records of calls."""

    def test_a_call_from_its_beginning_to_its_end(self, plane: ControlPlane) -> None:
        call = plane.begin_call(record(), key="c1")
        assert call
        plane.add_transcript(segment(call, 0), key="c1-0")
        plane.add_transcript(segment(call, 1), key="c1-1")
        plane.escalate(escalation(call), key="c1-1-e")
        plane.finalize_call(end(call), key="c1-end")

    def test_each_may_be_repeated_with_its_key(self, plane: ControlPlane) -> None:
        call = plane.begin_call(record(), key="c1")
        assert plane.begin_call(record(), key="c1") == call
        for _ in range(2):
            plane.add_transcript(segment(call), key="c1-0")
        for _ in range(2):
            plane.escalate(escalation(call), key="c1-0-e")
        for _ in range(2):
            plane.finalize_call(end(call), key="c1-end")

    def test_calls_differ(self, plane: ControlPlane) -> None:
        assert plane.begin_call(record("c1"), key="c1") != plane.begin_call(record("c2"), key="c2")

    def test_keys_and_tenants_may_be_any_text(self, plane: ControlPlane) -> None:
        call = plane.begin_call(record(), key="CONV#a%23 \u00e4\n\r\x00\U0001f600")
        assert plane.begin_call(record(), key="CONV#a%23 \u00e4\n\r\x00\U0001f600") == call


class NothingContract:
    """What is not there."""

    @pytest.mark.parametrize("agent_id", NO_IDS)
    def test_there_is_no_such_agent(self, plane: ControlPlane, agent_id: str) -> None:
        with pytest.raises(NotThere):
            plane.agent(agent_id, tenant=TENANT)

    @pytest.mark.parametrize("tool_id", NO_IDS)
    def test_there_is_no_such_tool(self, plane: ControlPlane, tool_id: str) -> None:
        with pytest.raises(NotThere):
            plane.tool(tool_id, tenant=TENANT)

    def test_there_is_no_agent_at_all(self, plane: ControlPlane) -> None:
        page = plane.agents(tenant=TENANT, limit=10)
        assert (list(page.ids), page.cursor) == ([], None)


class AgentsContract:
    """Agents and tools that the other side has."""

    def test_a_configuration_comes_as_it_was_written(
        self, plane: ControlPlane, stage: Stage
    ) -> None:
        stage.put_agent("shop", SHOP)
        found = plane.agent("shop", tenant=TENANT)
        assert (found.id, found.values) == ("shop", SHOP)
        assert "shop" in found.source.where(Fault(("name",), "is wrong"))

    def test_a_version_stands_for_one_configuration(
        self, plane: ControlPlane, stage: Stage
    ) -> None:
        stage.put_agent("shop", SHOP)
        first = plane.agent("shop", tenant=TENANT)
        assert plane.agent("shop", tenant=TENANT).version == first.version
        stage.put_agent("shop", {**SHOP, "name": "Desk"})
        second = plane.agent("shop", tenant=TENANT)
        assert (second.values["name"], second.version != first.version) == ("Desk", True)

    @pytest.mark.parametrize("agent_id", NO_IDS)
    def test_there_is_no_other_agent(
        self, plane: ControlPlane, stage: Stage, agent_id: str
    ) -> None:
        stage.put_agent("shop", SHOP)
        with pytest.raises(NotThere):
            plane.agent(agent_id, tenant=TENANT)

    def test_an_agent_that_is_taken_away(self, plane: ControlPlane, stage: Stage) -> None:
        stage.put_agent("shop", SHOP)
        plane.agent("shop", tenant=TENANT)
        stage.put_agent("shop", None)
        with pytest.raises(NotThere):
            plane.agent("shop", tenant=TENANT)
        assert list(plane.agents(tenant=TENANT, limit=10).ids) == []

    @pytest.mark.parametrize("limit", [1, 2, 3, 100])
    def test_pages_have_each_agent_once(
        self, plane: ControlPlane, stage: Stage, limit: int
    ) -> None:
        names = ["a", "b-1", "b.2", "b_3", "c", "d"]
        for name in names:
            stage.put_agent(name, SHOP)
        found: list[str] = []
        cursor: str | None = None
        for _ in range(len(names) + 1):
            page = plane.agents(tenant=TENANT, limit=limit, cursor=cursor)
            assert len(page.ids) <= limit
            found += page.ids
            cursor = page.cursor
            if cursor is None:
                break
        assert (found, cursor) == (names, None)

    def test_a_tool_comes_as_it_was_written(self, plane: ControlPlane, stage: Stage) -> None:
        stage.put_tool("find", FIND)
        assert plane.tool("find", tenant=TENANT) == FIND
        stage.put_tool("find", {**FIND, "description": "Seek."})
        assert plane.tool("find", tenant=TENANT)["description"] == "Seek."
        stage.put_tool("find", None)
        with pytest.raises(NotThere):
            plane.tool("find", tenant=TENANT)

    @pytest.mark.parametrize("tool_id", NO_IDS)
    def test_there_is_no_other_tool(self, plane: ControlPlane, stage: Stage, tool_id: str) -> None:
        stage.put_tool("find", FIND)
        with pytest.raises(NotThere):
            plane.tool(tool_id, tenant=TENANT)

    def test_many_threads_may_ask(self, plane: ControlPlane, stage: Stage) -> None:
        for number in range(8):
            stage.put_agent(f"a{number}", {**SHOP, "name": f"Agent {number}"})

        def name(number: int) -> str:
            return str(plane.agent(f"a{number % 8}", tenant=TENANT).values["name"])

        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(name, range(64)))
        assert found == [f"Agent {number % 8}" for number in range(64)]

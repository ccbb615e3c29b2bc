"""A laptop whose disk is full for a while: no file may grow, until there is room again."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.children import Child
from tests.faults.forms import sample
from tests.faults.local_child import LocalOrders, serve_local
from tests.faults.local_runs import TRUNCATE, opened_audit, orders_in, serving
from tests.faults.returning import Client, Returning, reply_of
from tests.faults.script import Talker
from tests.support.messages_api import ScriptedMessagesApi, ToolCall

CALLS = {
    0: [ToolCall(name="look", input={"subject": "it"})],
    1: [ToolCall(name="pay", input={"amount": 3})],
}
SIZES = (20, 20, 20)
LEASE = {"LEASE_SEC": "2", "HEARTBEAT_SEC": "0.5"}


@contextmanager
def full(child: Child) -> Iterator[None]:
    """No file of the child takes another byte."""
    grow = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(child.process, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        if child.alive:
            resource.prlimit(child.process, resource.RLIMIT_FSIZE, grow)


def test_what_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    with ScriptedMessagesApi(reply=Talker(SIZES, CALLS)) as api:
        orders = orders_in(tmp_path / "run", api, **LEASE)
        with serving(orders) as child, Client(orders.socket_url) as client:
            opened = client.open_session("faults", supports=[TRUNCATE])
            before = Returning(opened["sessionId"], "Before", "before")
            before.send(client)
            with opened_audit(orders, opened["conversationId"]) as audit:
                audit.settle()
                log = audit.log()
            with full(child):
                client.send_message(opened["sessionId"], "refused", "Now")
                refused = client.next("refused")
            assert refused["type"] == "error"
            error = refused["error"]
            assert error["code"] == "SERVICE_UNAVAILABLE"
            assert "try again" in error["message"]
            assert "disk" not in error["message"].lower()
            assert "sqlite" not in error["message"].lower()
            # The same connection and the same request, once there is room.
            after = Returning(opened["sessionId"], "Now", "refused")
            after.send(client)
            with opened_audit(orders, opened["conversationId"]) as audit:
                audit.settle()
                assert audit.log()[: len(log)] == log
                audit.check([before, after], api.requests, orders.agents / "runs")
    for turn in (before, after):
        assert turn.text == reply_of(turn)


@pytest.mark.parametrize("killed", [False, True], ids=["lives", "killed"])
@pytest.mark.parametrize("pieces", sample([9, 1, 3, 6, 12], 5))
def test_a_turn_under_way_ends_once_there_is_room(
    tmp_path: Path, pieces: int, *, killed: bool
) -> None:
    model = Talker(SIZES, CALLS, delay=0.03)
    with ScriptedMessagesApi(reply=model) as api:
        orders = orders_in(tmp_path / "run", api, **LEASE)
        with Child(serve_local, orders, orders.folder / "child.log") as child:
            with Client(orders.socket_url) as client:
                opened = client.open_session("faults", supports=[TRUNCATE])
                turn = Returning(opened["sessionId"], "Go")
                turn.send(client, pieces=pieces)
                with full(child):
                    # It must try to note something before there is room.
                    api.wait_for(lambda api: api.open_streams == 0)
                    client.send_message(opened["sessionId"], "other", "Other")
                    assert client.next("other")["type"] == "error"
                    if killed:
                        child.kill()
                if not killed:
                    turn.resume(client)
            if killed:
                with serving(orders), Client(orders.socket_url) as client:
                    turn.resume(client)
                    _check(turn, orders, opened["conversationId"], api)
            else:
                _check(turn, orders, opened["conversationId"], api)


def _check(
    turn: Returning, orders: LocalOrders, conversation: str, api: ScriptedMessagesApi
) -> None:
    with opened_audit(orders, conversation) as audit:
        audit.settle()
        audit.check([turn], api.requests, orders.agents / "runs")
    assert turn.text == reply_of(turn)

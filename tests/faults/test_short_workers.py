"""A turn that outlives many workers, each of which hands it over in time."""

from pathlib import Path

from tests.faults.local_runs import TRUNCATE, opened_audit, orders_in, serving
from tests.faults.returning import Client, Returning, reply_of
from tests.faults.script import Talker, said_by
from tests.support.messages_api import ScriptedMessagesApi, ToolCall

STEPS = 40
WORKER_SECONDS = "2"
LOOK = ToolCall(name="look", input={"subject": "it"})
SIZES = (*[4] * STEPS, 10)


def test_one_stream_over_many_workers(tmp_path: Path) -> None:
    model = Talker(SIZES, {step: [LOOK] for step in range(STEPS)}, delay=0.03)
    with ScriptedMessagesApi(reply=model) as api:
        orders = orders_in(tmp_path / "run", api, WORKER_MAX_SEC=WORKER_SECONDS)
        with serving(orders), Client(orders.socket_url) as client:
            opened = client.open_session("faults", supports=[TRUNCATE])
            turn = Returning(opened["sessionId"], "Go")
            turn.send(client)
            with opened_audit(orders, opened["conversationId"]) as audit:
                # Before anything is at rest: a wake too many takes an idle mailbox too.
                workers = audit.epoch()
                audit.settle()
                client.read_all()
                audit.check([turn], api.requests, orders.agents / "runs")
                steps = [entry for entry in audit.log() if entry["role"] == "tool"]
    assert workers >= 5
    assert len(steps) == STEPS
    text = reply_of(turn)
    assert turn.text == text
    assert [reply for reply, _ in said_by(text)] == list(range(STEPS + 1))
    assert len(turn.terminals) == 1
    assert client.unread() == []

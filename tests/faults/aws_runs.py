"""One run on the AWS set: of several workers one dies, and nobody starts it again."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from shared.clock import SystemClock
from shared.storage.dynamodb import DynamoTable
from shared.storage.folder import FolderArtifacts
from shared.storage.wrapper import ResilientTable
from tests.faults.audit import Audit
from tests.faults.aws_child import AwsOrders, serve_clients, serve_wakes
from tests.faults.children import Child
from tests.faults.kills import ARMED, Kill
from tests.faults.local_runs import AGENTS, TRUNCATE, Model
from tests.faults.returning import Client, Returning, reply_of
from tests.faults.script import said_by
from tests.support.aws import client
from tests.support.deployments import Place
from tests.support.messages_api import ScriptedMessagesApi

WORKERS = 2
QUICK: Mapping[str, str] = {"LEASE_SEC": "2", "HEARTBEAT_SEC": "0.5"}
PRODUCTION: Mapping[str, str] = {}


@dataclass(frozen=True)
class AwsOutcome:
    """What is left of a run: the turn, how many workers died, and how often one took it up."""

    turn: Returning
    deaths: int
    takes: int


def run_on_aws(
    folder: Path,
    endpoint: str,
    model: Model,
    kill: Kill | None,
    variables: Mapping[str, str] = QUICK,
    *,
    patience: float = 60.0,
    agent: str = "faults",
    follow: type[Returning] = Returning,
) -> AwsOutcome:
    """A turn whose client stays where it is; then the audit."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(AGENTS, folder / "agents")
    with ExitStack() as cleanup:
        api = cleanup.enter_context(ScriptedMessagesApi(reply=model))
        orders = AwsOrders(
            folder=folder,
            place=Place.fresh(endpoint),
            model_url=api.base_url,
            variables=dict(variables),
            kill=kill,
        )
        gateway = cleanup.enter_context(Child(serve_clients, orders, folder / "gateway.log"))
        orders = replace(orders, connections_url=gateway.said)
        workers = [
            cleanup.enter_context(Child(serve_wakes, orders, folder / f"worker-{number}.log"))
            for number in range(WORKERS)
        ]
        url = gateway.said.replace("http://", "ws://") + "/ws"
        with Client(url, patience=patience) as frames:
            opened = frames.open_session(agent, supports=[TRUNCATE])
            (folder / ARMED).touch()
            turn = follow(opened["sessionId"], "Go")
            turn.send(frames)
            with _opened_audit(orders, opened["conversationId"]) as audit:
                audit.settle(patience)
                turn.resume(frames)
                audit.check([turn], api.requests, orders.agents / "runs")
                turn.check(audit, orders.agents / "runs")
                takes = audit.epoch()
        dead = [worker for worker in workers if not worker.alive]
        for worker in dead:
            worker.died()
    text = reply_of(turn)
    assert set(turn.ends) == {text}, "the client's text is not the terminal's"
    replies = said_by(text)
    assert [reply for reply, _ in replies] == list(range(len(replies)))
    return AwsOutcome(turn, len(dead), takes)


@contextmanager
def _opened_audit(orders: AwsOrders, conversation: str) -> Iterator[Audit]:
    place = orders.place
    with client("dynamodb", place.endpoint) as dynamodb, TemporaryDirectory() as spilled:
        engine = DynamoTable(dynamodb, place.table)
        table = ResilientTable(engine, FolderArtifacts(Path(spilled)), SystemClock())
        yield Audit(table, conversation)

"""A deployment in virtual time: handlers run as greenlets of one process, and time passes only
where somebody waits. So a turn of five seconds takes none, and always takes the same course.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from functions.send_message.handler import handler as send_message
from functions.worker.handler import handler as worker
from functions.ws_connect.handler import handler as ws_connect
from shared import wiring
from shared.local.runtime import LambdaContext
from shared.messaging.wakes import Wake, wake_text
from shared.models.port import Completed, ModelEvent, ModelRequest, StreamClosed, TextDelta, Usage
from shared.settings import Settings
from shared.storage.table import Table
from shared.wiring import Deployment
from tests.mailbox.virtual import Virtual
from tests.simulation.hub import SimClock

AGENTS = Path(__file__).resolve().parents[2] / "agents"
Answer = TypeVar("Answer")


@dataclass
class Push:
    """The connection API: a post takes 20 ms."""

    clock: SimClock
    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)

    def post(self, connection: str, data: bytes) -> bool:
        self.clock.sleep(0.02)
        if connection in self.gone:
            return False
        self.sent.append((connection, json.loads(data)))
        return True

    def close(self, connection: str) -> None:
        self.gone.add(connection)


@dataclass
class Model:
    """Says `tokens` in even steps over `seconds`."""

    clock: SimClock
    tokens: Sequence[str] = ("Hello",)
    seconds: float = 0.0
    requests: list[ModelRequest] = field(default_factory=list)

    def stream(self, request: ModelRequest, *, seconds_left: float) -> Tokens:
        self.requests.append(request)
        return Tokens(self)


class Tokens:
    """One answer of the model."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._closed = False

    def __iter__(self) -> Iterator[ModelEvent]:
        model = self._model
        for token in model.tokens:
            model.clock.sleep(model.seconds / len(model.tokens))
            if self._closed:
                raise StreamClosed
            yield TextDelta(token)
        text = "".join(model.tokens)
        usage = Usage(input_tokens=10, output_tokens=len(model.tokens), cost_nano_usd=1000)
        yield Completed([{"type": "text", "text": text}], "end_turn", usage)

    def close(self) -> None:
        self._closed = True


@dataclass
class Wakes:
    """A queue that a test empties by hand."""

    queued: list[Wake] = field(default_factory=list)

    def send(self, wakes: Sequence[Wake]) -> None:
        self.queued += wakes


class Scene:
    """One process with its handlers, on this engine."""

    def __init__(self, engine: Table, folder: Path, **environ: str) -> None:
        self.virtual = Virtual()
        self.clock = self.virtual.clock
        variables = {
            "WORKSPACE_BASE": str(folder),
            "ASSISTANT_LOCAL_CONFIG_DIR": str(AGENTS),
            "SIGNING_SECRET": "a-secret-of-these-tests",
            **environ,
        }
        settings = Settings.load(variables, loopback=True)
        self.deployment = Deployment(settings, clock=self.clock)
        self.push, self.model, self.wakes = Push(self.clock), Model(self.clock), Wakes()
        self.deployment.engine = engine
        self.deployment.push = self.push
        self.deployment.model = self.model
        self.deployment.wakes = self.wakes

    def run(self, work: Callable[[], Answer]) -> Answer:
        """Do this inside the process, for as long as it takes in virtual time."""
        return self.virtual.run(work)

    def invoke(self, handler: Callable[[Any, Any], Any], event: Any, seconds: float = 900) -> Any:
        """Call a handler as Lambda does."""
        wiring.install(self.deployment)
        deadline = self.clock.monotonic() + seconds
        context = LambdaContext(function_name="f", deadline=deadline, clock=self.clock)
        try:
            return self.run(lambda: handler(event, context))
        finally:
            wiring.install(None)

    # -- what clients do ------------------------------------------------------------------

    def connect(self, connection: str) -> None:
        request = {"connectionId": connection, "eventType": "CONNECT"}
        assert self.invoke(ws_connect, {"requestContext": request}) == {"statusCode": 200}

    def disconnect(self, connection: str) -> None:
        request = {"connectionId": connection, "eventType": "DISCONNECT"}
        self.invoke(ws_connect, {"requestContext": request})

    def frame(self, connection: str, action: str, **fields: Any) -> dict[str, Any]:
        """Send a frame; the last thing that the connection was sent while it was handled."""
        body = json.dumps({"action": action, **fields})
        self.invoke(
            send_message, {"requestContext": {"connectionId": connection}, "body": body}, 30
        )
        return self.push.sent[-1][1]

    def session(self, connection: str, **fields: Any) -> str:
        """A new conversation with the assistant."""
        answer = self.frame(
            connection,
            "create_conversation_session",
            requestId="create",
            agentId="assistant",
            **fields,
        )
        assert answer["status"] == 200, answer
        return str(answer["data"]["sessionId"])

    def say(self, connection: str, session: str, request_id: str, message: str) -> dict[str, Any]:
        return self.frame(
            connection, "send_message", requestId=request_id, sessionId=session, message=message
        )

    def work(self, seconds: float = 900) -> None:
        """Give every ordinary wake that is due to the worker; watch wakes are dropped."""
        queued, self.wakes.queued = self.wakes.queued, []
        for wake in queued:
            if wake.epoch is None and wake.delay == 0:
                self.wake(wake, seconds)

    def wake(self, wake: Wake, seconds: float = 900) -> None:
        self.invoke(worker, {"Records": [{"body": wake_text(wake)}]}, seconds)

    def events(self, connection: str, request_id: str) -> list[dict[str, Any]]:
        """What the connection was sent about a request."""
        sent = [event for name, event in self.push.sent if name == connection]
        return [event for event in sent if event.get("requestId") == request_id]

"""The executor function and its workers in one process: a wait of the API lets the workers run."""

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from functions.executor.handler import handler as executor
from functions.worker.handler import handler as worker
from shared import wiring
from shared.local.runtime import LambdaContext
from shared.local.threads import event_loop
from shared.messaging.wakes import Wake, wake_text
from shared.models.port import Completed, ModelError, ModelEvent, ModelRequest, TextDelta, Usage
from shared.settings import Settings
from shared.storage.sqlite import SqliteTable
from shared.wiring import Deployment
from tests.support.clock import FakeClock

AGENTS = Path(__file__).resolve().parents[2] / "agents"
TOKEN = "the-service-token-of-these-tests"
SECRET = "the-signing-secret-of-these-tests"


class WorkingClock(FakeClock):
    """While somebody sleeps, `meanwhile` happens."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], None] = lambda: None

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.meanwhile()


@dataclass
class Model:
    """Says `text`, or fails with `fault`; or makes `calls` first, when it is asked something."""

    text: str = "Hello!"
    fault: Exception | None = None
    calls: Sequence[Mapping[str, Any]] = ()
    requests: list[ModelRequest] = field(default_factory=list)
    during: Callable[[], None] = lambda: None

    def stream(self, request: ModelRequest, *, seconds_left: float) -> "Spoken":
        self.requests.append(request)
        self.during()
        # The result of a call is a list of blocks.
        asked = isinstance(request.messages[-1]["content"], str)
        return Spoken(self.text, self.fault, self.calls if asked else ())


@dataclass
class Spoken:
    text: str
    fault: Exception | None
    calls: Sequence[Mapping[str, Any]]

    def __iter__(self) -> Iterator[ModelEvent]:
        if self.fault:
            raise self.fault
        if self.calls:
            yield Completed(self.calls, "tool_use", Usage(7, 5, cost_nano_usd=3_000))
            return
        yield TextDelta(self.text)
        content = [{"type": "text", "text": self.text}]
        yield Completed(content, "end_turn", Usage(7, 5, cost_nano_usd=3_000))

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Wakes:
    queued: list[Wake] = field(default_factory=list)

    def send(self, wakes: Sequence[Wake]) -> None:
        self.queued += wakes


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


class Site:
    """One deployment."""

    def __init__(self, folder: Path, engine: SqliteTable, **environ: str) -> None:
        self.clock = WorkingClock()
        variables = {
            "AUTH_MODE": "token",
            "SERVICE_TOKEN": TOKEN,
            "SIGNING_SECRET": SECRET,
            "WORKSPACE_BASE": str(folder),
            "ASSISTANT_LOCAL_CONFIG_DIR": str(AGENTS),
            **environ,
        }
        self.deployment = Deployment(Settings.load(variables, loopback=True), clock=self.clock)
        self.model, self.wakes = Model(), Wakes()
        self.deployment.engine = engine
        self.deployment.model = self.model
        self.deployment.wakes = self.wakes
        self.working = True
        self._at_work = False
        self.clock.meanwhile = self._meanwhile

    def _meanwhile(self) -> None:
        if self.working and not self._at_work:
            self.work()

    def work(self) -> None:
        """Run everything that was woken; watch wakes and later ones are dropped."""
        self._at_work = True
        try:
            while self.wakes.queued:
                wake = self.wakes.queued.pop(0)
                if wake.epoch is None and wake.delay == 0:
                    self._invoke(worker, {"Records": [{"body": wake_text(wake)}]})
        finally:
            self._at_work = False

    def _invoke(self, handler: Callable[[Any, Any], Any], event: Any) -> Any:
        wiring.install(self.deployment)
        deadline = self.clock.monotonic() + 60
        context = LambdaContext(function_name="f", deadline=deadline, clock=self.clock)
        try:
            return handler(event, context)
        finally:
            wiring.install(None)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = TOKEN,
        person: str | None = None,
        **headers: str,
    ) -> Answer:
        """One request; the path may have a query. A body of type bytes goes as it is."""
        path, _, query = path.partition("?")
        sent = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        sent.setdefault("host", "127.0.0.1")
        if token:
            sent.setdefault("authorization", f"Bearer {token}")
        if person is not None:
            sent["x-on-behalf-of"] = person
        if body is not None:
            sent.setdefault("content-type", "application/json")
        text = body.decode() if isinstance(body, bytes) else json.dumps(body)
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": query,
            "headers": sent,
            "requestContext": {
                "stage": "$default",
                "http": {"method": method, "path": path, "sourceIp": "127.0.0.1"},
            },
            "isBase64Encoded": False,
            **({"body": text} if body is not None else {}),
        }
        with event_loop():
            result = self._invoke(executor, event)
        said: str = result.get("body", "")
        if result.get("isBase64Encoded"):
            said = base64.b64decode(said).decode()
        return Answer(result["statusCode"], result.get("headers", {}), said)

    def turn(self, message: str = "Hi", **more: Any) -> Answer:
        """Ask the assistant; `person`, headers and the like go beside the fields of the body."""
        beside = {name: more.pop(name) for name in ("person", "Idempotency_Key") if name in more}
        body = {"agent_id": "assistant", "message": message, **more}
        return self.ask("POST", "/executor/turns", body, **beside)


def next_page(answer: Answer) -> str | None:
    """Where the header says that the next page is."""
    link = answer.headers.get("link")
    if link is None:
        return None
    found = re.fullmatch(r'<([^<>]+)>; rel="next"', link)
    assert found, link
    return found[1]


@contextmanager
def site_in(folder: Path, **environ: str) -> Iterator[Site]:
    engine = SqliteTable(folder / "parley.db")
    try:
        yield Site(folder, engine, **environ)
    finally:
        engine.close()


def model_error(code: str, *, retryable: bool = False) -> ModelError:
    return ModelError("The model said no.", code=code, retryable=retryable, usage=Usage())

"""What nobody foresaw: in a handler, in a frame, in a setting. Nothing of its words gets out."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.send_message.handler import handler as send_message
from functions.worker.handler import handler as worker
from shared import logs, wiring
from shared.errors import ConfigurationError
from shared.local.runtime import LambdaContext
from shared.settings import Settings
from shared.storage.sqlite import SqliteTable
from shared.wiring import Deployment
from tests.privacy.canaries import only
from tests.support.clock import FakeClock
from tests.support.faults import FaultyTable, Hooks

SECRET = "canary5e7a"


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    """One whose store fails in a way that nobody foresaw."""
    settings = Settings.load(
        {"WORKSPACE_BASE": str(tmp_path), "SIGNING_SECRET": "a-secret-of-these-tests"},
        loopback=True,
    )
    made = Deployment(settings, clock=FakeClock())
    engine = SqliteTable(tmp_path / "parley.db")

    def panic() -> None:
        raise RuntimeError(SECRET)

    made.engine = FaultyTable(engine, lambda _: Hooks(before=panic))
    wiring.install(made)
    yield made
    wiring.install(None)
    engine.close()


def test_a_handler_that_panics(written: io.StringIO, deployment: Deployment) -> None:
    context = LambdaContext(function_name="f", deadline=60, clock=deployment.clock)
    event = {"Records": [{"body": json.dumps({"box": "BOX#conv#acme#c1"})}]}
    with pytest.raises(logs.InvocationFailed) as raised:
        worker(event, context)
    assert raised.value.__suppress_context__
    assert SECRET not in str(raised.value)
    line = only(written, SECRET)
    assert (line["message"], line["box"]) == ("invocation failed", "BOX#conv#acme#c1")


def test_a_frame_that_makes_the_store_panic(written: io.StringIO, deployment: Deployment) -> None:
    sent: list[bytes] = []

    class Push:
        def post(self, connection: str, data: bytes) -> bool:
            sent.append(data)
            return True

        def close(self, connection: str) -> None:
            """Nobody is there."""

    deployment.push = Push()
    context = LambdaContext(function_name="f", deadline=60, clock=deployment.clock)
    body = json.dumps({"action": "list_conversations", "requestId": "q1", "query": SECRET})
    send_message({"requestContext": {"connectionId": "c1"}, "body": body}, context)
    [event] = map(json.loads, sent)
    assert (event["requestId"], event["error"]["code"]) == ("q1", "INTERNAL_ERROR")
    assert SECRET not in written.getvalue()
    assert "frame failed" in written.getvalue()


@pytest.mark.parametrize(
    "name",
    ["SERVICE_TOKEN", "SIGNING_SECRET", "TENANT_USD_PER_DAY", "ANTHROPIC_BASE_URL", "LEASE_SEC"],
)
def test_a_bad_setting_is_not_repeated(name: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        Settings.load({name: "c5e7a", "AUTH_MODE": "c5e7a"}, loopback=True)
    told: BaseException | None = refusal.value
    while told is not None:
        assert "c5e7a" not in str(told)
        told = told.__cause__

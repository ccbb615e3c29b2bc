"""One emulator, one deployment and one scripted model for all end-to-end tests."""

import os
import platform
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import stack as stacks
from tests.e2e import tokens
from tests.e2e.client import Chat, Http
from tests.e2e.emulator import Emulator
from tests.e2e.stack import Stack
from tests.support.messages_api import ScriptedMessagesApi, echo
from tests.support.reference_backend import RemoteBackend, reference_process
from tests.template.loading import ROOT

Deployed = Callable[[str, Mapping[str, str]], Stack]
BACKEND_TOKEN = "what-the-backend-is-shown"


@pytest.fixture(scope="session")
def environment() -> Path:
    """The emulator's virtual environment; `make e2e` makes it."""
    folder = ROOT / os.environ.get("EMULATOR_VENV", ".venv-emulator")
    if not (folder / "bin" / "ministack").exists():
        pytest.fail(f"{folder.name} is missing: run `make e2e`")
    return folder


@pytest.fixture(scope="session")
def artifact(environment: Path) -> Path:
    return stacks.build(environment)


@pytest.fixture(scope="session")
def model() -> Iterator[ScriptedMessagesApi]:
    """A Messages API that repeats what it hears and knows what was said before."""
    with ScriptedMessagesApi(reply=echo) as api:
        yield api


@pytest.fixture
def scripted(model: ScriptedMessagesApi) -> Iterator[ScriptedMessagesApi]:
    """The same server, for a test that sets its `script`; it has not been asked anything yet."""
    repeats = model.script
    model.requests.clear()
    try:
        yield model
    finally:
        model.script = repeats


@pytest.fixture(scope="session")
def emulator(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    running = Emulator(environment, tmp_path_factory.mktemp("emulator"))
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="session")
def deployed(emulator: Emulator, artifact: Path, model: ScriptedMessagesApi) -> Deployed:
    """Deploys the template of this checkout under a name, with these parameters."""
    key = stacks.upload(emulator, artifact)
    common = {
        "AnthropicApiKey": "scripted",
        "AnthropicBaseUrl": model.base_url,
        "ConnectionsEndpointOverride": f"{emulator.url}/_aws/execute-api",
        "Architecture": "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64",
        "Runtime": "python" + _minor_of(artifact),
    }
    return lambda name, chosen: stacks.deploy(emulator, key, name, {**common, **chosen})


@pytest.fixture(scope="session")
def stack(deployed: Deployed) -> Stack:
    """A deployment whose callers bear the service token."""
    return deployed("parley-e2e", {"AuthMode": "token"})


@pytest.fixture(scope="session")
def jwt_stack(deployed: Deployed) -> Stack:
    """A deployment whose callers bear signed tokens. One that has run out does so at once: there
    is no grace."""
    return deployed(
        "parley-e2e-jwt",
        {
            "AuthMode": "jwt",
            "AuthJwtSecret": tokens.SECRET,
            "AuthJwtIssuer": tokens.ISSUER,
            "AuthJwtAudience": f"another, {tokens.AUDIENCE}",
            "AuthGraceSec": "0",
        },
    )


@pytest.fixture(scope="session")
def product() -> Iterator[RemoteBackend]:
    """A backend that owns agents and history."""
    with reference_process("--token", BACKEND_TOKEN) as running:
        yield running


@pytest.fixture(scope="session")
def backed_stack(deployed: Deployed, product: RemoteBackend) -> Stack:
    """A deployment with that backend. It asks for each configuration, and gives up what is refused
    at once."""
    return deployed(
        "parley-e2e-backed",
        {
            "BackendMode": "http",
            "BackendUrl": product.url,
            "BackendToken": BACKEND_TOKEN,
            "BackendCacheSec": "0",
            "BackendTimeoutSec": "2.5",
            "HistoryRetryMaxAttempts": "1",
            # A process takes seconds to begin here; what waits for it is tried less and less often.
            "WorkerConcurrency": "2",
        },
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows what the deployed functions printed: there is no other way to see it."""
    report = yield
    emulator: Any = getattr(item, "funcargs", {}).get("emulator")
    if report.failed and isinstance(emulator, Emulator):
        report.sections.append(("functions", emulator.printed()))
        report.sections.append(("emulator", emulator.last_words()))
    return report


@pytest.fixture
def http(stack: Stack) -> Http:
    """The HTTP API as a caller who holds the service token."""
    return Http(stack.http_url, stack.token)


@pytest.fixture
def chat(stack: Stack, http: Http) -> Iterator[Chat]:
    """An open WebSocket, admitted by a ticket."""
    with Chat(stack.websocket_url, ticket=http.ticket()) as chat:
        yield chat


def _minor_of(artifact: Path) -> str:
    """`--host` names the folder after system and interpreter: host-linux-x86_64-3.13."""
    return artifact.parent.name.rpartition("-")[2]

"""Agents that cannot be used, at each door: what clients are told, and what the log has."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.local.dev import DevServer, load
from tests.backends.bridge import ASSISTANT, TOKEN
from tests.faults.dev_process import free_port
from tests.local.test_dev_backend import ask
from tests.support.frames_client import FramesClient
from tests.support.reference_backend import ReferenceBackend

TOLD = "This agent's configuration is not valid; the service's log says why."


@pytest.fixture
def backend() -> Iterator[ReferenceBackend]:
    with ReferenceBackend(token=TOKEN) as made:
        made.books.put_agent("helper", ASSISTANT)
        made.books.put_agent("broken", {**ASSISTANT, "max_tokens": "many"})
        yield made


def begun(folder: Path, backend: ReferenceBackend, token: str = TOKEN) -> tuple[DevServer, int]:
    port = free_port()
    variables = {"BACKEND_URL": backend.url, "BACKEND_TOKEN": token}
    server = DevServer(load({"WORKSPACE_BASE": str(folder), **variables}, port))
    server.start()
    return server, port


@pytest.fixture
def port(tmp_path: Path, backend: ReferenceBackend) -> Iterator[int]:
    server, port = begun(tmp_path, backend)
    yield port
    server.stop()
    server.deployment.close()


def opened(port: int, agent: str) -> Any:
    """The error with which a session is refused."""
    with FramesClient(f"ws://127.0.0.1:{port}/ws") as client:
        client.send({"action": "create_conversation_session", "requestId": "q", "agentId": agent})
        return client.next("q")["error"]


def turn(port: int, agent: str) -> tuple[int, Any]:
    return ask(port, "POST", "/executor/turns", {"agent_id": agent, "message": "Hi"})


def requests(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, Any]]]:
    """The records of requests that failed, none of which has a stack."""
    found = [
        record
        for record in caplog.records
        if record.getMessage() in ("request failed", "frame failed", "turn failed")
    ]
    assert not any(record.exc_info for record in found)
    return [(record.getMessage(), vars(record)) for record in found]


def test_a_configuration_that_is_not_valid(port: int, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        status, body = turn(port, "broken")
        assert status == 500
        assert body["error"] == {
            "code": "AGENT_NOT_USABLE", "message": TOLD, "retryable": False, "details": {}
        }  # fmt: skip
        refused = opened(port, "broken")
        assert (refused["code"], refused["message"]) == ("AGENT_NOT_USABLE", TOLD)
    assert ask(port, "GET", "/agents/broken")[0] == 500
    assert [entry["agent_id"] for entry in ask(port, "GET", "/agents")[1]] == ["helper"]
    names = ["request failed", "frame failed"] * 2 + ["request failed"]
    assert [(text, fields["code"]) for text, fields in requests(caplog)] == [
        (name, "AGENT_NOT_USABLE") for name in names
    ]
    # The start has listed them.
    records = [*caplog.get_records("setup"), *caplog.records]
    [reason] = [vars(record)["reason"] for record in records if "reason" in vars(record)]
    assert reason.startswith('agent "broken" of the backend: "max_tokens" ')


def test_one_that_cannot_be_had(
    port: int, backend: ReferenceBackend, caplog: pytest.LogCaptureFixture
) -> None:
    backend.stop()
    status, body = turn(port, "another")
    assert (status, body["error"]["code"]) == (503, "BACKEND_UNAVAILABLE")
    assert opened(port, "another")["code"] == "BACKEND_UNAVAILABLE"
    found = requests(caplog)
    assert [text for text, _ in found] == ["request failed", "frame failed"]
    said = "GET /assistants/{id}/config: connection refused"
    assert {fields["reason"] for _, fields in found} == {said}


def test_a_token_that_is_not_accepted(
    tmp_path: Path, backend: ReferenceBackend, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        server, _ = begun(tmp_path, backend, token="another-token")
    try:
        said = f"The backend at {backend.url} does not accept BACKEND_TOKEN. Set the right one."
        assert said in caplog.text
        assert "another-token" not in caplog.text
    finally:
        server.stop()
        server.deployment.close()

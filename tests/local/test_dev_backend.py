"""`parley dev` beside a backend that is away when it starts."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from shared.errors import ConfigurationError
from shared.local.dev import DevServer, load
from tests.backends.bridge import ASSISTANT, TOKEN
from tests.faults.dev_process import free_port
from tests.support.reference_backend import ReferenceBackend


def ask(port: int, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, method=method)
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def test_it_serves_and_finds_the_agents_when_the_backend_is_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    backend = ReferenceBackend(token=TOKEN)
    backend.books.put_agent("helper", ASSISTANT)
    with backend:
        backend.stop()
        port = free_port()
        variables = {"BACKEND_URL": backend.url, "BACKEND_TOKEN": TOKEN, "BACKEND_CACHE_SEC": "0"}
        server = DevServer(load({"WORKSPACE_BASE": str(tmp_path), **variables}, port))
        server.start()
        try:
            nothing = f"The backend at {backend.url} does not list its agents: GET /assistants: "
            assert f"{nothing}connection refused." in caplog.text
            assert ask(port, "GET", "/health")[1]["backend"] == "http"
            turn = {"agent_id": "helper", "message": "Hi"}
            status, body = ask(port, "POST", "/executor/turns", turn)
            assert (status, body["error"]["code"]) == (503, "BACKEND_UNAVAILABLE")
            assert body["error"]["retryable"] is True
            backend.start()
            status, body = ask(port, "POST", "/executor/turns", turn)
            assert status == 200, body
        finally:
            server.stop()
            server.deployment.close()


def test_a_backend_that_is_asked_for_and_not_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="BACKEND_MODE=http needs BACKEND_URL"):
        load({"WORKSPACE_BASE": str(tmp_path), "BACKEND_MODE": "http"})


def test_disabled_never_calls_out(tmp_path: Path) -> None:
    with ReferenceBackend(token=TOKEN) as backend:
        backend.books.put_agent("helper", ASSISTANT)
        port = free_port()
        variables = {"BACKEND_URL": backend.url, "BACKEND_MODE": "disabled"}
        server = DevServer(load({"WORKSPACE_BASE": str(tmp_path), **variables}, port))
        server.start()
        try:
            assert ask(port, "GET", "/health")[1]["backend"] == "none"
            turn = {"agent_id": "assistant", "message": "Hi"}
            status, body = ask(port, "POST", "/executor/turns", turn)
            assert status == 200, body
            assert ask(port, "POST", "/executor/turns", {**turn, "agent_id": "helper"})[0] == 404
        finally:
            server.stop()
            server.deployment.close()
        assert backend.connections == 0

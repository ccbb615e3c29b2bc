"""A small backend as docs/backends.md describes one, on 127.0.0.1, that can be told to misbehave.

    with ReferenceBackend(token="…") as backend:
        backend.books.put_agent("shop", {"name": "Shop", "instructions": "Sell."})
        backend.fault("status", operation="transcript", status=503, times=2)
        ...                     # BACKEND_URL: backend.url
        backend.books.calls     # what was recorded

    python -m tests.support.reference_backend --port 0 [--token T] [--agents FOLDER]

The process prints its URL. Another process commands it with `RemoteBackend(url)`, or by

    GET    /_admin/state        calls, committed, answers, requests (see `state`)
    POST   /_admin/agents       {"id", "value", "tenant"?}; value null takes it away
    POST   /_admin/tools        the same
    POST   /_admin/knowledge    the same
    POST   /_admin/faults       the fields of a Fault
    DELETE /_admin/faults
    POST   /_admin/settings     {"ignore_keys"?, "down"?}; down: connections are closed unanswered
"""

import argparse
import json
import signal
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.support.reference_books import Books
from tests.support.reference_faults import Fault, Faults, Kind
from tests.support.reference_server import ADMIN, Seen, Server

ROOT = Path(__file__).resolve().parents[2]


class ReferenceBackend:
    """The server. `requests` holds what came, in its order; `url` is what BACKEND_URL is to be."""

    def __init__(self, *, token: str | None = None, port: int = 0) -> None:
        self.token = token
        self.books = Books()
        self.faults = Faults()
        self.requests: list[Seen] = []
        self.down = False
        self.over = threading.Event()
        self._lock = threading.Lock()
        self._port = port
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def connections(self) -> int:
        """How many there have been since the last start."""
        return self._server.connections if self._server else 0

    def start(self) -> "ReferenceBackend":
        """Listen; after `stop` again, on the same port and with the same books."""
        self.over.clear()
        self._server = server = Server(self._port, self)
        self._port = server.server_port
        self._thread = threading.Thread(
            target=server.serve_forever, args=(0.02,), name="reference-backend"
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Refuse connections and hang up on everybody. Again is fine."""
        if self._server is not None and self._thread is not None:
            self._server.stop()
            self._thread.join()
            self._server = None

    def __enter__(self) -> "ReferenceBackend":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def fault(self, kind: Kind, **fields: Any) -> None:
        """Misbehave so the next time; see Fault."""
        self.faults.add(Fault(kind, **fields))

    def counts(self) -> Counter[str]:
        """How often each operation was asked for."""
        with self._lock:
            return Counter(seen.operation for seen in self.requests)

    def state(self) -> dict[str, Any]:
        """What `GET /_admin/state` answers: `Books.state` with the counts of requests by
        operation, and the faults that still wait."""
        return {
            **self.books.state(),
            "requests": dict(self.counts()),
            "faults": self.faults.left(),
        }

    def note(self, seen: Seen) -> None:
        with self._lock:
            self.requests.append(seen)

    def command(self, method: str, name: str, body: Any) -> dict[str, Any]:
        """What another process commands. Raises KeyError for what there is not."""
        if (method, name) == ("GET", "state"):
            return self.state()
        if (method, name) == ("DELETE", "faults"):
            self.faults.clear()
        elif (method, name) == ("POST", "faults"):
            self.faults.add(Fault.from_json(body))
        elif (method, name) == ("POST", "settings"):
            self.books.ignore_keys = body.get("ignore_keys", self.books.ignore_keys)
            self.down = body.get("down", self.down)
        else:
            put = {
                "agents": self.books.put_agent,
                "tools": self.books.put_tool,
                "knowledge": self.books.put_knowledge,
            }[name]
            put(body["id"], body["value"], body.get("tenant", "*"))
        return {}


class RemoteBackend:
    """A reference backend in another process."""

    def __init__(self, url: str) -> None:
        self.url = url

    def state(self) -> dict[str, Any]:
        return self._command("GET", "state")

    def put_agent(self, agent_id: str, config: Any, tenant: str = "*") -> None:
        self._command("POST", "agents", {"id": agent_id, "value": config, "tenant": tenant})

    def put_tool(self, tool_id: str, definition: Any, tenant: str = "*") -> None:
        self._command("POST", "tools", {"id": tool_id, "value": definition, "tenant": tenant})

    def fault(self, kind: Kind, **fields: Any) -> None:
        self._command("POST", "faults", {"kind": kind, **fields})

    def clear_faults(self) -> None:
        self._command("DELETE", "faults")

    def settings(self, **fields: bool) -> None:
        """`ignore_keys`, `down`."""
        self._command("POST", "settings", fields)

    def _command(self, method: str, name: str, body: Any = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{ADMIN}{name}", data, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


@contextmanager
def reference_process(*arguments: str) -> Iterator[RemoteBackend]:
    """A reference backend as a process of its own."""
    command = [sys.executable, "-m", "tests.support.reference_backend", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield RemoteBackend(process.stdout.readline().strip())
        finally:
            process.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token", help="the bearer token that is asked for")
    parser.add_argument("--agents", type=Path, help="a folder of YAML files to serve")
    arguments = parser.parse_args()
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    with ReferenceBackend(token=arguments.token, port=arguments.port) as backend:
        for path in sorted(arguments.agents.glob("*.yaml")) if arguments.agents else ():
            backend.books.put_agent(path.stem, yaml.safe_load(path.read_text("utf-8")))
        print(backend.url, flush=True)
        over.wait()


if __name__ == "__main__":
    main()

"""A deployment in AUTH_MODE=jwt, its clock, and short ways to knock at it."""

import http.client
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from shared.errors import Unauthorized
from tests.doors.issuers import Issuer
from tests.scenarios.clocks import Later
from tests.support.deployments import Running, Variables, local_set
from tests.support.frames_client import Event, FramesClient
from tests.support.gateway import PATIENCE

NOBODY = "http://127.0.0.1:1"
"""The model where nobody asks it anything."""

UNAUTHORIZED: Mapping[str, Any] = {
    "error": {
        "code": "UNAUTHORIZED",
        "message": Unauthorized.__doc__,
        "retryable": False,
        "details": {},
    },
    "detail": Unauthorized.__doc__,
}


class Present(Later):
    """The time of day, with which other processes agree."""

    def __init__(self) -> None:
        super().__init__()
        self._behind = 0


@dataclass
class Answer:
    """What came back; `headers` without those that every server writes."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


class Door:
    """One deployment."""

    def __init__(self, running: Running, folder: Path, clock: Later) -> None:
        self.running = running
        self.clock = clock
        self._file = folder / ".parley" / "parley.db"
        self._place = urlsplit(running.url).netloc

    def ask(
        self,
        method: str,
        path: str,
        token: str | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One HTTP request, with the token as its bearer's."""
        sent = {"Content-Type": "application/json"} if body is not None else {}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body)
        return self._request(method, path, {**sent, **(headers or {})}, data)

    def knock(self, **query: str) -> Answer:
        """A handshake by hand, which is broken off where it is let in."""
        asked = "&".join(f"{name}={quote(text, safe='')}" for name, text in query.items())
        upgrade = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        return self._request("GET", f"/ws?{asked}", upgrade, None)

    def client(self, **query: str) -> FramesClient:
        """A connection."""
        asked = "&".join(f"{name}={quote(text, safe='')}" for name, text in query.items())
        return FramesClient(self.running.socket_url, f"?{asked}")

    def ticket(self, token: str) -> str:
        answer = self.ask("POST", "/tickets", token)
        assert answer.status == 201, answer
        return str(answer.body["ticket"])

    def stored(self) -> dict[str, Any]:
        """All items by their keys, but for counters, and for what connections count."""
        with closing(sqlite3.connect(self._file)) as db:
            rows = db.execute("SELECT pk, sk, attrs, blob FROM items").fetchall()
        found = {f"{pk.decode()} {sk.decode()}": (json.loads(a), blob) for pk, sk, a, blob in rows}
        counted = ("window", "frames")
        return {
            key: ({name: each for name, each in attrs.items() if name not in counted}, blob)
            for key, (attrs, blob) in found.items()
            if not key.startswith("LIMIT#")
        }

    def _request(
        self, method: str, path: str, headers: Mapping[str, str], data: str | None
    ) -> Answer:
        with closing(http.client.HTTPConnection(self._place, timeout=PATIENCE)) as client:
            client.request(method, path, data, dict(headers))
            response = client.getresponse()
            told = {name.lower(): value for name, value in response.getheaders()}
            text = "" if response.status == 101 else response.read().decode()
        usual = ("date", "server", "content-length")
        return Answer(response.status, {k: v for k, v in told.items() if k not in usual}, text)


@contextmanager
def door(
    folder: Path,
    issuer: Issuer,
    clock: Later,
    model_url: str = NOBODY,
    **variables: str,
) -> Iterator[Door]:
    """The local set, which trusts the issuer; its workspace is `folder`."""
    settings: Variables = {**issuer.settings, **variables}
    with local_set(folder, model_url, settings, clock) as running:
        yield Door(running, folder, clock)


def code(event: Event) -> str:
    """The code of an `error` event."""
    assert event["type"] == "error", event
    return str(event["error"]["code"])

"""Callers of a deployment: the HTTP API with the standard library, the WebSocket API."""

import itertools
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, TypeVar
from urllib.parse import urlencode

from websockets.sync.client import connect

Body = dict[str, Any]
Found = TypeVar("Found")


def wait_for(condition: Callable[[], Found | None], seconds: float) -> Found:
    """What the condition finds, as soon as it finds something."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)
    return found


class Http:
    """JSON in, status and JSON out."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url
        self._token = token

    def bearing(self, token: str | None) -> "Http":
        """The same API with another credential, or none."""
        return Http(self.url, token)

    def call(
        self, method: str, path: str, body: Body | None = None, *, user: str | None = None
    ) -> tuple[int, Any]:
        """The status and the body; as that user, or as the service itself."""
        request = urllib.request.Request(self.url + path, method=method)
        if user is not None:
            request.add_header("X-On-Behalf-Of", user)
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=40) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as refusal:
            with refusal:
                text = refusal.read().decode()
            return refusal.code, json.loads(text) if text.startswith("{") else {"text": text}

    def ticket(self, user: str | None = None) -> str:
        """A ticket for one WebSocket connection of that user, or of the service itself."""
        status, body = self.call("POST", "/tickets", {}, user=user)
        assert status == 201, body
        ticket: str = body["ticket"]
        return ticket


class Chat:
    """One WebSocket: send an action, collect what belongs to its request."""

    def __init__(self, url: str, **query: str) -> None:
        """`query` has the credential: a ticket or a token."""
        self._url = f"{url}?{urlencode(query)}"
        self._open = ExitStack()
        self._numbers = itertools.count(1)

    def __enter__(self) -> "Chat":
        self._socket = self._open.enter_context(connect(self._url, open_timeout=30))
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def ask(self, action: str, *, until: str, **fields: Any) -> list[Body]:
        """The events of one request, up to the first of type `until` (or an error)."""
        request_id = f"r{next(self._numbers)}"
        self._socket.send(json.dumps({"action": action, "requestId": request_id, **fields}))
        events: list[Body] = []
        deadline = time.monotonic() + 60
        while not events or events[-1]["type"] not in (until, "error"):
            event = json.loads(self._socket.recv(timeout=deadline - time.monotonic()))
            if event.get("requestId") in (request_id, None):
                events.append(event)
        assert events[-1]["type"] == until, events
        return events

    def session(self, agent: str = "assistant") -> str:
        """A new conversation."""
        [answer] = self.ask(
            "create_conversation_session", until="immediate_response", agentId=agent
        )
        assert answer["status"] == 200, answer
        session: str = answer["data"]["sessionId"]
        return session

    def say(self, session: str, message: str) -> list[Body]:
        """The events of one turn."""
        return self.ask(
            "send_message", until="eventual_response", sessionId=session, message=message
        )

"""Turns on the local set, as a client sees them and as HTTP tells of them."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from shared.conversations.items import turn_id, turn_ref
from shared.models.anthropic_api import AnthropicModel
from tests.support.deployments import Running, local_set
from tests.support.frames_client import TERMINAL, Event, FramesClient, streamed
from tests.support.gateway import PATIENCE

TOOLS = '''
def look(at: str) -> str:
    """Look at something."""
    return f"seen {at}"
'''
IDLE = 0.4
"""Seconds after which a silent provider is given up."""

RETRIES = 2
AGENT = {"name": "Agent", "instructions": "Be brief.", "tools": [{"python": "tools:look"}]}


@contextmanager
def serving(
    folder: Path, model_url: str, *, idle: float = IDLE, **settings: str
) -> Iterator[Running]:
    """A deployment which gives up a provider that is silent for `idle` seconds."""
    agents = folder / "agents"
    agents.mkdir()
    (agents / "tools.py").write_text(TOOLS, "utf-8")
    (agents / "assistant.yaml").write_text(yaml.safe_dump(AGENT), "utf-8")
    made = {
        "ASSISTANT_LOCAL_CONFIG_DIR": str(agents),
        "RATE_LIMIT_PER_MINUTE": "0",
        "PUSH_WINDOW_MS": "0",
        **settings,
    }
    with local_set(folder / "workspace", model_url, made) as running:
        running.deployment.model = AnthropicModel(
            clock=running.deployment.clock,
            base_url=model_url,
            idle_seconds=idle,
            max_retries=RETRIES,
            jitter=lambda ceiling: 0.0,
        )
        yield running


@contextmanager
def talking(folder: Path, model_url: str, **more: Any) -> Iterator["Talk"]:
    """The same with a client."""
    with serving(folder, model_url, **more) as running, Talk.on(running) as talk:
        yield talk


class Talk:
    """One client, with a conversation for each turn; the turns run side by side."""

    def __init__(self, running: Running, client: FramesClient) -> None:
        self.running = running
        self.client = client
        self._asked: dict[str, tuple[str, str]] = {}

    @classmethod
    @contextmanager
    def on(cls, running: Running) -> Iterator["Talk"]:
        with FramesClient(running.socket_url) as client:
            yield cls(running, client)

    def ask(self, name: str) -> None:
        """Begin a turn in a conversation of its own; its message is its name."""
        ids = self.client.open_session()
        self._asked[name] = (ids["conversationId"], ids["sessionId"])
        self.client.send_message(ids["sessionId"], name, name)

    def told(self, name: str) -> "Told":
        """The turn, once it has ended."""
        while not (mine := self._events(name)) or mine[-1]["type"] not in TERMINAL:
            self.client.next(name, tokens=True)
        # What may come after the end has come when the next answer has.
        self.client.read_all()
        mine = self._events(name)
        [end] = [event for event in mine if event["type"] in TERMINAL]
        assert mine[-1] is end
        return Told(end, streamed(mine, name), self._state(name), mine)

    def _events(self, name: str) -> list[Event]:
        return [event for event in self.client.received if event.get("requestId") == name]

    def _state(self, name: str) -> Any:
        """How the turn stands over HTTP."""
        conversation, session = self._asked[name]
        turn = turn_id(conversation, turn_ref(session, name))
        with urllib.request.urlopen(f"{self.running.url}/turns/{turn}", timeout=PATIENCE) as said:
            return json.load(said)


class Told:
    """What a client learns of one turn. `state` is what HTTP says of it."""

    def __init__(self, end: Event, pieces: str, state: Any, events: list[Event]) -> None:
        self.end = end
        self.pieces = pieces
        self.state = state
        self.events = events

    @property
    def text(self) -> str:
        """The reply, which HTTP tells too."""
        assert self.end["type"] == "eventual_response", self.end
        text = "".join(self.end["data"]["data"]["response"]["responseParts"])
        assert (self.state["status"], self.state["text"]) == ("completed", text)
        assert self.state["usage"] == self.end["data"]["data"]["usage"]
        assert self.state["error"] is None
        return text

    @property
    def fault(self) -> tuple[str, bool]:
        """The code of the error, and whether to try again; HTTP tells the same."""
        assert self.end["type"] == "error", self.end
        told, details = self.end["error"], self.end["data"]["details"]
        assert self.end["data"]["error"] == told
        assert self.state["status"] == "failed"
        assert self.state["text"] == ""
        of_fault = {n: v for n, v in details.items() if n not in ("retryable", "usage")}
        expected = {**told, "retryable": details["retryable"]}
        assert self.state["error"] == expected | ({"details": of_fault} if of_fault else {})
        return told["code"], details["retryable"]

    @property
    def steps(self) -> list[str]:
        """The calls and results that were shown."""
        raw = [
            event["data"]["state"]["rawResponse"]
            for event in self.events
            if event["type"] == "stream_chunk"
        ]
        return [next(iter(each)) for each in raw]

    @property
    def tokens(self) -> tuple[int, int]:
        """What the turn has cost, in and out."""
        usage = self.state["usage"]
        return usage["promptTokens"], usage["completionTokens"]

"""How a scenario is written, and how it runs.

scenario: what a user would notice
given:                                  all of it optional
  settings: {SESSION_BACKLOG: "1"}      variables of the environment
  agents: {support: {name: …}}          beside the built-in `assistant`
  skills: {tone: Be kind.}              the library's skills, and their texts
  auth: token                           connections name their user: `ann connects: {as: ann}`
  model: [{tokens: [Hel, {gate: g}, lo]}]   steps of the scripted Messages API; it holds its
                                        breath at a gate until `model passes: g`
when:                                   one after the other; who, what, with what
  - ann connects:                       {query, as, refused: <HTTP status>}
  - ann opens: {session: s, conversation: c}    create a session and name its ids; other
                                        fields go into the frame
  - ann sends: {action: ping}           a frame; a text goes out as it is
  - ann sends-binary: text
  - ann gets: {type: pong, requestId: "<absent>"}   the next event of that request, pieces of
                                        text left out; a list for several
  - ann asks: {in: "${s}", request: q1, message: Hi, reply: Hello}     one whole turn
  - ann is-heard:                       wait until every frame so far has been handled
  - ann finds: {frame: {action: …}, event: {data: …}}     asks until the answer is this one
  - ann is-closed: 1009
  - ann leaves:
  - model passes: g
  - model was-asked: 2                  wait until it got so many requests
then:
  asked: [{messages: […]}]              what the model was asked, all of it
  refused: [q1]                         request ids that also got an `error` for another frame
  silent: [q1]                          turns of which only the acceptance and the end are sent
  partial: {q1: Hel}                    turns whose pieces are some beginning of that text
  apart: [q1]                           request ids that several sessions use
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from websockets.exceptions import InvalidStatus

from tests.scenarios.hearing import Hearing
from tests.scenarios.matching import Names
from tests.support.deployments import Running
from tests.support.frames_client import FramesClient, message_frame, text_of
from tests.support.gateway import PATIENCE
from tests.support.messages_api import ScriptedMessagesApi, Step

Scenario = Mapping[str, Any]

DATA = Path(__file__).parent / "data"


def load() -> dict[str, Scenario]:
    """All scenarios by name."""
    found: dict[str, Scenario] = {}
    for path in sorted(DATA.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text("utf-8")):
            name = f"{path.stem}: {document['scenario']}"
            assert name not in found, f"{name} stands there twice"
            found[name] = document
    return found


class Gates:
    """Where a scripted model holds its breath."""

    def __init__(self) -> None:
        self._gates: dict[str, threading.Event] = {}

    def of(self, name: str) -> threading.Event:
        return self._gates.setdefault(name, threading.Event())

    def open_all(self) -> None:
        for gate in self._gates.values():
            gate.set()


class GatedTokens(Sequence[str]):
    """Tokens that come out only as far as the gates between them are open."""

    def __init__(self, parts: Sequence[Any], gates: Gates) -> None:
        self._parts = [gates.of(part["gate"]) if isinstance(part, dict) else part for part in parts]
        self._tokens = [part for part in self._parts if isinstance(part, str)]

    def __iter__(self) -> Iterator[str]:
        for part in self._parts:
            if isinstance(part, str):
                yield part
            elif not part.wait(PATIENCE):
                raise AssertionError("the scenario never opened a gate")

    def __getitem__(self, index: Any) -> Any:
        return self._tokens[index]

    def __len__(self) -> int:
        return len(self._tokens)


def steps(scenario: Scenario, gates: Gates) -> list[Step]:
    """The model's script."""
    return [
        Step.from_json({**entry, "tokens": GatedTokens(entry.get("tokens", []), gates)})
        for entry in Names().fill(scenario.get("given", {}).get("model", []))
    ]


class Play:
    """One scenario on one deployment."""

    def __init__(self, running: Running, api: ScriptedMessagesApi, gates: Gates) -> None:
        self.clients: dict[str, FramesClient] = {}
        self._hearing = Hearing()
        running.deployment.frames = self._hearing.frames(running.deployment.frames)
        self._running = running
        self._api = api
        self._gates = gates
        self._names = Names()
        self._gone: set[str] = set()

    def step(self, entry: Mapping[str, Any]) -> None:
        [(text, given)] = entry.items()
        who, _, verb = text.partition(" ")
        arguments = given if verb in ("gets", "passes") else self._names.fill(given)
        getattr(self, "_" + verb.replace("-", "_"))(who, arguments)

    def read_all(self) -> None:
        """Everything that has been sent to the clients that are still there."""
        for who, client in self.clients.items():
            if who not in self._gone:
                client.read_all()

    def close(self) -> None:
        self._gates.open_all()
        for client in self.clients.values():
            client.close()

    def mismatch(self, expected: Any, actual: Any, where: str) -> str | None:
        return self._names.mismatch(expected, actual, where)

    def _connects(self, who: str, given: Mapping[str, Any] | None) -> None:
        given = given or {}
        query = given.get("query", "")
        if "as" in given:
            query = f"?ticket={self._running.ticket(given['as'])}"
        if "refused" not in given:
            self.clients[who] = self._hearing.client(self._running.socket_url, query)
            return
        with pytest.raises(InvalidStatus) as refusal:
            FramesClient(self._running.socket_url, query).close()
        assert refusal.value.response.status_code == given["refused"]

    def _leaves(self, who: str, _: None) -> None:
        # Not forgotten: what it got up to here counts.
        self._gone.add(who)
        self.clients[who].close()

    def _sends(self, who: str, frame: Mapping[str, Any] | str) -> None:
        self.clients[who].send(frame)

    def _is_heard(self, _: str, __: None) -> None:
        self._hearing.wait()

    def _sends_binary(self, who: str, text: str) -> None:
        self.clients[who].send(text.encode())

    def _gets(self, who: str, expected: Any) -> None:
        for each in expected if isinstance(expected, list) else [expected]:
            request_id = self._names.fill(each["requestId"])
            event = self.clients[who].next(None if request_id == "<absent>" else request_id)
            wrong = self._names.mismatch(each, event)
            assert wrong is None, f"{who} got something else: {wrong}\n{event}"

    def _finds(self, who: str, given: Mapping[str, Any]) -> None:
        # What workers do after the end of a turn is seen some time after it.
        give_up = time.monotonic() + PATIENCE
        while True:
            event = self.clients[who].ask(**given["frame"])
            wrong = self._names.mismatch(given["event"], event)
            if wrong is None:
                return
            assert time.monotonic() < give_up, f"{who} found something else: {wrong}"
            time.sleep(0.05)

    def _is_closed(self, who: str, code: int) -> None:
        self._gone.add(who)
        assert self.clients[who].close_code() == code

    def _opens(self, who: str, given: Mapping[str, Any]) -> None:
        fields = {"agentId": "assistant", **given}
        named = {key: fields.pop(key) for key in ("session", "conversation") if key in fields}
        data = self.clients[who].open_session(fields.pop("agentId"), **fields)
        for kind, name in named.items():
            wrong = self._names.mismatch(f"${{{name}}}", data[f"{kind}Id"], kind)
            assert wrong is None, wrong

    def _asks(self, who: str, given: Mapping[str, Any]) -> None:
        request_id = given["request"]
        self._sends(who, message_frame(given["in"], request_id, given["message"]))
        accepted = self.clients[who].next(request_id)
        assert (accepted["type"], accepted.get("status")) == ("immediate_response", 202), accepted
        assert accepted["data"] == {}, accepted
        reply = text_of(self.clients[who].next(request_id))
        assert reply == given["reply"], reply

    def _passes(self, _: str, gate: str) -> None:
        self._gates.of(gate).set()

    def _was_asked(self, _: str, count: int) -> None:
        self._api.wait_for(lambda api: len(api.requests) >= count)

"""How a scenario runs."""

import re
import time
from collections.abc import Mapping
from typing import Any, Protocol

import pytest
from websockets.exceptions import InvalidStatus

from tests.scenarios.clocks import Later
from tests.scenarios.gates import Gates
from tests.scenarios.hearing import Hearing
from tests.scenarios.matching import Names
from tests.scenarios.papers import Papers
from tests.scenarios.resting import Resting
from tests.scenarios.script import Scenario
from tests.support.frames_client import Event, FramesClient, message_frame, text_of
from tests.support.gateway import PATIENCE
from tests.support.messages_api import ScriptedMessagesApi
from tests.support.recorded_mail import RecordedMail

STREAMED = frozenset({"stream_token", "stream_reasoning", "stream_chunk", "keepalive"})
"""What comes between the acceptance of a turn and its end, cut in pieces by chance."""


AS_WRITTEN = frozenset({"gets", "comes", "passes", "reaches"})
"""Verbs whose arguments may have names in them that stand for nothing yet."""

_CODE = re.compile(r"\b\d{6}\b")


class Served(Protocol):
    """A deployment, as its clients know it."""

    @property
    def socket_url(self) -> str: ...

    def ticket(self, user: str | None = None) -> str: ...


class Play:
    """One scenario on one deployment. `hearing` counts the frames; without it `is-heard` cannot
    be said, nor without `clock` what is signed or that time passes, without `resting` that workers
    rest, without `mail` that one comes. With `admit` every connection brings a ticket."""

    def __init__(
        self,
        served: Served,
        api: ScriptedMessagesApi,
        gates: Gates,
        *,
        names: Names | None = None,
        hearing: Hearing | None = None,
        clock: Later | None = None,
        resting: Resting | None = None,
        mail: RecordedMail | None = None,
        admit: bool = False,
    ) -> None:
        self.clients: dict[str, FramesClient] = {}
        self.mail = mail or RecordedMail()
        self._hearing = hearing
        self._resting = resting
        self._admit = admit
        self._clock = clock or Later()
        self._papers = Papers(self._clock)
        self._served = served
        self._api = api
        self._gates = gates
        self._names = names or Names()
        self._gone: set[str] = set()

    def run(self, scenario: Scenario) -> None:
        """All steps; an AssertionError says at which one it went wrong."""
        for number, entry in enumerate(scenario["when"], 1):
            try:
                self._step(entry)
            except AssertionError as failure:
                raise AssertionError(f"step {number}, {next(iter(entry))}: {failure}") from failure

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

    def _step(self, entry: Mapping[str, Any]) -> None:
        [(text, given)] = entry.items()
        who, _, verb = text.partition(" ")
        arguments = given if verb in AS_WRITTEN else self._names.fill(given)
        getattr(self, "_" + verb.replace("-", "_"))(who, arguments)

    def _connects(self, who: str, given: Mapping[str, Any] | None) -> None:
        given = given or {}
        query = given.get("query", "")
        if "token" in given:
            query = f"?token={self._papers.token(given['token'])}"
        elif "as" in given or (self._admit and "query" not in given):
            query = f"?ticket={self._served.ticket(given.get('as'))}"
        if "refused" not in given:
            self.clients[who] = self._client(query)
            return
        with pytest.raises(InvalidStatus) as refusal:
            FramesClient(self._served.socket_url, query).close()
        assert refusal.value.response.status_code == given["refused"]

    def _client(self, query: str) -> FramesClient:
        if self._hearing is None:
            return FramesClient(self._served.socket_url, query)
        return self._hearing.client(self._served.socket_url, query)

    def _leaves(self, who: str, _: None) -> None:
        # Not forgotten: what it got up to here counts.
        self._gone.add(who)
        self.clients[who].close()

    def _sends(self, who: str, frame: Mapping[str, Any] | str) -> None:
        self.clients[who].send(self._papers.fill(frame))

    def _is_heard(self, _: str, __: None) -> None:
        assert self._hearing is not None, "nobody counts the frames here"
        self._hearing.wait()

    def _sends_binary(self, who: str, text: str) -> None:
        self.clients[who].send(text.encode())

    def _gets(self, who: str, expected: Any) -> None:
        for each in expected if isinstance(expected, list) else [expected]:
            request_id = self._names.fill(each["requestId"])
            event = self._next(who, None if request_id == "<absent>" else request_id, each["type"])
            wrong = self._names.mismatch(each, event)
            assert wrong is None, f"{who} got something else: {wrong}\n{event}"

    def _next(self, who: str, request_id: str | None, kind: str | None = None) -> Event:
        """The next event of a request; of what streams, only that of the type that is asked for."""
        while True:
            event = self.clients[who].next(request_id, tokens=kind == "stream_token")
            if event["type"] not in STREAMED or event["type"] == kind:
                return event

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
        accepted = self._next(who, request_id)
        assert (accepted["type"], accepted.get("status")) == ("immediate_response", 202), accepted
        assert accepted["data"] == {}, accepted
        reply = text_of(self._next(who, request_id))
        assert reply == given["reply"], reply

    def _passes(self, who: str, what: Any) -> None:
        if who == "time":
            self._clock.put_forward(what)
        else:
            self._gates.of(what).open()

    def _stands(self, _: str, __: None) -> None:
        self._clock.stand()

    def _reaches(self, _: str, gate: str) -> None:
        assert self._gates.of(gate).reached(), f"no tool came to {gate}"

    def _was_asked(self, _: str, count: int) -> None:
        self._api.wait_for(lambda api: len(api.requests) >= count)

    def _rest(self, _: str, __: None) -> None:
        assert self._resting is not None, "nobody looks at the mailboxes here"
        self._resting.wait()

    def _comes(self, _: str, expected: Mapping[str, Any]) -> None:
        sent = self.mail.next()
        [code] = _CODE.findall(sent.text)
        # Any other code is wrong; this one differs in each digit.
        other = "".join(str((int(digit) + 1) % 10) for digit in code)
        wrong = self._names.mismatch(expected, {**sent._asdict(), "code": code, "other": other})
        assert wrong is None, f"another mail came: {wrong}"

"""Frames are played on a deployment in virtual time; what must hold whatever they say."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from functions.send_message.handler import handler as send_message
from functions.ws_connect.handler import handler as ws_connect
from shared.identity.principal import USER, Credential, Principal
from tests.fuzz.clients import USERS, Client, Event, Turn, code_of, ends_of
from tests.fuzz.frames import expanded
from tests.fuzz.house import House
from tests.fuzz.people import (
    ANSWERS,
    SUPPORTS,
    Codes,
    address_of,
    asked_of,
    check_answer,
)
from tests.fuzz.reading import readable, request_id
from tests.fuzz.shapes import complaint, outline

SIGNING = "a-secret-of-these-tests"
OURS = {"INTERNAL_ERROR", "SERVICE_UNAVAILABLE"}
"""Codes that no frame may bring about."""


class Stage:
    """Plays batches, each with users of its own."""

    def __init__(self, folder: Path) -> None:
        self._house = House(folder)
        self.scene = self._house.scene
        self._codes = Codes(self._house.mail)
        self.frames = 0
        self.samples: dict[str, Event] = {}
        """One event of each outline."""
        self.tally: Counter[str] = Counter()
        """How often each kind of event was sent; of errors, their codes."""
        self._batches = 0

    def close(self) -> None:
        self._house.close()

    # -- one batch ------------------------------------------------------------------------

    def begin(self) -> None:
        """Two users who have sessions; the first is there twice."""
        self._batches += 1
        self._accepted: dict[Turn, int] = {}
        self._resumes: Counter[str] = Counter()
        self._seen = 0
        self.scene.push.sent.clear()
        self.clients = {who: self._client(who, user) for who, user in USERS.items()}

    def _client(self, who: str, user: str) -> Client:
        connection = f"{who}-{self._batches}"
        self._connect(connection, f"{user}-{self._batches}")
        own = self._session(connection)
        second = self._session(connection) if who == "ann" else own
        return Client(connection, own, second, second)

    def _connect(self, connection: str, user: str) -> None:
        tickets, person = self.scene.deployment.tickets, Principal("acme", user, frozenset({USER}))
        ticket, _ = self.scene.run(
            lambda: tickets.issue(Credential(principal=person), signing_secret=SIGNING)
        )
        request = {"connectionId": connection, "eventType": "CONNECT"}
        event = {"requestContext": request, "queryStringParameters": {"ticket": ticket}}
        assert self.scene.invoke(ws_connect, event) == {"statusCode": 200}

    def _session(self, connection: str) -> Mapping[str, str]:
        frame = {
            "action": "create_conversation_session",
            "agentId": "assistant",
            "supports": SUPPORTS,
            "userEmail": address_of(connection),
        }
        self._send(connection, json.dumps(frame))
        [(_, event)] = self._news()
        data: Mapping[str, str] = event["data"]
        return data

    def _send(self, connection: str, text: str, *, binary: bool = False) -> None:
        request = {"connectionId": connection}
        event = {"requestContext": request, "body": text, "isBase64Encoded": binary}
        assert self.scene.invoke(send_message, event, 30) == {"statusCode": 200}

    def _news(self) -> list[tuple[str, Event]]:
        """What was sent since the last look."""
        sent = self.scene.push.sent
        news, self._seen = sent[self._seen :], len(sent)
        for connection, event in news:
            assert not (found := complaint(event)), f"{found} in {event}"
            self.samples.setdefault(outline(event), event)
            self.tally[code_of(event) or event["type"]] += 1
            self.tally["duplicate"] += "duplicate" in event["data"]
            for client in getattr(self, "clients", {}).values():
                if client.connection == connection:
                    client.got.append(event)
        return news

    def send(self, who: str, text: str, *, binary: bool = False) -> None:
        """One frame, and what must hold of its answers."""
        client = self.clients[who]
        self.frames += 1
        self._played(who, expanded(self._filled(client, text)), binary)

    def _played(self, who: str, text: str, binary: bool) -> None:
        client = self.clients[who]
        self._send(client.connection, text, binary=binary)
        news = self._news()
        answers = [event for connection, event in news if connection == client.connection]
        assert len(answers) == len(news), "a frame is answered to who sent it"
        if client.here:
            self._check(who, None if binary else readable(text), answers)
        else:
            assert answers == []

    def _filled(self, client: Client, text: str) -> str:
        other = next(each for each in self.clients.values() if each.own != client.own)
        known = {
            "own": client.own,
            "second": client.second,
            "latest": client.latest,
            "foreign": other.own,
        }
        for name, value in {**asked_of(client), "code": self._codes.of(client)}.items():
            text = text.replace(f"${{{name}}}", value)
        for name, ids in known.items():
            text = text.replace(f"${{{name}}}", ids["sessionId"])
            text = text.replace(f"${{{name}:conversation}}", ids["conversationId"])
        return text

    def _check(self, who: str, frame: Mapping[str, Any] | None, answers: list[Event]) -> None:
        carried = {event.get("requestId") for event in answers}
        assert not {code_of(event) for event in answers[:1]} & OURS
        if frame is None:
            assert len(answers) == 1
            assert carried == {None}
            assert answers[0]["error"]["code"] == "VALIDATION_ERROR"
        elif frame.get("action") == "cancel":
            assert len(answers) <= 1
            assert carried <= {None}
        elif frame.get("action") == "resume_turn":
            # A turn that runs is answered by its worker, later; an error ends no turn.
            self._resumes[who] += 1
            assert len(carried) <= 1
            assert len(answers) == 1 or not answers or code_of(answers[0]) is None
        elif frame.get("action") in ANSWERS:
            name = request_id(frame)
            user = f"{USERS[who]}-{self._batches}"
            lives = self._house.goes_on(user, frame.get("sessionId"), name)
            check_answer(name, answers, lives=lives)
        else:
            name = request_id(frame)
            assert answers
            assert carried == {name}
            self._account(who, frame, name, answers)

    def _account(
        self, who: str, frame: Mapping[str, Any], name: str | None, answers: list[Event]
    ) -> None:
        first, client = answers[0], self.clients[who]
        if first.get("status") == 202:
            assert name is not None
            turn = Turn(who, frame["sessionId"].lower(), name)
            self._accepted[turn] = self._accepted.get(turn, 0) + 1
            repeated = "duplicate" in first["data"]
            assert repeated or len(answers) == 1
        else:
            assert len(answers) == 1
            if "userParticipantId" in first.get("data", {}) and "threadId" not in first["data"]:
                client.latest = first["data"]

    def leave(self, who: str) -> None:
        client = self.clients[who]
        if client.here:
            client.here = client.stayed = False
            self.scene.push.gone.add(client.connection)
            self.scene.disconnect(client.connection)

    def work(self) -> None:
        """Let the workers do what there is to do."""
        self._house.work()
        self._news()

    # -- after a batch --------------------------------------------------------------------

    def end(self) -> None:
        self.work()
        self._house.wait()
        self._news()
        self._rests()
        self._ended()
        for who, client in self.clients.items():
            if client.here:
                self._played(who, '{"action": "ping", "requestId": "after"}', binary=False)
                assert client.got[-1]["type"] == "pong"

    def _rests(self) -> None:
        for turn in self._accepted:
            box = self._house.box(turn)
            assert (box.jobs, box.stops, box.owner, box.waits) == ((), (), None, None)

    def _ended(self) -> None:
        """Each accepted turn has one end, which all who asked for it got."""
        ends = {turn: self._end_of(turn) for turn in self._accepted}
        by_id: dict[str, set[str]] = defaultdict(set)
        for turn, end in ends.items():
            by_id[turn.request_id].add(end)
        got = {who: Counter(ends_of(client.got)) for who, client in self.clients.items()}
        for who, counted in got.items():
            for name, end in counted:
                assert end in by_id[name], f"{who} was told of another end of {name}: {end}"
        for turn, asked in self._accepted.items():
            if self.clients[turn.client].stayed:
                copies = got[turn.client][turn.request_id, ends[turn]]
                others = sum(
                    count
                    for other, count in self._accepted.items()
                    if other != turn and ends[other] == ends[turn]
                )
                most = 1 + 2 * (asked - 1) + 2 * others + 2 * self._resumes[turn.client]
                assert 1 <= copies <= most, f"{turn}: {copies} ends"

    def _end_of(self, turn: Turn) -> str:
        job = self._house.job(turn)
        assert job.done
        return job.terminal

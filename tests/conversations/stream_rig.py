"""A stream in virtual time, and the connection API that it posts to."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from shared.conversations.stream import Poster, Stream
from tests.mailbox.virtual import Virtual

Answer = bool | Exception
Said = tuple[str, str]
"""The type of an event, and its text or its node."""

WINDOW = 0.05
BUFFER = 4


def allowed() -> None:
    """The lease is held."""


@dataclass(frozen=True)
class Post:
    """One message that a client got; `began` and `ended` are seconds of virtual time."""

    began: float
    ended: float
    connection: str
    event: dict[str, Any]

    @property
    def said(self) -> Said:
        event = self.event
        return event["type"], event.get("token", event.get("node", ""))


class Clients:
    """The connection API: each post takes `seconds`, and does what was planned for it."""

    def __init__(self, virtual: Virtual, seconds: float = 0.1) -> None:
        self._virtual = virtual
        self.seconds = seconds
        self.slow: dict[str, float] = {}
        """Seconds of a post to one connection, where they differ."""
        self.plan: dict[str, list[Answer]] = {}
        """What the next posts to a connection do; then they succeed."""
        self.posts: list[Post] = []
        self.attempts: list[tuple[float, str]] = []
        self.closed: list[str] = []
        self.closed_at: list[float] = []
        self.largest = 0

    def post(self, connection: str, data: bytes) -> bool:
        began = self._virtual.hub.time
        self.attempts.append((began, connection))
        self._virtual.clock.sleep(self.slow.get(connection, self.seconds))
        self.largest = max(self.largest, len(data))
        answers = self.plan.get(connection)
        answer = answers.pop(0) if answers else True
        if isinstance(answer, Exception):
            raise answer
        if answer:
            ended = self._virtual.hub.time
            self.posts.append(Post(began, ended, connection, json.loads(data)))
        return answer

    def close(self, connection: str) -> None:
        self.closed.append(connection)
        self.closed_at.append(self._virtual.hub.time)

    def got(self, connection: str = "c1") -> list[Post]:
        return [post for post in self.posts if post.connection == connection]

    def tokens(self, connection: str = "c1") -> list[str]:
        return [said for kind, said in self.said(connection) if kind == "stream_token"]

    def text(self, connection: str = "c1") -> str:
        return "".join(self.tokens(connection))

    def said(self, connection: str = "c1") -> list[Said]:
        """All but keepalives, as it came."""
        posts = [post.said for post in self.got(connection)]
        return [said for said in posts if said[0] != "keepalive"]

    def times(self, kind: str, connection: str = "c1") -> list[float]:
        """When posts of this type began."""
        return [post.began for post in self.got(connection) if post.said[0] == kind]


def joined(said: list[Said]) -> list[Said]:
    """The same with adjacent text of one kind in one piece: what may be told apart."""
    whole: list[Said] = []
    for kind, group in groupby(said, key=lambda part: part[0]):
        texts = [text for _, text in group]
        if kind == "stream_chunk":
            whole += [(kind, text) for text in texts]
        elif text := "".join(texts):
            whole.append((kind, text))
    return whole


def stream_of(
    virtual: Virtual,
    clients: Clients,
    *connections: str,
    check: Callable[[], None] = allowed,
    **options: Any,
) -> Stream:
    """A stream, made inside the process."""
    return Stream(
        Poster(clients, virtual.clock),
        virtual.clock,
        connections or ("c1",),
        request_id="r",
        check=check,
        **{"window": WINDOW, **options},
    )


def play(
    virtual: Virtual,
    clients: Clients,
    pieces: list[tuple[float, str]],
    *connections: str,
    end: str = "close",
    **options: Any,
) -> Stream:
    """Say each piece after its pause, then end the stream."""

    def turn() -> Stream:
        stream = stream_of(virtual, clients, *connections, **options)
        for pause, piece in pieces:
            virtual.clock.sleep(pause)
            stream.text(piece)
        getattr(stream, end)()
        return stream

    return virtual.run(turn)


def steps(
    virtual: Virtual,
    clients: Clients,
    count: int,
    *connections: str,
    pause: float = 0.1,
    end: str = "close",
    check: Callable[[], None] = allowed,
) -> tuple[Stream, list[float]]:
    """Say so many steps, one after each pause; the stream, and how long each of them took."""

    def turn() -> tuple[Stream, list[float]]:
        stream = stream_of(virtual, clients, *connections, buffer=BUFFER, check=check)
        waits = []
        for number in range(count):
            virtual.clock.sleep(pause)
            began = virtual.hub.time
            stream.chunk(str(number), {})
            waits.append(virtual.hub.time - began)
        getattr(stream, end)()
        return stream, waits

    return virtual.run(turn)


def nodes(clients: Clients, connection: str) -> list[str]:
    return [said for _, said in clients.said(connection)]


def numbers(count: int) -> list[str]:
    return [str(number) for number in range(count)]

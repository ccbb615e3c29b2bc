"""The stream of a turn: first piece at once, then as fast as the connections take it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from shared.conversations.stream import MAX_PIECE, Poster, Stream
from shared.mailbox.leases import LeaseLost
from shared.messaging.push import MAX_MESSAGE_BYTES, PushFailed, PushThrottled
from tests.mailbox.virtual import Virtual

Answer = bool | Exception


class Clients:
    """The connection API: each post takes `seconds`, and does what was planned for it."""

    def __init__(self, virtual: Virtual, seconds: float = 0.1) -> None:
        self._virtual = virtual
        self.seconds = seconds
        self.plan: dict[str, list[Answer]] = {}
        self.posts: list[tuple[float, str, str]] = []
        self.closed: list[str] = []
        self.largest = 0

    def post(self, connection: str, data: bytes) -> bool:
        began = self._virtual.hub.time
        self._virtual.clock.sleep(self.seconds)
        self.largest = max(self.largest, len(data))
        answers = self.plan.get(connection)
        answer = answers.pop(0) if answers else True
        if isinstance(answer, Exception):
            raise answer
        if answer:
            self.posts.append((began, connection, json.loads(data)["token"]))
        return answer

    def close(self, connection: str) -> None:
        self.closed.append(connection)

    def text(self, connection: str = "c1") -> str:
        return "".join(token for _, name, token in self.posts if name == connection)

    def tokens(self, connection: str = "c1") -> list[str]:
        return [token for _, name, token in self.posts if name == connection]


@pytest.fixture
def virtual() -> Virtual:
    return Virtual()


@pytest.fixture
def clients(virtual: Virtual) -> Clients:
    return Clients(virtual)


def allowed() -> None:
    """The lease is held."""


def play(
    virtual: Virtual,
    clients: Clients,
    pieces: list[tuple[float, str]],
    *connections: str,
    end: str = "close",
    check: Callable[[], None] = allowed,
    **options: Any,
) -> Stream:
    """Say each piece after its pause, then end the stream."""
    made: list[Stream] = []

    def turn() -> None:
        stream = Stream(
            Poster(clients, virtual.clock),
            virtual.clock,
            connections or ("c1",),
            request_id="r",
            check=check,
            **{"window": 0.05, **options},
        )
        made.append(stream)
        for pause, piece in pieces:
            virtual.clock.sleep(pause)
            stream.text(piece)
        getattr(stream, end)()

    virtual.run(turn)
    return made[0]


def test_the_first_piece_goes_out_at_once(virtual: Virtual, clients: Clients) -> None:
    play(virtual, clients, [(3, "a"), (10, "b")])
    assert [(began, token) for began, _, token in clients.posts] == [(3.0, "a"), (13.0, "b")]


def test_what_arrives_during_a_post_goes_out_together(virtual: Virtual, clients: Clients) -> None:
    pieces = [(0.0, "0"), *[(0.01, str(number)) for number in range(1, 50)]]
    play(virtual, clients, pieces)
    assert clients.text() == "".join(map(str, range(50)))
    assert clients.tokens()[0] == "0"
    assert len(clients.posts) <= 6, "a post and its window take 0.15 s; it all took 0.5 s"


def test_saying_something_never_waits(virtual: Virtual, clients: Clients) -> None:
    clients.seconds = 60
    times: list[float] = []

    def turn() -> None:
        stream = Stream(
            Poster(clients, virtual.clock),
            virtual.clock,
            ["c1"],
            request_id="r",
            check=allowed,
            window=0.05,
        )
        for _ in range(100):
            stream.text("x")
        times.append(virtual.hub.time)
        stream.close()

    virtual.run(turn)
    assert times == [0.0]
    assert clients.text() == "x" * 100


def test_a_long_text_goes_out_in_messages_that_fit(virtual: Virtual, clients: Clients) -> None:
    text = "\x01" * (3 * MAX_PIECE + 5)
    play(virtual, clients, [(0, text)])
    assert clients.text() == text
    assert clients.largest <= MAX_MESSAGE_BYTES


def test_every_connection_gets_everything_in_order(virtual: Virtual, clients: Clients) -> None:
    play(virtual, clients, [(0.02, c) for c in "abcdefgh"], "c1", "c2", "c3")
    for name in ("c1", "c2", "c3"):
        assert clients.text(name) == "abcdefgh"


def test_whoever_has_gone_is_left_out_and_named(virtual: Virtual, clients: Clients) -> None:
    clients.plan["c2"] = [True, False]
    stream = play(virtual, clients, [(1, c) for c in "abcd"], "c1", "c2")
    assert clients.text("c1") == "abcd"
    assert clients.text("c2") == "a"
    assert stream.gone == ["c2"]
    assert clients.closed == []


@pytest.mark.parametrize("fault", [PushThrottled("slow"), PushFailed("500")])
def test_text_that_was_refused_is_kept(
    virtual: Virtual, clients: Clients, fault: Exception
) -> None:
    clients.plan["c1"] = [True, fault, fault, fault]
    play(virtual, clients, [(0.05, c) for c in "abcdefghijkl"])
    assert clients.text() == "abcdefghijkl"
    assert len(clients.posts) < 12, "what came meanwhile went out together"


def test_who_never_takes_it_is_closed(virtual: Virtual, clients: Clients) -> None:
    """A hole in the text would be worse than a reconnect."""
    clients.plan["c1"] = [True, *[PushThrottled("slow")] * 100]
    stream = play(virtual, clients, [(1, c) for c in "abc"], "c1", "c2")
    assert clients.text("c1") == "a"
    assert clients.text("c2") == "abc"
    assert (clients.closed, stream.gone) == (["c1"], ["c1"])


def test_closing_sends_the_rest(virtual: Virtual, clients: Clients) -> None:
    clients.seconds = 5
    play(virtual, clients, [(0.1, c) for c in "abc"])
    assert clients.text() == "abc"


def test_abandoning_sends_nothing_more(virtual: Virtual, clients: Clients) -> None:
    clients.seconds = 5
    play(virtual, clients, [(0.1, c) for c in "abc"], end="abandon")
    assert clients.text() == "a", "the post under way ends, and no other begins"
    assert virtual.hub.time < 20


def test_a_closed_stream_can_be_abandoned(virtual: Virtual, clients: Clients) -> None:
    stream = play(virtual, clients, [(0, "a")])
    virtual.run(stream.abandon)
    assert clients.text() == "a"


def test_a_muted_turn_says_nothing(virtual: Virtual, clients: Clients) -> None:
    made: list[Stream] = []

    def turn() -> None:
        poster = Poster(clients, virtual.clock)
        stream = Stream(poster, virtual.clock, [], request_id="r", check=allowed, window=0.05)
        stream.text("a")
        stream.close()
        made.append(stream)

    virtual.run(turn)
    assert clients.posts == []
    assert made[0].used, "it would have been shown"


def test_nothing_is_posted_without_the_lease(virtual: Virtual, clients: Clients) -> None:
    held = [True, True]

    def check() -> None:
        if not held:
            raise LeaseLost
        held.pop()

    play(virtual, clients, [(1, c) for c in "abcd"], check=check)
    assert clients.text() == "ab"


def test_a_turn_that_was_not_acknowledged_yet_settles(virtual: Virtual, clients: Clients) -> None:
    settle = virtual.clock.now() + 150
    play(virtual, clients, [(0, "a"), (0.05, "b"), (1, "c")], settle_until=settle)
    assert clients.posts[0][0] == pytest.approx(0.15)
    assert clients.tokens() == ["ab", "c"]

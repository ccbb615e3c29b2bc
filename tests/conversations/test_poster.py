"""Posting to a connection that does not take it, and streams on real threads."""

import json
import threading
from collections.abc import Sequence

import pytest

from shared.clock import Event, SystemClock
from shared.conversations.stream import Poster, Stream
from shared.mailbox.leases import LeaseLost
from shared.messaging.push import PushFailed, PushThrottled
from tests.conversations.stream_rig import Clients, allowed, play
from tests.mailbox.virtual import Virtual
from tests.support.clock import FakeClock

PATIENCE = 10.0


class Gateway:
    """Answers each post as planned, then with success; the same for `close`."""

    def __init__(
        self, posts: Sequence[bool | Exception] = (), closing: Exception | None = None
    ) -> None:
        self._posts = list(posts)
        self._closing = closing
        self.sent: list[tuple[str, bytes]] = []
        self.attempts = 0
        self.closed: list[str] = []

    def post(self, connection: str, data: bytes) -> bool:
        self.attempts += 1
        answer = self._posts.pop(0) if self._posts else True
        if isinstance(answer, Exception):
            raise answer
        if answer:
            self.sent.append((connection, data))
        return answer

    def close(self, connection: str) -> None:
        self.closed.append(connection)
        if self._closing:
            raise self._closing


NEVER = [PushThrottled()] * 100


@pytest.mark.parametrize("fault", [PushThrottled(), PushFailed()])
def test_it_tries_again_after_growing_pauses(fault: Exception) -> None:
    gateway, clock = Gateway([fault] * 3), FakeClock()

    assert Poster(gateway, clock).post("c1", b"text")
    assert gateway.sent == [("c1", b"text")]
    longest = [0.1, 0.2, 0.4]
    assert len(clock.sleeps) == len(longest)
    assert all(most / 2 <= slept <= most for slept, most in zip(clock.sleeps, longest, strict=True))


def test_a_connection_that_is_gone_is_not_tried_again() -> None:
    gateway, clock = Gateway([False]), FakeClock()

    assert not Poster(gateway, clock).post("c1", b"text")
    assert (gateway.attempts, gateway.closed, clock.sleeps) == (1, [], [])


def test_a_connection_that_takes_nothing_is_closed_in_the_end() -> None:
    gateway, clock = Gateway(NEVER), FakeClock()

    assert not Poster(gateway, clock).post("c1", b"text")
    assert gateway.attempts == 8
    assert gateway.closed == ["c1"]
    assert 4 < sum(clock.sleeps) < 10
    assert max(clock.sleeps) <= 3


@pytest.mark.parametrize("fault", [PushThrottled(), PushFailed()])
def test_a_connection_that_cannot_be_closed_either_counts_as_gone(fault: Exception) -> None:
    """Whoever is throttled is throttled at this too; the turn must go on."""
    gateway = Gateway(NEVER, closing=fault)

    assert not Poster(gateway, FakeClock()).post("c1", b"text")
    assert gateway.closed == ["c1"]


def test_the_check_is_made_before_each_attempt_and_ends_them() -> None:
    gateway = Gateway(NEVER)
    left = [1, 2, 3]

    def check() -> None:
        if not left:
            raise LeaseLost
        left.pop()

    with pytest.raises(LeaseLost):
        Poster(gateway, FakeClock()).post("c1", b"text", check)
    assert gateway.attempts == 3
    assert gateway.closed == []


def test_one_attempt_is_one() -> None:
    gateway, clock = Gateway([PushThrottled(), True, False]), FakeClock()
    poster = Poster(gateway, clock)

    with pytest.raises(PushThrottled):
        poster.attempt("c1", b"text")
    assert poster.attempt("c1", b"text")
    assert not poster.attempt("c1", b"text")
    assert (gateway.attempts, gateway.closed, clock.sleeps) == (3, [], [])


def test_one_connection_that_cannot_be_closed_does_not_silence_the_others() -> None:
    class Unclosable(Clients):
        def close(self, connection: str) -> None:
            super().close(connection)
            raise PushFailed

    virtual = Virtual()
    clients = Unclosable(virtual)
    clients.plan["bad"] = [*NEVER]
    stream = play(virtual, clients, [(0, "Hello"), (60, " again")], "bad", "good")

    assert (stream.gone, clients.closed) == (["bad"], ["bad"])
    assert len([name for _, name in clients.attempts if name == "bad"]) == 8
    assert clients.text("good") == "Hello again"


class Interrupted(FakeClock):
    """Somebody closes the stream while its task makes itself a new event to wait for."""

    def __init__(self) -> None:
        super().__init__()
        self.streams: list[Stream] = []
        self.closers: list[threading.Thread] = []

    def event(self) -> Event:
        event = super().event()
        if self.streams and not self.closers:
            closer = threading.Thread(target=self.streams[0].close, daemon=True)
            self.closers.append(closer)
            closer.start()
            # Long enough to get in between, if nothing keeps it out.
            closer.join(0.2)
        return event


def test_a_stream_that_is_closed_while_it_begins_to_wait_ends_all_the_same() -> None:
    gateway, clock = Gateway(), Interrupted()
    stream = Stream(Poster(gateway, clock), clock, ["c1"], request_id="r", check=allowed, window=0)
    clock.streams.append(stream)
    stream.text("Hello")

    clock.join(PATIENCE)
    clock.closers[0].join(PATIENCE)
    assert not clock.closers[0].is_alive()
    assert len(gateway.sent) == 1


class Twice(Gateway):
    """Says when it has been posted to for the second time."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = threading.Event(), threading.Event()

    def post(self, connection: str, data: bytes) -> bool:
        (self.second if self.first.is_set() else self.first).set()
        return super().post(connection, data)


def test_a_wait_that_is_over_is_over_though_the_clock_is_short_of_it() -> None:
    gateway, clock = Twice(), FakeClock()  # whose time stands still while an event is waited for
    stream = Stream(
        Poster(gateway, clock), clock, ["c1"], request_id="r", check=allowed, window=0.01
    )
    stream.text("Hello")
    assert gateway.first.wait(PATIENCE)
    stream.text(" again")

    assert gateway.second.wait(PATIENCE)
    stream.close()


@pytest.mark.parametrize("buffer", [1, 64])
def test_on_real_threads_nothing_is_lost_nor_out_of_order(buffer: int) -> None:
    gateway, clock = Gateway(), SystemClock()
    words = [f"{number} " for number in range(5000)]
    stream = Stream(
        Poster(gateway, clock),
        clock,
        ["c1", "c2"],
        request_id="r",
        check=allowed,
        window=0,
        buffer=buffer,
    )
    for number, word in enumerate(words):
        say = stream.reasoning if number // 100 % 2 else stream.text
        say(word)
    stream.close()

    for name in ("c1", "c2"):
        sent = [json.loads(data) for connection, data in gateway.sent if connection == name]
        assert "".join(event["token"] for event in sent) == "".join(words)
    assert stream.gone == []

"""Posting to a connection that does not take it, and ending a stream at an awkward moment."""

import threading
from collections.abc import Sequence

import pytest

from shared.clock import Event
from shared.conversations.stream import Poster, Stream
from shared.mailbox.leases import LeaseLost
from shared.messaging.push import PushFailed, PushThrottled
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
    assert len(clock.sleeps) == 3
    assert max(clock.sleeps) <= 3


def test_a_connection_that_is_gone_is_not_tried_again() -> None:
    gateway, clock = Gateway([False]), FakeClock()

    assert not Poster(gateway, clock).post("c1", b"text")
    assert (gateway.attempts, gateway.closed, clock.sleeps) == (1, [], [])


def test_a_connection_that_takes_nothing_is_closed_in_the_end() -> None:
    gateway, clock = Gateway(NEVER), FakeClock()

    assert not Poster(gateway, clock).post("c1", b"text")
    assert gateway.attempts == 8
    assert gateway.closed == ["c1"]
    assert sum(clock.sleeps) < 25


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


def test_one_connection_that_cannot_be_closed_does_not_silence_the_others() -> None:
    gateway, clock = Gateway(NEVER[:8], closing=PushFailed()), FakeClock()
    stream = Stream(
        Poster(gateway, clock), clock, ["bad", "good"], request_id="r", check=_held, window=0
    )
    stream.text("Hello")
    stream.close()

    assert stream.gone == ["bad"]
    assert [name for name, _ in gateway.sent] == ["good"]


def _held() -> None:
    """The lease is held."""


class Interrupted(FakeClock):
    """Somebody acts while the stream's task makes itself a new event."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[Event] = []
        self.streams: list[Stream] = []
        self.closers: list[threading.Thread] = []

    def event(self) -> Event:
        event = super().event()
        self.made.append(event)
        if len(self.made) == 3:
            closer = threading.Thread(target=self.streams[0].close, daemon=True)
            closer.start()
            self.closers.append(closer)
            # Long enough to get in between, if nothing keeps it out.
            self.made[1].wait(0.2)
        return event


def test_a_stream_that_is_closed_while_it_begins_to_wait_ends_all_the_same() -> None:
    gateway, clock = Gateway(), Interrupted()
    stream = Stream(Poster(gateway, clock), clock, ["c1"], request_id="r", check=_held, window=0)
    clock.streams.append(stream)
    stream.text("Hello")

    clock.join(PATIENCE)
    clock.closers[0].join(PATIENCE)
    assert not clock.closers[0].is_alive()
    assert len(gateway.sent) == 1

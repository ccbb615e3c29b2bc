"""What a stream holds for slow connections, and how long it holds up the model for them."""

import pytest

from shared.conversations.outbox import MAX_HELD
from shared.conversations.stream import MAX_PIECE, PATIENCE, Stream
from shared.mailbox.leases import LeaseLost
from tests.conversations.stream_rig import BUFFER, Clients, nodes, numbers, steps, stream_of
from tests.mailbox.virtual import Virtual


@pytest.fixture
def virtual() -> Virtual:
    return Virtual()


@pytest.fixture
def clients(virtual: Virtual) -> Clients:
    return Clients(virtual, seconds=0.01)


def test_a_post_that_hangs_holds_up_the_model_once_and_not_for_long(
    virtual: Virtual, clients: Clients
) -> None:
    clients.seconds = 60
    stream, waits = steps(virtual, clients, 20)
    within = 1 + BUFFER
    expected = [0] * within + [PATIENCE] + [0] * (20 - within - 1)
    assert waits == pytest.approx(expected)
    assert nodes(clients, "c1") == ["0"], "nothing is sent past a hole"
    assert (clients.closed, stream.gone) == (["c1"], ["c1"])


def test_one_that_catches_up_in_time_stays(virtual: Virtual, clients: Clients) -> None:
    clients.seconds = 0.35
    stream, waits = steps(virtual, clients, 7)
    assert nodes(clients, "c1") == numbers(7)
    assert 0 < sum(waits) < PATIENCE
    assert stream.gone == []


def test_the_patience_is_counted_anew_once_it_has_caught_up(
    virtual: Virtual, clients: Clients
) -> None:
    """A long turn may hold a connection up now and then."""
    clients.seconds = 0.5

    def turn() -> float:
        stream = stream_of(virtual, clients, buffer=BUFFER)
        waited = 0.0
        for _ in range(10):
            began = virtual.hub.time
            for number in range(7):
                stream.chunk(str(number), {})
            waited += virtual.hub.time - began
            virtual.clock.sleep(10)
        stream.close()
        assert stream.gone == []
        return waited

    assert virtual.run(turn) > 2 * PATIENCE
    assert nodes(clients, "c1") == numbers(7) * 10


def test_text_is_bounded_too(virtual: Virtual, clients: Clients) -> None:
    """However few events it makes."""
    clients.seconds = 60
    pieces = 2 * MAX_HELD // MAX_PIECE

    def turn() -> tuple[int, Stream]:
        stream = stream_of(virtual, clients, buffer=10_000)
        stream.text("a")
        virtual.clock.sleep(1)
        at_once = 0
        for _ in range(pieces):
            stream.text("x" * MAX_PIECE)
            at_once += virtual.hub.time == 1
        stream.close()
        return at_once, stream

    at_once, stream = virtual.run(turn)
    assert at_once == MAX_HELD // MAX_PIECE
    assert stream.gone == ["c1"]


def test_only_what_waits_counts(virtual: Virtual, clients: Clients) -> None:
    """A connection that keeps up, with something waiting most of the time."""
    clients.seconds = 0.5

    def turn() -> list[float]:
        stream = stream_of(virtual, clients)
        waits = []
        for _ in range(3 * MAX_HELD // 4000):
            virtual.clock.sleep(0.25)
            began = virtual.hub.time
            stream.text("x" * 4000)
            waits.append(virtual.hub.time - began)
        stream.close()
        return waits

    assert set(virtual.run(turn)) == {0.0}
    assert len(clients.text()) > 2 * MAX_HELD


def test_a_text_that_is_larger_than_all_that_may_wait_goes_through(
    virtual: Virtual, clients: Clients
) -> None:
    text = "".join(chr(97 + number % 26) for number in range(3 * MAX_HELD))

    def turn() -> Stream:
        stream = stream_of(virtual, clients, buffer=1)
        stream.text(text)
        stream.close()
        return stream

    stream = virtual.run(turn)
    assert clients.text() == text
    assert stream.gone == []


@pytest.mark.parametrize("end", ["close", "abandon"])
def test_whoever_waits_for_room_goes_on_when_another_thread_ends_the_stream(
    virtual: Virtual, clients: Clients, end: str
) -> None:
    clients.seconds = 1.0

    def turn() -> float:
        stream = stream_of(virtual, clients, buffer=1)
        virtual.at(0.5, getattr(stream, end))
        for number in range(5):
            stream.chunk(str(number), {})
        return virtual.hub.time

    assert virtual.run(turn) == 0.5
    virtual.pass_time(100)
    assert nodes(clients, "c1") == numbers(2 if end == "close" else 1)
    assert clients.closed == []


def test_whoever_waits_for_room_goes_on_when_the_lease_is_lost(
    virtual: Virtual, clients: Clients
) -> None:
    clients.seconds = 1.0

    def check() -> None:
        if virtual.hub.time >= 1:
            raise LeaseLost

    stream, waits = steps(virtual, clients, 20, pause=0, check=check)
    assert sum(waits) == 1.0
    assert nodes(clients, "c1") == ["0"]
    assert (stream.gone, clients.closed) == ([], [])

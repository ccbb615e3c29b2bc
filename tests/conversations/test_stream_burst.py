"""Bursts, and connections of different speed: who keeps up is not closed, nor delayed."""

import pytest

from shared.conversations.outbox import GROWTH
from shared.conversations.senders import MANY
from shared.conversations.stream import PATIENCE, Stream
from tests.conversations.stream_rig import BUFFER, WINDOW, Clients, nodes, numbers, stream_of
from tests.mailbox.virtual import Virtual

CLOCK_ERROR = 1e-6


@pytest.fixture
def virtual() -> Virtual:
    return Virtual()


@pytest.fixture
def clients(virtual: Virtual) -> Clients:
    return Clients(virtual)


def burst(
    virtual: Virtual, clients: Clients, count: int, *names: str, seconds: float = 60, buffer: int
) -> tuple[Stream, list[float]]:
    """So many steps at once; the stream, and how long each took to say."""

    def turn() -> tuple[Stream, list[float]]:
        stream = stream_of(virtual, clients, *names, buffer=buffer)
        waits = []
        for number in range(count):
            began = virtual.hub.time
            stream.chunk(str(number), {})
            waits.append(virtual.hub.time - began)
        stream.close(seconds)
        return stream, waits

    return virtual.run(turn)


@pytest.mark.parametrize("post", [0.02, 0.05, 0.1, 0.5, 1.5])
def test_a_reply_with_64_calls_closes_nobody_who_takes_posts(
    virtual: Virtual, clients: Clients, post: float
) -> None:
    clients.seconds = post
    stream, waits = burst(virtual, clients, 128, "c1", buffer=64, seconds=300)
    assert nodes(clients, "c1") == numbers(128)
    assert (stream.gone, clients.closed) == ([], [])
    assert sum(waits) <= PATIENCE + CLOCK_ERROR


def test_one_that_takes_posts_but_stays_too_far_behind_is_closed(
    virtual: Virtual, clients: Clients
) -> None:
    clients.slow["slow"] = 1.5
    clients.seconds = 0.01
    stream, waits = burst(virtual, clients, 100, "slow", "good", buffer=BUFFER)
    assert (clients.closed, stream.gone) == (["slow"], ["slow"])
    assert nodes(clients, "good") == numbers(100)
    assert max(waits) <= PATIENCE + CLOCK_ERROR
    assert nodes(clients, "slow") == numbers(2), "a beginning"


def test_how_far_it_may_be_behind(virtual: Virtual, clients: Clients) -> None:
    clients.seconds = 1.5
    taken = 2
    for more, gone in ((0, []), (1, ["c1"])):
        virtual, count = Virtual(), taken + GROWTH * BUFFER + more
        slow = Clients(virtual, seconds=1.5)
        stream, _ = burst(virtual, slow, count, "c1", buffer=BUFFER)
        assert stream.gone == gone


def test_one_that_gets_stuck_when_the_patience_is_used_up_is_closed_without_a_wait(
    virtual: Virtual, clients: Clients
) -> None:
    clients.seconds = 0.5
    room = 100

    def turn() -> tuple[Stream, list[float]]:
        stream = stream_of(virtual, clients, buffer=room)
        waits = []
        for number in range(room + 10):
            began = virtual.hub.time
            stream.chunk(str(number), {})
            waits.append(virtual.hub.time - began)
        assert sum(waits) == pytest.approx(PATIENCE)
        clients.seconds = 600
        for number in range(4):
            virtual.clock.sleep(1)
            began = virtual.hub.time
            stream.chunk(str(number), {})
            waits.append(virtual.hub.time - began)
        gone = list(stream.gone)
        stream.abandon()
        assert gone == ["c1"]
        return stream, waits

    _, waits = virtual.run(turn)
    assert sum(waits) == pytest.approx(PATIENCE)


def test_one_long_text_holds_the_model_up_no_longer_than_one_word(
    virtual: Virtual, clients: Clients
) -> None:
    def turn() -> float:
        stream = stream_of(virtual, clients)
        began = virtual.hub.time
        stream.text("x" * 1_000_000)
        waited = virtual.hub.time - began
        stream.close(60)
        assert stream.gone == []
        return waited

    assert 0 < virtual.run(turn) <= PATIENCE + CLOCK_ERROR
    assert clients.text() == "x" * 1_000_000


def test_a_slow_one_does_not_slow_down_the_fast_one(virtual: Virtual, clients: Clients) -> None:
    clients.slow = {"fast": 0.02, "slow": 1.0}
    tokens = 500

    def turn() -> tuple[Stream, float]:
        stream = stream_of(virtual, clients, "fast", "slow")
        for _ in range(tokens):
            virtual.clock.sleep(0.01)
            stream.text("word ")
        last = virtual.hub.time
        stream.close()
        return stream, last

    stream, last = virtual.run(turn)
    assert clients.text("fast") == clients.text("slow") == "word " * tokens
    assert clients.got("fast")[-1].ended - last <= WINDOW + 0.02 + CLOCK_ERROR
    assert stream.gone == []


def test_many_connections_get_fewer_posts_each(virtual: Virtual, clients: Clients) -> None:
    clients.seconds = 0.001
    names = [f"c{number}" for number in range(4 * MANY)]

    def turn() -> None:
        stream = stream_of(virtual, clients, *names)
        for _ in range(100):
            stream.text("x")
            virtual.clock.sleep(0.01)
        stream.close()

    virtual.run(turn)
    for name in names:
        times = clients.times("stream_token", name)
        assert clients.text(name) == "x" * 100
        assert times[0] == 0, "the first goes out at once"
        assert times[1] == pytest.approx(4 * WINDOW)
    assert len(clients.posts) <= len(names) * (1 / (4 * WINDOW) + 2)

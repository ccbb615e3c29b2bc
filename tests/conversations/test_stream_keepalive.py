"""A client hears something at least every 30 seconds of a turn, from its acknowledgement on."""

from collections.abc import Callable

import pytest

from shared.conversations.stream import Stream
from shared.mailbox.leases import LeaseLost
from shared.messaging.push import PushFailed, PushThrottled
from tests.conversations.stream_rig import Clients, allowed, stream_of
from tests.mailbox.virtual import Virtual


@pytest.fixture
def virtual() -> Virtual:
    return Virtual()


@pytest.fixture
def clients(virtual: Virtual) -> Clients:
    return Clients(virtual)


Says = Callable[[Stream], object]


def hold(
    virtual: Virtual,
    clients: Clients,
    *says: tuple[float, Says],
    until: float,
    check: Callable[[], None] = allowed,
    connections: tuple[str, ...] = ("c1",),
    settle_until: int = 0,
) -> Stream:
    """A stream that says things at these times and ends at `until`."""

    def turn() -> Stream:
        stream = stream_of(virtual, clients, *connections, check=check, settle_until=settle_until)
        for at, say in says:
            virtual.clock.sleep(at - virtual.hub.time)
            say(stream)
        virtual.clock.sleep(until - virtual.hub.time)
        stream.close()
        return stream

    return virtual.run(turn)


def test_a_model_that_thinks_for_long_is_bridged(virtual: Virtual, clients: Clients) -> None:
    hold(virtual, clients, (100, lambda stream: stream.text("a")), until=101)
    assert clients.times("keepalive") == [30, 60, 90]
    assert clients.tokens() == ["a"]
    assert {post.event["requestId"] for post in clients.posts} == {"r"}


def test_the_silence_begins_with_the_last_post(virtual: Virtual, clients: Clients) -> None:
    hold(
        virtual,
        clients,
        (20, lambda stream: stream.text("a")),
        (49, lambda stream: stream.chunk("step", {})),
        until=110,
    )
    assert clients.times("keepalive") == [79, 109]


def test_a_turn_that_speaks_needs_none(virtual: Virtual, clients: Clients) -> None:
    def word(stream: Stream) -> None:
        stream.text("a")

    hold(virtual, clients, *[(at, word) for at in range(0, 300, 29)], until=300)
    assert clients.times("keepalive") == []


def test_none_comes_before_the_acknowledgement(virtual: Virtual, clients: Clients) -> None:
    settle = virtual.clock.now() + 40_000
    hold(virtual, clients, until=75, settle_until=settle)
    assert clients.times("keepalive") == [pytest.approx(70)]


@pytest.mark.parametrize("end", ["close", "abandon"])
def test_none_comes_after_the_end(virtual: Virtual, clients: Clients, end: str) -> None:
    def turn() -> float:
        stream = stream_of(virtual, clients)
        virtual.clock.sleep(29.99)
        getattr(stream, end)()
        return virtual.hub.time

    assert virtual.run(turn) == 29.99, "and the end does not wait for one"
    virtual.pass_time(300)
    assert clients.attempts == []


def test_none_comes_without_the_lease(virtual: Virtual, clients: Clients) -> None:
    def check() -> None:
        if virtual.hub.time > 40:
            raise LeaseLost

    stream = hold(virtual, clients, until=200, check=check)
    assert clients.times("keepalive") == [30]
    assert stream.gone == []


@pytest.mark.parametrize("fault", [PushThrottled("slow"), PushFailed("500")])
def test_one_that_is_not_taken_is_not_missed(
    virtual: Virtual, clients: Clients, fault: Exception
) -> None:
    clients.plan["c1"] = [fault] * 20
    stream = hold(virtual, clients, until=601)
    assert [began for began, _ in clients.attempts] == [30.0 * n for n in range(1, 21)]
    assert (stream.gone, clients.closed) == ([], [])


def test_who_has_gone_meanwhile_is_noticed(virtual: Virtual, clients: Clients) -> None:
    clients.plan["c2"] = [True, False]
    stream = hold(virtual, clients, until=100, connections=("c1", "c2"))
    assert stream.gone == ["c2"]
    assert len(clients.times("keepalive")) == 3


def test_each_connection_has_its_own_silence(virtual: Virtual, clients: Clients) -> None:
    """One that is throttled waits for its text, not for a keepalive."""
    clients.seconds = 0
    clients.plan["c2"] = [PushThrottled("slow")] * 3
    hold(
        virtual,
        clients,
        (10, lambda stream: stream.text("a")),
        until=41,
        connections=("c1", "c2"),
    )
    late = clients.times("stream_token", "c2")[0]
    assert clients.times("keepalive") == [40]
    assert clients.times("keepalive", "c2") == [late + 30]

"""A stream, when the credential of one of its connections runs out."""

from collections.abc import Callable

import pytest

from shared.conversations.stream import Stream
from shared.messaging.push import PushFailed, PushThrottled
from shared.protocol import events
from tests.conversations.stream_rig import Clients, stream_of
from tests.mailbox.virtual import Virtual

PIECES = ["Hel", "lo ", "the", "re"]


@pytest.fixture
def virtual() -> Virtual:
    return Virtual()


@pytest.fixture
def clients(virtual: Virtual) -> Clients:
    return Clients(virtual, seconds=0.02)


def until(virtual: Virtual, **seconds: float) -> Callable[[str], bool]:
    """Connections that may hear it for so long; others always."""
    return lambda name: virtual.hub.time <= seconds.get(name, float("inf"))


def play(
    virtual: Virtual, clients: Clients, may_hear: Callable[[str], bool], *names: str
) -> Stream:
    """A piece each second, and the end."""

    def turn() -> Stream:
        stream = stream_of(virtual, clients, *names, may_hear=may_hear)
        for piece in PIECES:
            virtual.clock.sleep(1)
            stream.text(piece)
        stream.whole(events.encode(events.cancelled("r", at=1)))
        stream.close()
        return stream

    return virtual.run(turn)


def expiries(clients: Clients, name: str) -> list[float]:
    """When it was told to authenticate."""
    told = [post for post in clients.got(name) if post.event["type"] == "error"]
    for post in told:
        assert post.event["error"]["code"] == "AUTH_EXPIRED"
        assert post.event.get("requestId") is None
    return [post.began for post in told]


def test_it_is_told_once_in_place_of_the_next_piece(virtual: Virtual, clients: Clients) -> None:
    stream = play(virtual, clients, until(virtual, late=2.5), "late", "other")
    assert clients.text("late") == "Hello "
    assert expiries(clients, "late") == [3.0]
    assert clients.got("late")[-1].event["type"] == "error"
    assert clients.text("other") == "Hello there"
    assert clients.got("other")[-1].event["type"] == "cancelled"
    assert list(stream.expired) == ["late"]
    assert (list(stream.gone), clients.closed) == ([], [])


def test_it_is_told_in_place_of_a_keepalive(virtual: Virtual, clients: Clients) -> None:
    def turn() -> Stream:
        stream = stream_of(virtual, clients, may_hear=until(virtual, c1=5), keepalive=10.0)
        virtual.clock.sleep(35)
        stream.close()
        return stream

    stream = virtual.run(turn)
    assert expiries(clients, "c1") == [10.0]
    assert len(clients.got()) == 1
    assert list(stream.expired) == ["c1"]


def test_it_is_told_in_place_of_the_end(virtual: Virtual, clients: Clients) -> None:
    def turn() -> Stream:
        stream = stream_of(virtual, clients, may_hear=until(virtual, c1=0.5))
        virtual.clock.sleep(1)
        stream.whole(events.encode(events.cancelled("r", at=1)))
        stream.close()
        return stream

    stream = virtual.run(turn)
    assert [post.event["type"] for post in clients.got()] == ["error"]
    assert list(stream.expired) == ["c1"]


def test_a_post_that_fails_is_tried_again_as_what_is_due_then(
    virtual: Virtual, clients: Clients
) -> None:
    clients.plan["late"] = [True, True, PushThrottled("busy"), PushFailed("no answer")]
    stream = play(virtual, clients, until(virtual, late=2.5), "late")
    assert len(expiries(clients, "late")) == 1
    assert clients.text("late") == "Hello "
    assert list(stream.expired) == ["late"]


def test_who_renews_while_a_post_is_tried_again_misses_nothing(
    virtual: Virtual, clients: Clients
) -> None:
    """The piece that was due is still there when the connection may hear again."""
    clients.plan["c1"] = [True, PushThrottled("busy")]
    stream = play(virtual, clients, lambda _: not 2.0 <= virtual.hub.time < 2.05, "c1")
    assert clients.text() == "Hello there"
    assert expiries(clients, "c1") == []
    assert list(stream.expired) == []


def test_one_that_has_gone_meanwhile_is_gone(virtual: Virtual, clients: Clients) -> None:
    clients.plan["late"] = [True, True, False]
    stream = play(virtual, clients, until(virtual, late=2.5), "late", "other")
    assert (list(stream.expired), list(stream.gone)) == ([], ["late"])
    assert clients.text("other") == "Hello there"


def test_many_expire_and_none_holds_up_the_rest(virtual: Virtual, clients: Clients) -> None:
    names = [f"c{number}" for number in range(20)]
    ends = dict.fromkeys(names[1:], 1.5)
    stream = play(virtual, clients, until(virtual, **ends), *names)
    assert sorted(stream.expired) == sorted(names[1:])
    assert all(len(expiries(clients, name)) == 1 for name in names[1:])
    assert clients.text("c0") == "Hello there"
    assert virtual.hub.time < 6

"""How long the end of a stream takes, and who has got everything by then."""

import pytest

from shared.conversations.stream import PATIENCE, Stream
from shared.mailbox.leases import LeaseLost
from shared.messaging.push import PushFailed, PushThrottled
from shared.protocol import events
from tests.conversations.stream_rig import Clients, nodes, numbers, stream_of
from tests.mailbox.virtual import Virtual

STEPS = 60
CALL = 7.0
"""Seconds after which the adapter gives up a call that hangs."""


class Hanging(Clients):
    """Some connections answer nothing until the adapter gives up, closing included."""

    hung: tuple[str, ...] = ()

    def post(self, connection: str, data: bytes) -> bool:
        if connection in self.hung:
            self.attempts.append((self._virtual.hub.time, connection))
            self._virtual.clock.sleep(CALL)
            raise PushFailed("no answer")
        return super().post(connection, data)

    def close(self, connection: str) -> None:
        super().close(connection)
        if connection in self.hung:
            self._virtual.clock.sleep(CALL)
            raise PushFailed("no answer")


@pytest.fixture
def virtual() -> Virtual:
    return Virtual()


@pytest.fixture
def clients(virtual: Virtual) -> Hanging:
    return Hanging(virtual, seconds=0.02)


def terminal() -> bytes:
    return events.encode(events.cancelled("r", at=1))


def finish(
    virtual: Virtual, clients: Clients, *names: str, count: int = STEPS, seconds: float = PATIENCE
) -> tuple[Stream, float]:
    """Say steps and the terminal event, then close; the stream, and how long closing took."""

    def turn() -> tuple[Stream, float]:
        stream = stream_of(virtual, clients, *names)
        for number in range(count):
            stream.chunk(str(number), {})
        stream.whole(terminal())
        began = virtual.hub.time
        stream.close(seconds)
        return stream, virtual.hub.time - began

    stream, took = virtual.run(turn)
    attempts = len(clients.attempts)
    virtual.pass_time(100)
    assert len(clients.attempts) == attempts, "nothing is posted after the end"
    return stream, took


def test_a_slow_one_does_not_delay_the_end_of_the_others(
    virtual: Virtual, clients: Hanging
) -> None:
    clients.slow["c2"] = 1.0
    stream, took = finish(virtual, clients, "c1", "c2")
    assert nodes(clients, "c1") == [*numbers(STEPS), ""]
    assert clients.got("c1")[-1].ended == pytest.approx((STEPS + 1) * clients.seconds)
    assert took <= PATIENCE + 1.0
    assert (stream.gone, clients.closed) == (["c2"], ["c2"])


def test_nor_does_one_that_hangs(virtual: Virtual, clients: Hanging) -> None:
    clients.hung = ("c2", "c3")
    stream, took = finish(virtual, clients, "c1", "c2", "c3")
    assert nodes(clients, "c1") == [*numbers(STEPS), ""]
    assert clients.got("c1")[-1].ended == pytest.approx((STEPS + 1) * clients.seconds)
    assert took <= PATIENCE + CALL
    assert sorted(stream.gone) == sorted(clients.closed) == ["c2", "c3"]
    assert clients.closed_at == [PATIENCE, PATIENCE]


@pytest.mark.parametrize("seconds", [0.0, 0.5, 5.0])
def test_whoever_closes_says_for_how_long(
    virtual: Virtual, clients: Hanging, seconds: float
) -> None:
    clients.slow["c1"] = 0.4
    stream, took = finish(virtual, clients, "c1", seconds=seconds)
    assert seconds <= took <= seconds + 0.4
    assert stream.gone == ["c1"]


def test_it_returns_as_soon_as_everything_is_there(virtual: Virtual, clients: Hanging) -> None:
    stream, took = finish(virtual, clients, "c1", "c2", count=0, seconds=60)
    assert took == pytest.approx(clients.seconds)
    assert stream.gone == []


@pytest.mark.parametrize("fault", [PushThrottled("slow"), PushFailed("500")])
def test_the_terminal_event_is_tried_again(
    virtual: Virtual, clients: Hanging, fault: Exception
) -> None:
    clients.plan["c1"] = [fault] * 3
    stream, took = finish(virtual, clients, "c1", count=0)
    assert clients.said("c1") == [("cancelled", "")]
    assert took <= 0.1 + 0.2 + 0.4 + 4 * clients.seconds + 1e-6
    assert stream.gone == []


def test_but_not_for_longer_than_the_end_may_take(virtual: Virtual, clients: Hanging) -> None:
    clients.plan["c1"] = [PushThrottled("slow")] * 100
    stream, took = finish(virtual, clients, "c1", "c2", count=0, seconds=0.5)
    assert took == pytest.approx(0.5, abs=clients.seconds)
    assert clients.said("c2") == [("cancelled", "")]
    assert (stream.gone, clients.closed) == (["c1"], ["c1"])


def test_who_has_gone_by_the_end_is_named(virtual: Virtual, clients: Hanging) -> None:
    clients.plan["c1"] = [False]
    stream, _ = finish(virtual, clients, "c1", "c2", count=0)
    assert clients.said("c2") == [("cancelled", "")]
    assert (stream.gone, clients.closed) == (["c1"], [])


def test_the_terminal_event_goes_behind_a_full_outbox_without_waiting(
    virtual: Virtual, clients: Hanging
) -> None:
    def turn() -> float:
        stream = stream_of(virtual, clients, buffer=1)
        stream.text("a")
        virtual.clock.sleep(0.001)
        stream.chunk("step", {})
        began = virtual.hub.time
        stream.whole(terminal())
        waited = virtual.hub.time - began
        stream.close()
        stream.whole(terminal())
        return waited

    assert virtual.run(turn) == 0.0
    assert [kind for kind, _ in clients.said()] == ["stream_token", "stream_chunk", "cancelled"]


def test_a_turn_that_only_ends_has_been_used(virtual: Virtual, clients: Hanging) -> None:
    stream, _ = finish(virtual, clients, "c1", count=0)
    assert stream.used


def test_nobody_is_closed_at_the_end_without_the_lease(virtual: Virtual, clients: Hanging) -> None:
    clients.hung = ("c1",)

    def check() -> None:
        if virtual.hub.time > 1:
            raise LeaseLost

    def turn() -> Stream:
        stream = stream_of(virtual, clients, check=check)
        stream.text("a")
        stream.close()
        return stream

    stream = virtual.run(turn)
    assert (stream.gone, clients.closed) == ([], [])


def test_a_keepalive_that_hangs_at_the_end_costs_nobody_the_connection(
    virtual: Virtual, clients: Hanging
) -> None:
    """Nobody misses it; but closing waits for the post."""
    clients.hung = ("c1",)

    def turn() -> tuple[Stream, float]:
        stream = stream_of(virtual, clients)
        virtual.clock.sleep(30.5)
        stream.close()
        return stream, virtual.hub.time

    stream, ended = virtual.run(turn)
    assert ended == 30 + CALL
    assert (stream.gone, clients.closed) == ([], [])


def test_one_that_leaves_while_it_is_being_closed_is_named_once(
    virtual: Virtual, clients: Hanging
) -> None:
    clients.slow["c1"] = 5.0
    clients.plan["c1"] = [False]
    stream, took = finish(virtual, clients, "c1", count=1)
    assert (stream.gone, took) == (["c1"], 5.0)


@pytest.mark.parametrize("post", [0.05, 0.1])
def test_after_a_burst_one_that_keeps_taking_posts_is_waited_for(
    virtual: Virtual, clients: Hanging, post: float
) -> None:
    clients.slow = {"c1": post, "c2": 1.0}
    clients.hung = ("c3",)
    stream, took = drain(virtual, clients, draining=10.0)
    assert nodes(clients, "c1") == [*numbers(STEPS), ""]
    assert sorted(stream.gone) == ["c2", "c3"]
    assert clients.closed_at == [PATIENCE, PATIENCE], "who would not make it is not waited for"
    assert took <= PATIENCE + CALL


def test_but_not_for_ever(virtual: Virtual, clients: Hanging) -> None:
    clients.slow["c1"] = 0.15
    virtual.at(PATIENCE, lambda: clients.slow.update(c1=1.0))
    stream, took = drain(virtual, clients, draining=10.0)
    assert stream.gone == ["c1"]
    assert PATIENCE + 10.0 <= took <= PATIENCE + 10.0 + 1.0


def drain(virtual: Virtual, clients: Clients, draining: float) -> tuple[Stream, float]:
    """Say steps and the terminal event at once, then close."""

    def turn() -> tuple[Stream, float]:
        stream = stream_of(virtual, clients, "c1", "c2", "c3")
        for number in range(STEPS):
            stream.chunk(str(number), {})
        stream.whole(terminal())
        began = virtual.hub.time
        stream.close(draining=draining)
        return stream, virtual.hub.time - began

    return virtual.run(turn)

"""Who is closed because it holds up the model, and what becomes of the others."""

import pytest

from shared.conversations.stream import PATIENCE
from shared.mailbox.leases import LeaseLost
from shared.messaging.push import PushThrottled
from tests.conversations.stream_rig import BUFFER, Clients, nodes, numbers, steps, stream_of
from tests.mailbox.virtual import Virtual


@pytest.fixture
def virtual() -> Virtual:
    return Virtual()


@pytest.fixture
def clients(virtual: Virtual) -> Clients:
    return Clients(virtual, seconds=0.01)


def test_the_slow_one_is_closed_and_the_others_get_everything(
    virtual: Virtual, clients: Clients
) -> None:
    clients.plan["slow"] = [True, *[PushThrottled("slow")] * 100]
    stream, waits = steps(virtual, clients, 20, "slow", "good", pause=0.02)
    assert nodes(clients, "slow") == ["0"]
    assert nodes(clients, "good") == numbers(20)
    assert (clients.closed, stream.gone) == (["slow"], ["slow"])
    assert sum(waits) == pytest.approx(PATIENCE)


def test_nobody_waits_for_a_post_to_another(virtual: Virtual, clients: Clients) -> None:
    clients.slow["slow"] = 5.0
    stream, waits = steps(virtual, clients, 9, "good", "slow", pause=0.3)
    assert nodes(clients, "good") == numbers(9)
    assert nodes(clients, "slow") == ["0"]
    assert stream.gone == ["slow"]
    assert sum(waits) == pytest.approx(PATIENCE)
    late = [post.ended - post.began for post in clients.got("good")]
    assert late == pytest.approx([clients.seconds] * 9)


def test_those_that_hang_together_are_closed_together(virtual: Virtual, clients: Clients) -> None:
    clients.slow = {"c2": 600, "c3": 600}
    stream, waits = steps(virtual, clients, 50, "good", "c2", "c3")
    assert nodes(clients, "good") == numbers(50)
    assert sorted(stream.gone) == ["c2", "c3"]
    assert sum(waits) == pytest.approx(PATIENCE)


def test_one_that_hangs_is_closed_beside_its_post(virtual: Virtual, clients: Clients) -> None:
    """Its client need not wait for the time-out of the post to connect anew."""
    clients.slow["slow"] = 600
    steps(virtual, clients, 50, "good", "slow")
    full = 0.1 * (1 + BUFFER + 1)
    assert clients.closed_at == [pytest.approx(full + PATIENCE)]


def test_one_that_was_given_up_is_closed_even_if_the_rest_is_abandoned(
    virtual: Virtual, clients: Clients
) -> None:
    """It would wait for ever: nobody sends it the end of the turn."""
    clients.slow["slow"] = 60
    stream, _ = steps(virtual, clients, 7, "good", "slow", end="abandon")
    assert (clients.closed, stream.gone) == (["slow"], ["slow"])


def test_one_that_was_given_up_is_closed_at_once(virtual: Virtual, clients: Clients) -> None:
    """Not only when it would be tried again."""
    clients.seconds = 0
    clients.plan["c1"] = [PushThrottled("slow")] * 100
    steps(virtual, clients, 20, pause=0)
    assert clients.closed_at == [PATIENCE]


def test_nobody_is_closed_without_the_lease(virtual: Virtual, clients: Clients) -> None:
    clients.seconds = 60

    def check() -> None:
        if virtual.hub.time > 1:
            raise LeaseLost

    stream, _ = steps(virtual, clients, 20, check=check)
    assert (clients.closed, stream.gone) == ([], [])


def test_after_one_was_closed_the_others_have_the_usual_room(
    virtual: Virtual, clients: Clients
) -> None:
    clients.slow["slow"] = 5.0

    def turn() -> int:
        stream = stream_of(virtual, clients, "good", "slow", buffer=BUFFER)
        for number in range(BUFFER + 2):
            stream.chunk(str(number), {})
            virtual.clock.sleep(0.1)
        virtual.clock.sleep(60)
        assert stream.gone == ["slow"]
        clients.seconds = 1
        began = virtual.hub.time
        at_once = 0
        for number in range(10):
            stream.chunk(str(number), {})
            at_once += virtual.hub.time == began
        stream.close()
        return at_once

    assert virtual.run(turn) == 1 + BUFFER

"""The contract of the Wakes port.

An adapter's test file supplies `wakes`, and `receive`: it waits up to some seconds for wakes,
takes those that are there, and gives their mailboxes and epochs.
"""

from collections import Counter
from collections.abc import Callable

from shared.messaging.wakes import MAX_DELAY, Wake, Wakes

Receive = Callable[[int], list[tuple[str, int | None]]]

PATIENCE = 5
EMPTY_ROUNDS = 3


def take(receive: Receive, count: int) -> Counter[tuple[str, int | None]]:
    """The next wakes, at least `count` of them if so many come at all."""
    taken: Counter[tuple[str, int | None]] = Counter()
    empty = 0
    while taken.total() < count and empty < EMPTY_ROUNDS:
        received = receive(PATIENCE)
        taken.update(received)
        empty += not received
    return taken


class WakesContract:
    def test_a_wake_arrives(self, wakes: Wakes, receive: Receive) -> None:
        wakes.send([Wake("BOX#conversation#acme#1", "acme")])
        assert take(receive, 1) == {("BOX#conversation#acme#1", None): 1}

    def test_a_watch_wake_carries_its_epoch(self, wakes: Wakes, receive: Receive) -> None:
        wakes.send([Wake("BOX#a", "acme", epoch=0), Wake("BOX#b", "acme", epoch=41)])
        assert take(receive, 2) == {("BOX#a", 0): 1, ("BOX#b", 41): 1}

    def test_many_at_once(self, wakes: Wakes, receive: Receive) -> None:
        boxes = [f"BOX#{number}" for number in range(23)]
        wakes.send([])
        wakes.send([Wake(box, f"tenant-{box}") for box in boxes])
        assert take(receive, 23) == {(box, None): 1 for box in boxes}

    def test_any_tenant_and_any_mailbox(self, wakes: Wakes, receive: Receive) -> None:
        tenants = ["", " ", "a b", "é", "中" * 200, "x" * 129, 'q"\\#']
        sent = [Wake(f"BOX#{tenant}#1", tenant) for tenant in tenants]
        wakes.send(sent)
        assert take(receive, len(sent)) == {(wake.box, None): 1 for wake in sent}

    def test_a_delayed_wake_comes_later(self, wakes: Wakes, receive: Receive) -> None:
        never, later = Wake("BOX#never", "acme", MAX_DELAY), Wake("BOX#later", "acme", delay=1)
        wakes.send([never, later, Wake("BOX#now", "acme")])
        assert take(receive, 1) == {("BOX#now", None): 1}
        assert take(receive, 1) == {("BOX#later", None): 1}

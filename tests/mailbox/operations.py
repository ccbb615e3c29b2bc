"""Every operation of MAILBOX.md §2 as a value: what must stand before it, and the operation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.mailbox.box import Box, BoxKey
from shared.mailbox.deliveries import KIND, delivery
from shared.mailbox.jobs import Ending
from shared.mailbox.leases import Lease
from shared.mailbox.listeners import MAX_LISTENERS, Listener
from shared.storage.expressions import EXISTS, Assign, Increment
from shared.storage.table import Key, Update
from tests.mailbox.rig import BOX, Rig

USAGE = Key("USAGE#acme#day", "00")
CONN = Key("CONN#1", "CONN")
BESIDE = Key("BESIDE", "00")
APPROVAL = "approval"


@dataclass(frozen=True)
class Outside:
    """An operation that anybody may do."""

    name: str
    before: Callable[[Rig], Any]
    act: Callable[[Rig], Any]


@dataclass(frozen=True)
class Held:
    """An operation of the holder; `before` runs under the lease. `releases`: when the lease is
    lost it has nothing left to do, and says so instead of raising."""

    name: str
    before: Callable[[Rig, Lease], Any]
    act: Callable[[Rig, Lease, Box], Any]
    releases: bool = False


def nothing(*_: Any) -> None:
    """Nothing must stand before it."""


def fill(rig: Rig, count: int) -> None:
    for number in range(count):
        rig.add(f"J{number}")


def done_head(rig: Rig) -> None:
    """A full mailbox whose head has ended and was not popped yet."""
    fill(rig, 8)
    lease, _ = rig.take()
    rig.holder.finish(lease, rig.job("J0"), Ending(outcome="completed", terminal="t"))


def parked(rig: Rig, lease: Lease, **more: Any) -> None:
    rig.holder.park(lease, rig.job("A"), call="k", digest="d", body={"payload": {}}, **more)


def parked_beside(rig: Rig, lease: Lease) -> None:
    parked(rig, lease, waits="input", attrs={"ran": 5}, beside=beside("parked"))


def prompted(rig: Rig, expires_in: int = 60_000) -> Lease:
    rig.add("A")
    lease, _ = rig.take()
    parked(rig, lease)
    seen = rig.holder.read(lease).bell
    expires_at = rig.clock.now() + expires_in
    assert rig.holder.prompted(lease, rig.job("A"), "k", seen, expires_at, None)
    return lease


def asked(rig: Rig, lease: Lease, waits: str = APPROVAL) -> None:
    """Parked, pushed, and given back."""
    parked(rig, lease, waits=waits)
    box = rig.holder.read(lease)
    until = rig.clock.now() + 60_000
    assert rig.holder.show(lease, rig.job("A"), "k")
    assert rig.holder.prompted(lease, rig.job("A"), "k", box.bell, until, None)


def overdue(rig: Rig, lease: Lease) -> None:
    """A prompt whose time is over, under a lease that is held."""
    parked(rig, lease)
    past = {("pending", "expires_at"): rig.clock.now(), ("pending", "prompted_at"): 1}
    changes = [Assign(path, value) for path, value in past.items()]
    rig.table.update(Update(BOX.job("A"), changes))


def approved(rig: Rig, lease: Lease) -> None:
    parked(rig, lease)
    answer = rig.requests.decide(BOX, "A", call="k", digest="d", what="approved", who="ann")
    assert answer == "decided"


def come_back(rig: Rig) -> None:
    """A listener that has come back, and has not been told yet what it missed."""
    rig.requests.attach(BOX, Listener("s/1", back=("A", 0)))


def beside(name: str) -> list[Update]:
    """A write that rides along, and tells how often it was made."""
    return [Update(BESIDE, [Increment((name,), 1)])]


def decide_with_more(rig: Rig) -> Any:
    return rig.requests.decide(
        BOX,
        "A",
        call="k",
        digest="d",
        what="verified",
        who="ann",
        tries=0,
        beside=beside("decided"),
        more={"values": "{}"},
    )


def prompted_beside(rig: Rig, lease: Lease, box: Box) -> bool:
    until = rig.clock.now() + 9
    return rig.holder.prompted(lease, rig.job("A"), "k", box.bell, until, None, beside("prompted"))


def listeners(rig: Rig) -> None:
    for number in range(MAX_LISTENERS):
        rig.requests.attach(BOX, Listener(f"s/{number}"))
        rig.clock.advance(1)


def decide(rig: Rig) -> Any:
    return rig.requests.decide(BOX, "A", call="k", digest="d", what="approved", who="ann")


def finish(rig: Rig, lease: Lease, outcome: str = "completed") -> None:
    count = [Increment(("turns",), 1)]
    sent = delivery(rig.requests, BoxKey(KIND, "acme", "c1"), "https://x", "{}", rig.clock)
    ending = Ending(
        outcome=outcome,
        terminal="bye",
        log=[{"text": "hello"}, {"text": "bye"}],
        beside=[Update(USAGE, count)],
        queued=[sent],
    )
    rig.holder.finish(lease, rig.job("A"), ending)


def ended(rig: Rig, lease: Lease) -> None:
    rig.holder.finish(lease, rig.job("A"), Ending(outcome="completed", terminal="t"))


def ended_with_more(rig: Rig, lease: Lease) -> None:
    rig.add("B")
    ended(rig, lease)


def stopped_second(rig: Rig, lease: Lease) -> None:
    rig.add("B")
    rig.add("C")
    assert rig.requests.cancel(BOX, "B", who="ann")
    assert rig.requests.cancel(BOX, "C", who="ann")


def gone_but_noted(rig: Rig, lease: Lease) -> None:
    """A job left though it was noted as stopped, and another one was stopped too."""
    stopped_second(rig, lease)
    rig.table.update(Update(BOX.item, [Assign(("jobs",), ["A", "C"])]))


def append(rig: Rig, lease: Lease, **options: Any) -> Any:
    return rig.holder.append(lease, rig.job("A"), 0, [{"text": "a"}, {"text": "b"}], **options)


def riders(rig: Rig) -> Any:
    return rig.add("A", riders=[Update(CONN, [Increment(("frames",), 1)], EXISTS)])


def connection(rig: Rig) -> None:
    rig.table.update(Update(CONN, [Assign(("frames",), 0)]))


OUTSIDE = [
    Outside("add", nothing, lambda rig: rig.add("A")),
    Outside("add with a listener", nothing, lambda rig: rig.add("A", listener="s/1")),
    Outside("add with a rider", connection, riders),
    Outside("add beside a done head", done_head, lambda rig: rig.add("A")),
    Outside("add by a 33rd listener", listeners, lambda rig: rig.add("A", listener="s/x")),
    Outside("decide", prompted, decide),
    Outside("decide, with more", prompted, decide_with_more),
    Outside("tried", prompted, lambda rig: rig.requests.tried(BOX, "A", call="k", tries=0)),
    Outside("add behind a prompt", prompted, lambda rig: rig.add("B")),
    Outside("cancel", lambda rig: rig.add("A"), lambda r: r.requests.cancel(BOX, "A", who="a")),
    Outside("attach", nothing, lambda rig: rig.requests.attach(BOX, Listener("s/1"))),
    Outside("attach once more", come_back, lambda rig: rig.requests.attach(BOX, Listener("s/1"))),
    Outside("attach a 33rd", listeners, lambda rig: rig.requests.attach(BOX, Listener("s/x"))),
    Outside("detach", listeners, lambda rig: rig.requests.detach(BOX, "s/3")),
    Outside("take", lambda rig: rig.add("A"), lambda rig: rig.take()),
]

HELD = [
    Held("heartbeat", nothing, lambda r, lease, _: r.holder.heartbeat(lease)),
    Held("append", nothing, lambda r, lease, _: append(r, lease)),
    Held("append with a mark", nothing, lambda r, lease, _: append(r, lease, marks=["k"])),
    Held("append of a result", nothing, lambda r, lease, _: append(r, lease, result=True)),
    Held("mark", nothing, lambda r, lease, _: r.holder.mark(lease, r.job("A"), "k")),
    Held(
        "mark of what was approved",
        approved,
        lambda r, ls, _: r.holder.mark(ls, r.job("A"), "k", "d"),
    ),
    Held("park", nothing, lambda r, lease, _: parked(r, lease)),
    Held("park beside", nothing, lambda r, lease, _: parked_beside(r, lease)),
    Held("show", parked, lambda r, lease, _: r.holder.show(lease, r.job("A"), "k")),
    Held(
        "prompted",
        parked,
        lambda r, ls, b: r.holder.prompted(ls, r.job("A"), "k", b.bell, r.clock.now() + 9, None),
        releases=True,
    ),
    Held("prompted beside", parked_beside, prompted_beside, releases=True),
    Held(
        "expire beside",
        overdue,
        lambda r, lease, _: r.holder.expire(lease, r.job("A"), "k", beside("expired")),
    ),
    Held("expire", overdue, lambda r, lease, _: r.holder.expire(lease, r.job("A"), "k")),
    Held("finish", nothing, lambda r, lease, _: finish(r, lease)),
    Held("finish as cancelled", nothing, lambda r, lease, _: finish(r, lease, "cancelled")),
    Held("pop and let go", ended, lambda r, lease, box: r.holder.pop(lease, box)),
    Held("pop", ended_with_more, lambda r, lease, box: r.holder.pop(lease, box)),
    Held("let go", nothing, lambda r, ls, b: r.holder.let_go(ls, b.bell, 5, None), releases=True),
    Held("hand over", nothing, lambda r, ls, _: r.holder.hand_over(ls, cut=True), releases=True),
    Held("drop", stopped_second, lambda r, lease, box: r.holder.drop(lease, box, "B")),
    Held("drop a mere note", gone_but_noted, lambda r, lease, box: r.holder.drop(lease, box, "B")),
    Held("postpone", nothing, lambda r, lease, _: r.holder.postpone(lease, r.job("A"), 7, "no")),
]

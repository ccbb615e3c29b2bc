"""Who listens to a mailbox, and the bell that tells its holder that something happened."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from shared.clock import Clock
from shared.mailbox.box import Box, BoxKey, Heard
from shared.storage.expressions import (
    ABSENT,
    EXISTS,
    Assign,
    Change,
    Condition,
    Increment,
    Remove,
    attr,
)
from shared.storage.table import ConditionFailed, Item, Put, Table, Update

MAX_LISTENERS = 32
"""Connections that one mailbox streams to; the oldest gives way."""

ATTACH_TRIES = 8

NOT_GONE: Condition = attr("gone").absent()
"""What the mailbox belongs to is not being deleted."""

LIVE: Condition = EXISTS & NOT_GONE


@dataclass(frozen=True)
class Listener:
    """Somebody who hears a mailbox, by the name that means something to its handler, until then
    (ms; None: no end is set). `back`: it comes back to a job, as `Heard` says."""

    name: str
    until: int | None = None
    back: tuple[str, int] | None = None


class Listeners:
    """The bell and the listeners, over one table."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def ring(self, box: BoxKey) -> list[Change]:
        """The changes of a box by which its holder learns that something happened."""
        return [
            Increment(("bell",), 1),
            Assign(("due",), self._clock.now()),
            Assign(("due_shard",), box.shard),
        ]

    def attach(self, box: BoxKey, listener: Listener, *, ring: bool = False) -> Box | None:
        """Stream the mailbox's events to the listener; the mailbox as it is then, None if there is
        none, or it is `gone`. With `ring`, whoever runs a job that is in it then will tell the
        listener how that ended; the caller sends a wake. One that has come back to a job and has
        not been told yet what it missed goes on waiting for that."""
        heard = self.hears(listener)
        ringing = self.ring(box) if ring else []
        room = attr("conns", listener.name).present() | attr("conns").size_below(MAX_LISTENERS)
        for _ in range(ATTACH_TRIES):
            changes, condition = [heard, *ringing], LIVE & room
            if listener.back is None:
                condition &= attr("conns", listener.name, 2).absent()
            try:
                made = self._table.update(Update(box.item, changes, condition))
            except ConditionFailed as failed:
                item = failed.failures.get(0)
                if item is None:
                    return None
                seen = Box.read(box, item)
                if seen.gone:
                    return None
                known = seen.conns.get(listener.name)
                if known is not None and known.back is not None:
                    with suppress(ConditionFailed):  # it has just been told
                        return self._attached_already(box, listener, ringing)
                    continue
                oldest = seen.oldest
                with suppress(ConditionFailed):  # somebody else made room with the same one
                    room_made = LIVE & attr("conns", oldest).present()
                    evicted = [*changes, Remove(("conns", oldest))]
                    return Box.read(box, self._table.update(Update(box.item, evicted, room_made)))
            else:
                return Box.read(box, made)
        return None

    def _attached_already(self, box: BoxKey, listener: Listener, ringing: Sequence[Change]) -> Box:
        """The listener has come back, and may hear until another time by now."""
        until = Assign(("conns", listener.name, 1), listener.until)
        waits = EXISTS & attr("conns", listener.name, 2).present()
        return Box.read(box, self._table.update(Update(box.item, [until, *ringing], waits)))

    def hears(self, listener: Listener) -> Change:
        """The change of a box by which the listener hears it."""
        return Assign(("conns", listener.name), _heard(listener, self._clock))

    def told(self, box: BoxKey, name: str, heard: Heard) -> None:
        """Note that a listener that had come back knows what it missed, unless it has come back
        once more meanwhile: whoever goes on with the job tells it no more than what comes."""
        same = attr("conns", name, 0).eq(heard.since) & attr("conns", name, 2).present()
        known = [heard.since] if heard.until is None else [heard.since, heard.until]
        with suppress(ConditionFailed):
            self._table.update(Update(box.item, [Assign(("conns", name), known)], same))

    def detach(self, box: BoxKey, listener: str, *, until: int | None = None) -> None:
        """Stop streaming to the listener of this name; if `until` is given, only if it may hear
        until then and no longer."""
        heard = attr("conns", listener).present()
        if until is not None:
            heard = attr("conns", listener, 1).eq(until)
        try:
            self._table.update(Update(box.item, [Remove(("conns", listener))], heard))
        except ConditionFailed:
            return


def new_box(
    box: BoxKey, clock: Clock, listener: Listener | None = None, *, next_at: int | None = None
) -> Put:
    """The write that makes an empty mailbox, beside whatever it belongs to; somebody looks at it
    at `next_at` (ms), if that is given."""
    conns = {listener.name: _heard(listener, clock)} if listener else {}
    attrs = {"jobs": [], "stops": [], "bell": 0, "due_shard": box.shard, "conns": conns}
    if next_at is not None:
        attrs |= {"next_at": next_at, "due": next_at}
    return Put(Item(box.item, attrs), ABSENT)


def _heard(listener: Listener, clock: Clock) -> list[Any]:
    if listener.back is not None:
        return [clock.now(), listener.until, list(listener.back)]
    return [clock.now()] if listener.until is None else [clock.now(), listener.until]

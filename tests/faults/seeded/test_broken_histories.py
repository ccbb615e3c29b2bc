"""The audit finds what it is there for: a rule about histories is broken on purpose here, and some
seed is caught. One more is in `test_histories.py`."""

import itertools
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.backends import call_records, history
from shared.backends.call_records import Delivered
from shared.backends.control_plane import CallRecord
from shared.backends.record_endings import delivered
from shared.conversations import listing
from shared.conversations.closing import Closing
from shared.conversations.items import meta_key
from shared.conversations.notices import Notices
from shared.conversations.recording import Recorded, Recording
from shared.identity.principal import Principal
from shared.mailbox.box import BoxKey, Job
from shared.mailbox.jobs import Ending, Jobs
from shared.mailbox.leases import Lease
from shared.messaging.wakes import Wake
from shared.storage.expressions import Assign
from shared.storage.table import ConditionFailed, Update
from tests.faults.seeded import world as worlds
from tests.faults.seeded.chaos import Rates
from tests.faults.seeded.run import run

SEEDS = range(300, 340)
"""They are tried until one is caught."""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


Breaks = Callable[[pytest.MonkeyPatch], None]


def _ends_at_once(patch: pytest.MonkeyPatch) -> None:
    def end(self: Any, principal: Principal, box: BoxKey) -> None:
        meta = self._table.get([meta_key(box)])[0]
        attrs, now = meta.attrs, self._clock.now()
        closed = self._recording.end(box, attrs.get("history", {}), attrs["count"], now)
        if closed is None:
            return
        noted = Update(meta_key(box), [Assign(("history",), closed.history)])
        try:
            self._table.write([noted, *closed.queued.writes])
        except ConditionFailed:
            self._table.write([noted, *closed.queued.overflow])
        self._wakes.send([Wake(closed.box.pk, closed.box.tenant)])

    patch.setattr(Closing, "end", end)


def _forgets_what_is_unlisted(patch: pytest.MonkeyPatch) -> None:
    pop = Jobs.pop
    patch.setattr(
        Jobs, "pop", lambda self, lease, box: pop(self, lease, replace(box, unlisted=False))
    )


def _key_of_an_attempt(patch: pytest.MonkeyPatch) -> None:
    key_of = call_records.key_of
    patch.setattr(call_records, "key_of", lambda job: f"{key_of(job)}/{job.attempts}")


def _says_it_otherwise(patch: pytest.MonkeyPatch) -> None:
    numbers = itertools.count()

    def record(**fields: Any) -> CallRecord:
        return CallRecord(**{**fields, "source": f"external {next(numbers)}"})

    patch.setattr(call_records, "CallRecord", record)


def _outside_the_transaction(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(worlds, "weather", lambda _rng: Rates(kill=0.03))
    finish = Jobs.finish

    def apart(self: Any, lease: Lease, job: Job, ending: Ending, *, at_head: bool = True) -> Ending:
        made = finish(self, lease, job, replace(ending, queued=()), at_head=at_head)
        for queued in ending.queued:
            try:
                self._table.write(queued.writes)
            except ConditionFailed:
                if queued.overflow:
                    self._table.write(queued.overflow)
        return made

    patch.setattr(Jobs, "finish", apart)


def _given_up_in_secret(patch: pytest.MonkeyPatch) -> None:
    def given_up(job: Job, attrs: Any) -> Ending:
        return Ending(outcome="dead", terminal="", attrs=attrs, keep_seconds=None)

    patch.setattr(history, "given_up", given_up)


def _any_answer_will_do(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        history.History,
        "_failed",
        lambda self, activation, fault: delivered(activation.job, Delivered({})),
    )


def _call_stays_open(patch: pytest.MonkeyPatch) -> None:
    end = Recording.end

    def still_open(self: Any, box: BoxKey, before: Any, count: int, now: int) -> Recorded | None:
        made = end(self, box, before, count, now)
        return replace(made, history=dict(before)) if made else None

    patch.setattr(Recording, "end", still_open)


def _never_looks_again(patch: pytest.MonkeyPatch) -> None:
    of = Notices.of
    patch.setattr(Notices, "of", lambda *given: replace(of(*given), next_at=None))


def _ends_what_is_not_theirs(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(listing, "may", lambda *_: True)


def _sent_twice(patch: pytest.MonkeyPatch) -> None:
    say = call_records.Delivery._say

    def twice(self: Any, call: str, message: Any) -> None:
        say(self, call, message)
        say(self, call, message)

    patch.setattr(call_records.Delivery, "_say", twice)


BROKEN: dict[str, tuple[Breaks, str]] = {
    "an end that does not wait for what is said": (_ends_at_once, "is recorded as"),
    "a mailbox let go with records that are not listed": (
        _forgets_what_is_unlisted,
        "are not at rest",
    ),
    "a key for each attempt": (_key_of_an_attempt, "is the key of no record"),
    "a repeat that says something else": (_says_it_otherwise, "was told otherwise"),
    "records written after the turn": (_outside_the_transaction, "has no record"),
    "a record that is not counted as missing": (_given_up_in_secret, "said HistoryState("),
    "a record that was not taken": (_any_answer_will_do, "delivered, is there 0 times"),
    "a call that ends twice": (_call_stays_open, "is recorded as"),
    "a conversation that rests for ever": (_never_looks_again, "s too late"),
    "an end by somebody else": (_ends_what_is_not_theirs, "refused=False) of "),
    "a record that is sent twice": (_sent_twice, "for no reason"),
}
"""How each is broken, and how the audit says so."""


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_rule_is_found(rule: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    breaks, found = BROKEN[rule]
    breaks(monkeypatch)
    assert any(found in each for seed in SEEDS for each in run(seed, tmp_path, history=True)), (
        "no seed was caught"
    )

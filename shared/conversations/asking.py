"""How a turn under a lease waits for people: its prompts, their answers, and what a session knows
of its user."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.conversations import approval_items, prompts
from shared.conversations.code_offers import CodeOffers
from shared.conversations.items import session_key
from shared.identity.principal import Principal
from shared.mailbox.box import Job
from shared.mailbox.handler import Activation
from shared.runner.prompts import APPROVAL, CODE, DENIED, SUBMITTED, Answer, Parked, Prompt
from shared.storage.expressions import EXISTS, Assign
from shared.storage.table import ConditionFailed, Key, Table, Update
from shared.tools.port import ToolFault

MAX_PROMPTS = 100
"""How often people are asked in one turn."""


@dataclass(frozen=True, kw_only=True)
class People:
    """How people are asked. `seconds` is the time that they have to answer, unless the tool says
    something else."""

    codes: CodeOffers
    seconds: float = 300


class Asking(ABC):
    """The part of a turn's host that deals with people. `recorded` is kept with a turn that waits,
    to go on with its configuration."""

    recorded: Mapping[str, Any]
    verified: dict[str, str]
    """The address that the session's user has shown to be theirs, by the calls that asked for
    it."""

    def __init__(self, activation: Activation, table: Table, people: People) -> None:
        self._activation = activation
        self._table = table
        self._people = people
        self.recorded = {}
        self.verified = {}

    @abstractmethod
    def ran(self) -> int:
        """Milliseconds that the turn has run so far; the time that it waits is none of them."""

    def answer(self, key: str) -> Answer | None:
        job = self._activation.job
        decision = job.decision(key)
        if decision is None:
            return None
        what, digest = decision["what"], decision.get("hash", "")
        if what == DENIED:
            item = self._table.get([approval_items.approval_key(job.key, job.ref, key)])[0]
            return Answer(what=what, digest=digest, note=str(item.attrs["note"]) if item else "")
        if what == SUBMITTED:
            return Answer(what=what, digest=digest, values=filled_in(self._table, job, key))
        return Answer(what=what, digest=digest)

    def shown(self, key: str) -> bool:
        pending = self._activation.job.pending
        return pending is not None and pending.call == key and pending.shown_at is not None

    def park(self, prompt: Prompt) -> Answer:
        activation = self._activation
        job, now = activation.job, activation.clock.now()
        self._may_ask()
        kept = prompts.stored(job, prompt, at=now, seconds=self._time_for(prompt))
        activation.holder.park(
            activation.lease,
            job,
            call=prompt.key,
            digest=prompt.digest,
            body={**job.body, "prompt": kept, "recorded": dict(self.recorded)},
            waits=prompts.waits_for(prompt.kind),
            attrs={"ran": self.ran()},
            beside=[approval_items.asked(job, kept)] if prompt.kind == APPROVAL else [],
        )
        raise Parked

    def _may_ask(self) -> None:
        """What was decided is kept with the turn, which must stay small enough to be ended."""
        if len(self._activation.job.attrs.get("decisions", {})) >= MAX_PROMPTS:
            raise ToolFault("People have been asked too often in this turn. Tell the user.")

    def _time_for(self, prompt: Prompt) -> float:
        if prompt.kind == CODE:
            return self._people.codes.seconds
        return prompt.seconds or self._people.seconds

    # -- the session's user ---------------------------------------------------------------

    def is_verified(self, call: str) -> bool:
        item = self._table.get([self._session])[0]
        known: Mapping[str, Any] = item.attrs.get("verified", {}) if item else {}
        address = known.get("address")
        if address is not None:
            self.verified[call] = address
        return address is not None

    def offer_code(self, description: str) -> Mapping[str, Any]:
        job = self._activation.job
        self._may_ask()
        self._activation.keeper.check()
        principal = Principal.from_dict(job.payload["principal"])
        item = self._table.get([self._session])[0]
        return self._people.codes.offer(principal, job.payload["session"], item, description)

    def keep_contact(self, contact: Mapping[str, str]) -> None:
        """A session that is gone keeps nothing."""
        if not contact:
            return
        try:
            self._table.update(with_contact(self._activation.job.payload["session"], contact))
        except ConditionFailed:
            return

    @property
    def _session(self) -> Any:
        return session_key(self._activation.job.payload["session"])


def filled_in_key(job: Job, key: str) -> Key:
    """Where it is kept what the user filled in: it may be long, and the turn's item may not."""
    return Key(job.key.partition, f"FILLED#{job.ref}#{key}")


def filled_in(table: Table, job: Job, key: str) -> Mapping[str, Any]:
    """What the user has filled in; nothing if that is gone."""
    item = table.get([filled_in_key(job, key)])[0]
    return (item.body if item else None) or {}


def with_contact(session: str, contact: Mapping[str, str]) -> Update:
    """The write by which a session keeps what its user said of themselves."""
    kept = [Assign((f"contact_{name}",), value) for name, value in contact.items()]
    return Update(session_key(session), kept, EXISTS)


def with_verified(session: str, address: str, at: int) -> Update:
    """The write by which a session's user has shown that this address is theirs."""
    verified = {"address": address, "at": at}
    return Update(session_key(session), [Assign(("verified",), verified)])

"""The shipped holder, and the same with one rule off: one condition or write replaced."""

from collections.abc import Mapping
from typing import Any

from shared.mailbox.holder import Holder
from shared.storage.expressions import EXISTS, Assign, Change, Condition, Remove
from tests.simulation.scripted import PROMPT_TIMEOUT_MS


class DeafLetGo(Holder):
    """Rule 1 off: the lease is given back though the bell rang."""

    def heard(self, seen: int) -> Condition:
        return EXISTS


class ForgetfulDue(Holder):
    """Rule 2 off: giving the lease back clears `due`, whoever had set it."""

    def due_at(self, head_at: int | None, next_at: int | None) -> int | None:
        return None


class NoOutbox(Holder):
    """Rule 3 off: the job leaves the mailbox before its terminal event was pushed."""

    def outbox_changes(self) -> list[Change]:
        return [Remove(("jobs", 0))]


class PromptedAtOnce(Holder):
    """Rule 4 off: parking counts as having prompted."""

    def pending(self, call: str, digest: str) -> Mapping[str, Any]:
        now = self._clock.now()
        shown = {"prompted_at": now, "expires_at": now + PROMPT_TIMEOUT_MS}
        return {**super().pending(call, digest), **shown}


class NoMarks(Holder):
    """Rule 5 off: nothing is noted before a call starts."""

    def mark_changes(self, call: str, attempt: str) -> list[Change]:
        return [Assign(("unmarked",), attempt)]


class Uncounted(Holder):
    """Rule 7 off: crashes are not counted."""

    def crash_changes(self) -> list[Change]:
        return []


class DeafFinish(Holder):
    """Rule 10 off: a reply is written though a stop was accepted."""

    def not_stopped(self) -> Condition:
        return EXISTS


class SilentHandOver(Holder):
    """Rule 11 off: handing over does not make the mailbox due."""

    def hand_over_due(self) -> int | None:
        return None


RULES: Mapping[str, type[Holder]] = {
    "all rules on": Holder,
    "1": DeafLetGo,
    "2": ForgetfulDue,
    "3": NoOutbox,
    "4": PromptedAtOnce,
    "5": NoMarks,
    "7": Uncounted,
    "10": DeafFinish,
    "11": SilentHandOver,
}

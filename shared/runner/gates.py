"""What must happen before a tool may be called: somebody approves the call, or the user has shown
who they are."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Approval:
    """A person decides on each call. `seconds` is the time for that; None: the deployment's own.
    With `roles`, one of them is needed to decide; without, whoever the turn is for decides."""

    seconds: float | None = None
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What stands before one tool. `verified`: the session's user has entered a code that was sent
    to them."""

    approval: Approval | None = None
    verified: bool = False


OPEN = Gate()

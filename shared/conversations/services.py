"""What all turns of a process share, and what each may use."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from shared.conversations.asking import People
from shared.conversations.attachments import Attachments
from shared.conversations.memory import Memory
from shared.conversations.pictures import Pictures
from shared.conversations.usage import Ledger
from shared.models.port import Model
from shared.storage.artifacts import Artifacts
from shared.storage.table import Table


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a turn may use, in seconds and events; see `Stream`."""

    turn_seconds: float = 600
    push_window: float = 0.05
    push_buffer: int = 64


class Rates(Protocol):
    def take(self, tenant: str, model: str) -> None:
        """Count one call. Raises ModelError: RATE_LIMITED."""
        ...


class MaySpend(Protocol):
    def __call__(self, tenant: str, *, beside: int = 0, max_age: int = 0) -> None:
        """See `Ledger.check`. Raises TurnFailed: the tenant may spend no more."""
        ...


def _always(model: str) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class Services:
    """What all turns of a process share. `ledger` counts what they spend before they have ended, if
    anybody may spend so much only; `priced` says whether it is known what a model costs."""

    table: Table
    artifacts: Artifacts
    attachments: Attachments
    pictures: Pictures
    model: Model
    memory: Memory
    rates: Rates | None
    people: People
    may_spend: MaySpend
    ledger: Ledger | None = None
    priced: Callable[[str], bool] = _always

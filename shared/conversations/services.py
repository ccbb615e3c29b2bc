"""What all turns of a process share, and what each may use."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from shared.conversations.asking import People
from shared.conversations.memory import Memory
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


@dataclass(frozen=True, kw_only=True)
class Services:
    """What all turns of a process share. `may_spend` raises when a tenant may spend no more."""

    table: Table
    artifacts: Artifacts
    model: Model
    memory: Memory
    rates: Rates | None
    people: People
    may_spend: Callable[[str], None]

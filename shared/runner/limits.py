"""What an agent's turns and conversations may take, by its configuration."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """None is no limit of the agent's own. Dollars are whole billionths of one."""

    turn_seconds: float | None = None
    turn_nano_usd: int | None = None
    conversation_nano_usd: int | None = None


NO_LIMITS = Limits()

"""What the log says of a call of a model, with the names of OpenTelemetry's conventions."""

import logging
from typing import Any

from shared.clock import Clock
from shared.errors import ParleyError
from shared.models.port import Usage

log = logging.getLogger("parley")


class CallLog:
    """Measures one call, with all its attempts. `provider` is who is asked."""

    def __init__(self, provider: str, model: str, clock: Clock) -> None:
        self._provider = provider
        self._model = model
        self._clock = clock
        self._began = clock.monotonic()
        self._first: float | None = None
        self.attempts = 0

    def spoke(self) -> None:
        """A delta has come; the first one counts."""
        if self._first is None:
            self._first = self._clock.monotonic()

    def ended(
        self, spent: Usage, *, stop_reason: str = "", fault: BaseException | None = None
    ) -> None:
        """The call has ended: it `spent` this in all."""
        everything = spent.input_tokens + spent.cache_read_tokens + spent.cache_write_tokens
        fields: dict[str, Any] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": self._provider,
            "gen_ai.request.model": self._model,
            "gen_ai.response.finish_reasons": [stop_reason] if stop_reason else None,
            "gen_ai.response.time_to_first_chunk": self._since(self._first),
            "gen_ai.usage.input_tokens": everything,
            "gen_ai.usage.output_tokens": spent.output_tokens,
            "gen_ai.usage.cache_read.input_tokens": spent.cache_read_tokens,
            "gen_ai.usage.cache_creation.input_tokens": spent.cache_write_tokens,
            "cost_usd": None if spent.cost_nano_usd is None else spent.cost_nano_usd / 1e9,
            "duration": self._since(self._clock.monotonic()),
            "attempts": self.attempts,
            "retries": max(0, self.attempts - 1),
            "error.type": _kind(fault),
        }
        told = {name: value for name, value in fields.items() if value is not None}
        log.info("model call ended", extra=told)

    def _since(self, at: float | None) -> float | None:
        return None if at is None else round(at - self._began, 3)


def _kind(fault: BaseException | None) -> str | None:
    if isinstance(fault, ParleyError):
        return fault.error_code
    return None if fault is None else type(fault).__name__

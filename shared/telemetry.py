"""The steps that the log tells of, and the metrics that are made of them.

A step is a record of the core's logger whose message is one of `STEPS`; its fields are in `extra`.
Whoever takes the step logs it and knows nothing of metrics: `Metered` hears the records, whatever
LOG_LEVEL lets through. Where OpenTelemetry's conventions for generative AI have a name for a field,
it is theirs. Durations are seconds.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from shared.metrics import Metrics

TURN = ("tenant", "gen_ai.conversation.id", "gen_ai.agent.id", "turn")
"""Fields that name a turn."""

USAGE = ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "cost_usd")


@dataclass(frozen=True)
class Metric:
    """A metric of a step: the number in the field `of`, or (None) 1; where there is no such number,
    none. Only for steps whose field `where` has the value `equal`, or (None) any but nothing, and
    in which no field is as in `unless`."""

    name: str
    of: str | None = None
    kind: Literal["count", "seconds", "amount"] = "count"
    where: str | None = None
    equal: Any = None
    unless: tuple[str, Any] | None = None

    def hear(self, fields: Mapping[str, Any], metrics: Metrics) -> None:
        if self.where is not None:
            found = fields.get(self.where)
            if found != self.equal if self.equal is not None else not found:
                return
        if self.unless is not None and fields.get(self.unless[0]) == self.unless[1]:
            return
        value = 1 if self.of is None else fields.get(self.of)
        if isinstance(value, int | float):
            getattr(metrics, self.kind)(self.name, value)


@dataclass(frozen=True)
class Step:
    """What a record of this step may have as fields beside the ids of the invocation."""

    fields: tuple[str, ...]
    metrics: tuple[Metric, ...] = ()


_USED_UP = ("error.type", "BUDGET_EXCEEDED")
_DELIVERY = ("delivery", "attempt", "reason")
_DEAD = Step(_DELIVERY, (Metric("DeadLetters"),))
_FAILED = Step(_DELIVERY, (Metric("DeliveryRetries"),))
_DELIVERED = Step(("delivery", "attempt"), (Metric("Deliveries"),))

STEPS: Mapping[str, Step] = {
    "turn accepted": Step((*TURN, "duplicate")),
    "turn taken": Step(
        (*TURN, "waited", "resumed"), (Metric("QueueSeconds", "waited", kind="seconds"),)
    ),
    "model call ended": Step(
        (
            *("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model"),
            *("gen_ai.response.finish_reasons", "gen_ai.response.time_to_first_chunk"),
            *USAGE,
            *("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_creation.input_tokens"),
            *("duration", "attempts", "retries", "error.type"),
        ),
        (
            Metric("ModelCalls"),
            Metric("ModelErrors", where="error.type"),
            Metric("ModelRetries", "retries"),
            Metric("InputTokens", "gen_ai.usage.input_tokens", kind="amount"),
            Metric("OutputTokens", "gen_ai.usage.output_tokens", kind="amount"),
            Metric("CostUsd", "cost_usd", kind="amount"),
        ),
    ),
    "tool call ended": Step(
        ("gen_ai.operation.name", "gen_ai.tool.name", "call", "duration", "error.type"),
        (Metric("ToolCalls"), Metric("ToolErrors", where="error.type")),
    ),
    "turn waits": Step((*TURN, "kind")),
    "decided": Step(("box", "what")),
    "turn ended": Step(
        (
            *TURN,
            *("outcome", "error.type", "duration", "ran", "time_to_first_delta"),
            *USAGE,
        ),
        (
            Metric("TurnsCompleted", where="outcome", equal="completed"),
            Metric("TurnsFailed", where="outcome", equal="failed", unless=_USED_UP),
            Metric("TurnsCancelled", where="outcome", equal="cancelled"),
            Metric("TurnSeconds", "ran", kind="seconds"),
            Metric("TimeToFirstDelta", "time_to_first_delta", kind="seconds"),
            Metric("BudgetExceeded", where=_USED_UP[0], equal=_USED_UP[1]),
        ),
    ),
    "an agent asks for a person": Step(("gen_ai.conversation.id",)),
    "handed over": Step(("box", "cut")),
    "lease lost": Step(("box",), (Metric("LeaseConflicts"),)),
    "delivery made": _DELIVERED,
    "delivery failed": _FAILED,
    "delivery is a dead letter": _DEAD,
    "record delivered": _DELIVERED,
    "record not delivered": _FAILED,
    "record is a dead letter": _DEAD,
    "conversation deleted": Step(("deletion", "items", "files"), (Metric("Deletions"),)),
    "removal failed": Step(("box",), (Metric("DeletionsFailed"),)),
    "erasure ended": Step(("deletion", "kind", "conversations", "items", "files")),
    "erasure failed": Step(("box",), (Metric("DeletionsFailed"),)),
    "posted": Step(
        ("connection", "gone"), (Metric("Posts"), Metric("PostsGone", where="gone", equal=True))
    ),
}
"""By the message of the record."""


class Metered(logging.Handler):
    """Makes metrics of the steps that the core's logger tells of."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__()
        self._metrics = metrics

    def emit(self, record: logging.LogRecord) -> None:
        step = STEPS.get(record.msg) if isinstance(record.msg, str) else None
        for metric in step.metrics if step else ():
            metric.hear(vars(record), self._metrics)

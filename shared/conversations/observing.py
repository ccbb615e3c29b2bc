"""What the log says of a turn: that it was accepted, taken, waits, has ended. Ids and numbers only.

The fields are those of `telemetry.STEPS`. What is measured is kept with the activation.
"""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shared import logs
from shared.conversations.items import turn_id
from shared.conversations.prompts import prompt_of
from shared.mailbox.box import Job
from shared.runner.events import Delta, TurnEvent

if TYPE_CHECKING:
    # Who accepts messages runs no turns.
    from shared.mailbox.handler import Activation

log = logging.getLogger("parley")

_BEGAN, _FIRST, _ENDED = "began", "first_delta", "ended"


def accepted(job: Job, *, duplicate: bool) -> None:
    """A message was queued, or (`duplicate`) had been."""
    log.info("turn accepted", extra={**_ids(job), "duplicate": duplicate})


def taken(activation: "Activation") -> None:
    """A worker begins to run the turn, or goes on with it; what it logs from here on has the ids
    of the turn."""
    job = activation.job
    ids = _ids(job)
    logs.bind(**ids)
    activation.kept[_BEGAN] = activation.clock.monotonic()
    resumed = job.log_length is not None or bool(job.attrs.get("decisions"))
    waited = {} if resumed else {"waited": _since_added(activation)}
    log.info("turn taken", extra={**ids, "resumed": resumed, **waited})


def spoke(activation: "Activation", event: TurnEvent) -> None:
    """Something happens in the turn. The first piece of its answer counts, if nobody was asked
    before."""
    asked = activation.job.attrs.get("decisions")
    if isinstance(event, Delta) and _FIRST not in activation.kept and not asked:
        activation.kept[_FIRST] = _since_added(activation)


def waits(activation: "Activation") -> None:
    """The turn waits for a person, who is shown its prompt now."""
    prompt = prompt_of(activation.job) or {}
    log.info("turn waits", extra={**_ids(activation.job), "kind": prompt.get("kind")})


def ended(activation: "Activation") -> None:
    """The turn has ended by this very activation; it is said once, however often it is told."""
    ending = activation.ending
    if ending is None or activation.kept.get(_ENDED):
        return
    activation.kept[_ENDED] = True
    result: Mapping[str, Any] = ending.body.get("result", {})
    usage: Mapping[str, Any] = result.get("usage", {})
    fields = {
        **_ids(activation.job),
        "outcome": ending.outcome,
        "error.type": result.get("error", {}).get("code"),
        "duration": _since_added(activation),
        "ran": _ran(activation),
        "time_to_first_delta": activation.kept.get(_FIRST),
        "gen_ai.usage.input_tokens": usage.get("promptTokens"),
        "gen_ai.usage.output_tokens": usage.get("completionTokens"),
        "cost_usd": usage.get("costUsd"),
    }
    log.info("turn ended", extra={name: each for name, each in fields.items() if each is not None})


def _ran(activation: "Activation") -> float | None:
    """For how many seconds it ran; None if it never did."""
    before, began = activation.job.attrs.get("ran"), activation.kept.get(_BEGAN)
    if before is None and began is None:
        return None
    here = activation.clock.monotonic() - began if began is not None else 0.0
    return round(float(before or 0) / 1000 + here, 3)


def _since_added(activation: "Activation") -> float:
    return max(0, activation.clock.now() - activation.job.added_at) / 1000


def _ids(job: Job) -> dict[str, str]:
    return {
        "tenant": job.key.tenant,
        "gen_ai.conversation.id": job.key.id,
        "gen_ai.agent.id": job.payload["agent"],
        "turn": turn_id(job.key.id, job.ref),
    }

"""How somebody else keeps the history in a run, if they do: what a seed chooses of that."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

SHARE = 0.25
"""Of the seeds that have a historian."""


@dataclass(kw_only=True)
class Manners:
    """What the historian does to a request, by probability. Stretches are in seconds, rows in
    requests."""

    lost_request: float = 0.0
    lost_answer: float = 0.0
    slow: float = 0.0
    garbled: float = 0.0
    away: float = 0.0
    refuses: float = 0.0
    stretch: float = 20.0
    row: int = 1


MOST = Manners(lost_request=0.15, lost_answer=0.3, slow=0.1, garbled=0.1, away=0.1, refuses=0.15)


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """`environ` are settings; `patience` (seconds) takes the place of the day for which records
    wait, `replays` are when somebody has all dead letters delivered again, and `ends` is how many
    seconds pass, on the average, until somebody asks for an end; None: nobody does. `torn`: what is
    read at once may be of different moments, as with DynamoDB."""

    environ: Mapping[str, str] = field(default_factory=dict[str, str])
    manners: Manners = field(default_factory=Manners)
    honours_keys: bool = True
    patience: float | None = None
    replays: tuple[float, ...] = ()
    ends: float | None = None
    torn: bool = False


CALM = Keeping(
    environ={
        "BACKEND_URL": "http://127.0.0.1:9",
        "HISTORY_QUEUE_MAX_SIZE": "8",
        "HISTORY_IDLE_SEC": "7200",
        "HISTORY_RETRY_MAX_ATTEMPTS": "5",
    }
)
"""A historian that does everything at once."""


def keeping(seed: int, *, always: bool = False) -> Keeping | None:
    """What the seed chooses, by dice of its own: all else of it stays as it is without them."""
    rng = random.Random(f"history {seed}")
    if not (rng.random() < SHARE or always):
        return None
    manners = Manners(row=rng.choice([1, 1, 2, 12]), stretch=rng.choice([2.0, 20.0, 80.0]))
    share = rng.choice([0.0, 0.3, 0.6, 0.9])
    for each in fields(Manners):
        most: float = getattr(MOST, each.name)
        if most < 1 and rng.random() < share:
            setattr(manners, each.name, most * rng.choice([0.1, 0.4, 1.0]))
    environ = {
        "HISTORY_QUEUE_MAX_SIZE": str(rng.choice([1, 2, 3, 5, 8])),
        "HISTORY_IDLE_SEC": str(rng.choice([1, 4, 15, 60, 600, 7200])),
        "HISTORY_RETRY_MAX_ATTEMPTS": str(rng.choice([2, 3, 5])),
        "HISTORY_RETRY_BACKOFF_SEC": str(rng.choice([0.2, 0.2, 2.0])),
        "HISTORY_FINALIZE_DRAIN_TIMEOUT_SEC": str(rng.choice([0, 30])),
    }
    return Keeping(
        environ={**CALM.environ, **environ},
        manners=manners,
        honours_keys=rng.random() < 0.7,
        patience=rng.choice([None, None, None, 5.0, 40.0]),
        replays=rng.choice([(), (), (90.0,), (40.0, 150.0, 1000.0, 1400.0)]),
        ends=rng.choice([None, 8.0, 30.0, 80.0]),
        torn=rng.random() < 0.5,
    )

"""The Wakes port: hints that a mailbox has something to do.

A wake carries no truth. It may be lost, come twice, or come late; whoever gets one looks at
the mailbox. Adapters: SQS (`sqs.py`), a queue in this process (`in_process.py`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

MAX_DELAY = 900
"""Seconds; what SQS allows."""


@dataclass(frozen=True)
class Wake:
    """Look at this mailbox. `tenant` is for fairness between tenants.

    With `epoch` it is a watch wake: it matters only while that activation still holds the lease.
    """

    box: str
    tenant: str
    delay: int = 0
    epoch: int | None = None


class Wakes(Protocol):
    def send(self, wakes: Sequence[Wake]) -> None:
        """Send them; none arrives before its delay (0 to 900 s) is over.

        Never raises for a failed send: the sweep finds what was not woken.
        """
        ...


def wake_text(wake: Wake) -> str:
    """What travels: the mailbox, and the epoch of a watch wake."""
    body: dict[str, str | int] = {"box": wake.box}
    if wake.epoch is not None:
        body["epoch"] = wake.epoch
    return json.dumps(body, separators=(",", ":"))


def parse_wake(text: str) -> tuple[str, int | None]:
    """The mailbox and the epoch that `wake_text` wrote, such as from the body of an SQS record.

    Raises:
        ValueError: the text is no wake.
    """
    match json.loads(text):
        case {"box": str(box), "epoch": int(epoch)}:
            return box, epoch
        case {"box": str(box), **rest} if "epoch" not in rest:
            return box, None
    raise ValueError("not a wake")

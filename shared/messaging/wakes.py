"""The Wakes port: hints that a mailbox has something to do.

A wake carries no truth. It may be lost, come twice, or come late; whoever gets one looks at
the mailbox. Adapters: SQS (`sqs.py`), a queue in this process (`in_process.py`).
"""

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

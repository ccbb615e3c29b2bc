"""Wakes through an SQS standard queue; the message group is the tenant, for fairness."""

import hashlib
import logging
import re
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.messaging.wakes import MAX_DELAY, Wake, wake_text

_BATCH = 10
# What SQS allows in a message group id: ASCII without spaces.
_GROUP = re.compile(r"[!-~]{1,128}")

_log = logging.getLogger("parley")


class SqsWakes:
    """Sends wakes to the queue, through a boto3 client. A failed send is logged."""

    def __init__(self, client: Any, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, wakes: Sequence[Wake]) -> None:
        for start in range(0, len(wakes), _BATCH):
            self._send_batch(wakes[start : start + _BATCH])

    def _send_batch(self, wakes: Sequence[Wake]) -> None:
        entries = [_entry(number, wake) for number, wake in enumerate(wakes)]
        try:
            answer = self._client.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
        except (BotoCoreError, ClientError) as error:
            _log.warning("%d wakes were not sent: %s", len(wakes), type(error).__name__)
            return
        for failure in answer.get("Failed", ()):
            box = wakes[int(failure["Id"])].box
            _log.warning("a wake of %s was not sent: %s", box, failure.get("Code"))


def _entry(number: int, wake: Wake) -> dict[str, Any]:
    return {
        "Id": str(number),
        "MessageBody": wake_text(wake),
        # Longer than SQS allows: early is better than never, whoever gets it looks at the time.
        "DelaySeconds": min(wake.delay, MAX_DELAY),
        "MessageGroupId": _group(wake.tenant),
    }


def _group(tenant: str) -> str:
    """The tenant, or a digest of it where SQS would refuse its characters or its length."""
    if _GROUP.fullmatch(tenant):
        return tenant
    return hashlib.sha256(tenant.encode("utf-8", "surrogatepass")).hexdigest()

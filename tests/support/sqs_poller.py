"""Lambda's event source mapping: messages of a queue, one by one, to the worker's handler."""

import logging
import threading
from collections.abc import Mapping
from typing import Any

from shared.clock import Clock, SystemClock
from shared.local.runtime import Handler, LambdaContext
from shared.local.threads import event_loop
from tests.support.aws import client

log = logging.getLogger("parley")

WAIT_SECONDS = 10
INVISIBLE_SECONDS = 900
"""As in the template: longer than a worker lives, so that none gets a message of another one."""

_STOP = "stop polling"


class SqsPoller:
    """Threads that take messages, call the handler with real SQS events, and delete what worked."""

    def __init__(
        self,
        endpoint: str,
        queue_url: str,
        handler: Handler,
        *,
        threads: int = 4,
        seconds: float = 900.0,
    ) -> None:
        self._queue_url = queue_url
        self._handler = handler
        self._seconds = seconds
        self._clock: Clock = SystemClock()
        self._opened = client("sqs", endpoint)
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._poll, name=f"sqs-poller-{number}")
            for number in range(threads)
        ]

    def start(self) -> None:
        self._sqs = self._opened.__enter__()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Take no more; returns when every running worker has ended."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        while any(thread.is_alive() for thread in self._threads):
            # A message ends a long poll at once; nothing else does.
            self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=_STOP)
            for thread in self._threads:
                thread.join(0.05)
        self._opened.__exit__(None, None, None)

    def _poll(self) -> None:
        with event_loop():
            while not self._stopping.is_set():
                answer = self._sqs.receive_message(
                    QueueUrl=self._queue_url,
                    MaxNumberOfMessages=1,
                    WaitTimeSeconds=WAIT_SECONDS,
                    VisibilityTimeout=INVISIBLE_SECONDS,
                    MessageSystemAttributeNames=["All"],
                )
                for message in answer.get("Messages", ()):
                    self._deliver(message)

    def _deliver(self, message: Mapping[str, Any]) -> None:
        if message["Body"] != _STOP and not self._worked(message):
            return
        self._sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"])

    def _worked(self, message: Mapping[str, Any]) -> bool:
        deadline = self._clock.monotonic() + self._seconds
        context = LambdaContext(function_name="worker", deadline=deadline, clock=self._clock)
        try:
            self._handler(_event(message), context)
        except Exception:
            # As on AWS: the message comes again when its visibility time-out is over.
            log.exception("worker failed")
            return False
        return True


def _event(message: Mapping[str, Any]) -> dict[str, Any]:
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
    }
    return {"Records": [record]}

"""The receiving end of an SQS queue."""

from dataclasses import dataclass
from typing import Any

from shared.messaging.wakes import parse_wake


@dataclass(frozen=True)
class Queue:
    client: Any
    url: str

    def receive(self, timeout: int) -> list[tuple[str, int | None]]:
        """The wakes that are there within `timeout` seconds, removed from the queue."""
        answer = self.client.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=timeout
        )
        messages = answer.get("Messages", [])
        for message in messages:
            self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return [parse_wake(message["Body"]) for message in messages]

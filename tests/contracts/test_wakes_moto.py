"""The Wakes contract on SQS, as moto imitates it."""

from collections.abc import Iterator

import pytest

from shared.messaging.sqs import SqsWakes
from tests.contracts.wakes_contract import Receive, WakesContract
from tests.support.aws import client, fresh_queue
from tests.support.queues import Queue


class TestMoto(WakesContract):
    @pytest.fixture
    def queue(self, moto: str) -> Iterator[Queue]:
        with client("sqs", moto) as sqs:
            yield Queue(sqs, fresh_queue(sqs))

    @pytest.fixture
    def wakes(self, queue: Queue) -> SqsWakes:
        return SqsWakes(queue.client, queue.url)

    @pytest.fixture
    def receive(self, queue: Queue) -> Receive:
        return queue.receive

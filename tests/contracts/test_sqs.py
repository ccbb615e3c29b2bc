"""SQS: what is sent, what a wake's text may be, and that a failed send only leaves a line."""

import logging
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from shared.messaging.sqs import SqsWakes
from shared.messaging.wakes import Wake, parse_wake, wake_text


class Client:
    def __init__(self, answer: dict[str, Any] | Exception) -> None:
        self._answer = answer
        self.entries: list[dict[str, Any]] = []

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> Any:  # noqa: N803
        self.entries += Entries
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


@pytest.mark.parametrize(
    "answer",
    [
        EndpointConnectionError(endpoint_url="x"),
        ClientError({"Error": {"Code": "AccessDenied"}}, "SendMessageBatch"),
        {"Failed": [{"Id": "1", "Code": "InternalError", "SenderFault": False}]},
    ],
    ids=repr,
)
def test_a_failed_send_is_logged(
    answer: dict[str, Any] | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    client = Client(answer)
    with caplog.at_level(logging.WARNING, "parley"):
        SqsWakes(client, "queue").send([Wake(f"BOX#{n}", "acme") for n in range(10)] * 2)
    assert len(client.entries) == 20
    assert len(caplog.records) == 2


def test_what_is_sent() -> None:
    client = Client({})
    SqsWakes(client, "queue").send(
        [Wake("BOX#a", "acme", delay=7, epoch=3), Wake("BOX#b", "a b", delay=5000)]
    )
    first, second = client.entries
    assert first == {
        "Id": "0",
        "MessageBody": '{"box":"BOX#a","epoch":3}',
        "DelaySeconds": 7,
        "MessageGroupId": "acme",
    }
    assert second["DelaySeconds"] == 900
    assert len(second["MessageGroupId"]) == 64


@pytest.mark.parametrize("epoch", [None, 0, 41])
def test_a_wake_as_text(epoch: int | None) -> None:
    assert parse_wake(wake_text(Wake("BOX#é", "acme", epoch=epoch))) == ("BOX#é", epoch)


@pytest.mark.parametrize("text", ["", "x", "[]", "{}", '{"box":1}', '{"box":"b","epoch":"1"}'])
def test_a_text_that_is_no_wake(text: str) -> None:
    with pytest.raises(ValueError):
        parse_wake(text)

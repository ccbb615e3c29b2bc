"""The schedule finds what a lost wake left behind."""

import time
from typing import Any

import pytest

from tests.e2e.client import Http, wait_for
from tests.e2e.stack import Stack

pytestmark = pytest.mark.emulator

# One minute between sweeps, the schedule's own delay, and a cold start or two.
PATIENCE = 100.0


def test_a_mailbox_that_nobody_woke_is_found(stack: Stack, http: Http) -> None:
    # Given a mailbox at rest
    http.call("POST", "/executor/turns", {"agent_id": "assistant", "message": "Good morning"})
    boxes = Boxes(stack)
    pk = wait_for(boxes.at_rest, 30)

    # When its time comes and the wake is lost
    boxes.make_due(pk)

    # Then within the next sweep a worker has looked at it and put the time right
    wait_for(lambda: not boxes.is_due(pk), PATIENCE)


class Boxes:
    """The head items of the mailboxes, looked at from outside."""

    def __init__(self, stack: Stack) -> None:
        self._client = stack.emulator.client("dynamodb")
        self._table = stack.outputs["TableName"]

    def at_rest(self) -> str | None:
        """The partition of some mailbox that waits for nothing."""
        items: list[dict[str, Any]] = self._client.scan(
            TableName=self._table,
            FilterExpression="begins_with(pk, :box) AND sk = :head AND attribute_not_exists(due)",
            ExpressionAttributeValues={":box": {"S": "BOX#"}, ":head": {"S": "BOX"}},
            ConsistentRead=True,
        )["Items"]
        return items[0]["pk"]["S"] if items else None

    def make_due(self, pk: str) -> None:
        """As if somebody had added a job a minute ago and died before the wake."""
        due = time.time_ns() // 1_000_000 - 60_000
        self._client.update_item(
            TableName=self._table,
            Key=self._key(pk),
            UpdateExpression="SET due = :due",
            ExpressionAttributeValues={":due": {"N": str(due)}},
        )

    def is_due(self, pk: str) -> bool:
        return "due" in self._client.get_item(
            TableName=self._table, Key=self._key(pk), ConsistentRead=True
        ).get("Item", {})

    def _key(self, pk: str) -> dict[str, Any]:
        return {"pk": {"S": pk}, "sk": {"S": "BOX"}}

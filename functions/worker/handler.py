"""Wakes: drain one mailbox."""

from typing import Any

from shared import logs, wiring
from shared.mailbox.box import BoxKey
from shared.messaging.wakes import parse_wake

MARGIN = 10.0
"""Seconds before the end of the invocation by which the mailbox is handed over."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Always a success: a wake is a hint, and the sweep comes back to what is not done."""
    deployment = wiring.current()
    for record in event["Records"]:
        box, epoch = parse_wake(record["body"])
        ids = {"request": context.aws_request_id, "box": box}
        with logs.invocation(**ids), deployment.observed(function="worker", **ids):
            seconds = context.get_remaining_time_in_millis() / 1000 - MARGIN
            limit = deployment.settings.worker_max_sec or seconds
            deployment.drain.run(BoxKey.parse(box), seconds=min(seconds, limit), watched=epoch)
    return {"batchItemFailures": []}

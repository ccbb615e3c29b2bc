"""Every minute: wake what is due."""

from typing import Any

from shared import logs, wiring

MARGIN = 5.0
"""Seconds before the end of the invocation by which the sweep stops."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """How many wakes it sent, and how overdue (ms) the oldest mailbox was."""
    del event
    deployment = wiring.current()
    request = context.aws_request_id
    with logs.invocation(request=request), deployment.observed(function="sweep", request=request):
        seconds = context.get_remaining_time_in_millis() / 1000 - MARGIN
        swept = deployment.sweep.run(seconds=seconds)
        deployment.metrics.seconds("OldestDueAge", swept.oldest / 1000)
    return {"wakes": swept.wakes, "oldest": swept.oldest}

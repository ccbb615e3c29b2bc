"""Every client frame: check it, answer it, or queue a turn."""

from typing import Any

from shared import logs, wiring


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers go back over the connection API; the status only tells API Gateway not to retry."""
    connection = event["requestContext"]["connectionId"]
    deployment = wiring.current()
    request = context.aws_request_id
    with (
        logs.invocation(request=request, connection=connection),
        deployment.observed(function="send_message", request=request),
    ):
        is_base64 = bool(event.get("isBase64Encoded"))
        deployment.frames.handle(connection, event.get("body"), is_base64=is_base64)
    return {"statusCode": 200}

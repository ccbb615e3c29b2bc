"""$connect and $disconnect: admit a client, or forget it."""

from typing import Any

from shared import logs, wiring


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The answer decides whether API Gateway opens the connection."""
    request = event["requestContext"]
    connection = request["connectionId"]
    deployment = wiring.current()
    invocation = context.aws_request_id
    with (
        logs.invocation(request=invocation, connection=connection),
        deployment.observed(function="ws_connect", request=invocation),
    ):
        if request["eventType"] == "DISCONNECT":
            deployment.admission.disconnect(connection)
            return {"statusCode": 200}
        query = event.get("queryStringParameters") or {}
        headers = event.get("headers") or {}
        address = request.get("identity", {}).get("sourceIp")
        status = deployment.admission.connect(connection, query, headers, address)
        return {"statusCode": status}

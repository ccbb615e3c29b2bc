"""The events that API Gateway's WebSocket API, SQS and the scheduler hand to a Lambda."""

import base64
import hashlib
import json
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from shared.ids import new_id
from shared.messaging.wakes import Wake, wake_text

Event = dict[str, Any]
Headers = Sequence[tuple[bytes, bytes]]

REGION = "us-east-1"
ACCOUNT = "000000000000"
API_ID = "local"
STAGE = "local"
LIFECYCLE = {"$connect": "CONNECT", "$disconnect": "DISCONNECT"}


@dataclass(frozen=True, kw_only=True)
class Client:
    """Who opened a socket, as far as events tell. `connected_at` is in milliseconds."""

    connection_id: str
    connected_at: int
    source_ip: str
    user_agent: str
    domain: str


def short_id() -> str:
    """An id in API Gateway's form: random, URL-safe base64 that ends with `=`."""
    return base64.urlsafe_b64encode(secrets.token_bytes(11)).decode()


def request_time(now: int) -> str:
    """`01/Dec/2026:10:00:00 +0000`."""
    return datetime.fromtimestamp(now / 1000, UTC).strftime("%d/%b/%Y:%H:%M:%S %z")


def text(value: bytes) -> str:
    """Header bytes as text: UTF-8 when it is, as API Gateway reads them, else byte by byte."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def first(headers: Headers, name: bytes) -> str:
    """The first header of that name, in any case; empty when there is none."""
    return next((text(value) for key, value in headers if key.lower() == name), "")


def connect_event(client: Client, now: int, headers: Headers, query: bytes) -> Event:
    """`$connect`: the one socket event that shows the client's headers and query."""
    named = [(_canonical(text(name)), text(value)) for name, value in headers]
    event: Event = _multi("headers", "multiValueHeaders", named)
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    # Without a query API Gateway leaves both fields out.
    if pairs:
        event |= _multi("queryStringParameters", "multiValueQueryStringParameters", pairs)
    return event | _socket_event(client, now, "$connect")


def disconnect_event(client: Client, now: int, code: int, reason: str) -> Event:
    """`$disconnect`, with the WebSocket close code and reason."""
    event = _socket_event(
        client, now, "$disconnect", disconnectStatusCode=code, disconnectReason=reason
    )
    headers = [("Host", client.domain), ("x-api-key", ""), ("x-restapi", "")]
    return {**_multi("headers", "multiValueHeaders", headers), **event}


def message_event(client: Client, now: int, body: str | bytes, routes: Collection[str]) -> Event:
    """One frame. Its route is `action` of the JSON body when that is one of `routes`."""
    event = _socket_event(client, now, select_route(body, routes), messageId=short_id())
    if isinstance(body, bytes):
        return event | {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    return event | {"body": body}


def select_route(body: str | bytes, routes: Collection[str]) -> str:
    """`$request.body.action`, or `$default` when no such route exists or the body is no JSON."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return "$default"
    action = value.get("action") if isinstance(value, dict) else None
    return action if isinstance(action, str) and action in routes else "$default"


def sqs_event(wake: Wake, now: int) -> Event:
    """One wake as the batch of one that the worker's event source mapping delivers."""
    body = wake_text(wake)
    record = {
        "messageId": new_id(),
        "receiptHandle": secrets.token_urlsafe(48),
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": str(now),
            "SenderId": "parley",
            "ApproximateFirstReceiveTimestamp": str(now),
            "MessageGroupId": wake.tenant,
        },
        "messageAttributes": {},
        "md5OfBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:parley-wakes",
        "awsRegion": REGION,
    }
    return {"Records": [record]}


def scheduled_event(now: int) -> Event:
    """What EventBridge Scheduler sends by default."""
    return {
        "version": "0",
        "id": new_id(),
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": ACCOUNT,
        "time": datetime.fromtimestamp(now // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/parley-sweep"],
        "detail": "{}",
    }


def _socket_event(client: Client, now: int, route: str, **more: Any) -> Event:
    request_id = short_id()
    context = {
        "routeKey": route,
        "eventType": LIFECYCLE.get(route, "MESSAGE"),
        "extendedRequestId": request_id,
        "requestId": request_id,
        "requestTime": request_time(now),
        "requestTimeEpoch": now,
        "messageDirection": "IN",
        "stage": STAGE,
        "connectedAt": client.connected_at,
        "connectionId": client.connection_id,
        "identity": {"sourceIp": client.source_ip, "userAgent": client.user_agent},
        "domainName": client.domain,
        "apiId": API_ID,
    }
    return {"requestContext": context | more, "isBase64Encoded": False}


def _canonical(name: str) -> str:
    # On AWS names come as the client wrote them, which is like this; the server here lost that.
    return name.title().replace("Websocket", "WebSocket")


def _multi(single: str, multiple: str, pairs: Sequence[tuple[str, str]]) -> Event:
    """API Gateway's two views of repeated fields: the last value, and all of them."""
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {single: dict(pairs), multiple: values}

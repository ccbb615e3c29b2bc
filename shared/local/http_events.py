"""API Gateway's HTTP API, payload format 2.0: a request as an event, a result as a response."""

import base64
import json
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import Scope

from shared.ids import new_id
from shared.local.events import ACCOUNT, API_ID, Event, first, request_time, text

# Only these arrive as text; all else, also forms and bodies without a type, is base64.
TEXT_TYPES = frozenset({"application/json", "application/xml", "application/javascript"})
# The server computes these from the body that it really sends.
COMPUTED = frozenset({"connection", "content-length", "transfer-encoding", "keep-alive"})


@dataclass(frozen=True)
class HttpResponse:
    """What goes back to the HTTP client; header names are lower case, one pair per line."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def http_event(scope: Scope, body: bytes, now: int) -> Event:
    """The request. Paths come percent-decoded, the raw query string does not."""
    headers, cookies = _headers(scope)
    query = scope["query_string"].decode("latin-1")
    event: Event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": scope["path"],
        "rawQueryString": query,
        "headers": headers,
        "requestContext": _context(scope, headers, now),
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = cookies
    if query:
        event["queryStringParameters"] = _joined(parse_qsl(query, keep_blank_values=True))
    if body:
        event["body"], event["isBase64Encoded"] = _encode(body, headers.get("content-type", ""))
    return event


def http_response(result: Any) -> HttpResponse:
    """The handler's result as a response; without `statusCode` it is itself the body.

    Raises:
        ValueError, TypeError, AttributeError: the fields make no sense.
    """
    if not isinstance(result, dict) or "statusCode" not in result:
        inferred = json_response(200, result)
        return inferred if not isinstance(result, str) else replace(inferred, body=result.encode())
    status = int(result["statusCode"])
    if not 100 <= status < 600:
        raise ValueError(f"statusCode {status}")
    headers, body = _result_headers(result), _result_body(result)
    if body and not any(name == b"content-type" for name, _ in headers):
        headers.append((b"content-type", b"text/plain;charset=UTF-8"))
    return HttpResponse(status, headers, body)


def json_response(status: int, value: Any) -> HttpResponse:
    """A response with a JSON body."""
    encoded = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return HttpResponse(status, [(b"content-type", b"application/json")], encoded)


def _headers(scope: Scope) -> tuple[dict[str, str], list[str]]:
    pairs = [(text(name).lower(), text(value)) for name, value in scope["headers"]]
    cookies = [
        cookie.strip()
        for name, value in pairs
        if name == "cookie"
        for cookie in value.split(";")
        if cookie.strip()
    ]
    headers = _joined([(name, value) for name, value in pairs if name != "cookie"])
    passed_on = headers.get("x-forwarded-for")
    address = _source_ip(scope)
    headers["x-forwarded-for"] = f"{passed_on}, {address}" if passed_on else address
    headers["x-forwarded-proto"] = scope["scheme"]
    headers["x-forwarded-port"] = str((scope.get("server") or ("", 80))[1])
    return headers, cookies


def _context(scope: Scope, headers: dict[str, str], now: int) -> Event:
    domain = headers.get("host", "")
    return {
        "accountId": ACCOUNT,
        "apiId": API_ID,
        "domainName": domain,
        "domainPrefix": domain.split(".")[0],
        "http": {
            "method": scope["method"],
            "path": scope["path"],
            "protocol": f"HTTP/{scope['http_version']}",
            "sourceIp": _source_ip(scope),
            "userAgent": first(scope["headers"], b"user-agent"),
        },
        "requestId": new_id(),
        "routeKey": "$default",
        "stage": "$default",
        "time": request_time(now),
        "timeEpoch": now,
    }


def _source_ip(scope: Scope) -> str:
    return str((scope.get("client") or ("127.0.0.1", 0))[0])


def _joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: ",".join(several) for name, several in values.items()}


def _encode(body: bytes, content_type: str) -> tuple[str, bool]:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type.startswith("text/") or media_type in TEXT_TYPES:
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode(), True


def _result_headers(result: Event) -> list[tuple[bytes, bytes]]:
    pairs: list[tuple[str, Any]] = list((result.get("headers") or {}).items())
    for name, several in (result.get("multiValueHeaders") or {}).items():
        pairs.extend((name, value) for value in several)
    pairs.extend(("set-cookie", cookie) for cookie in result.get("cookies") or [])
    return [
        (name.lower().encode("latin-1"), str(value).encode())
        for name, value in pairs
        if name.lower() not in COMPUTED
    ]


def _result_body(result: Event) -> bytes:
    body = result.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise TypeError("body is not a string")
    return base64.b64decode(body) if result.get("isBase64Encoded") else body.encode()

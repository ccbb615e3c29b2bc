"""The scripted server as Amazon Bedrock: what the Messages API says, in frames of AWS's encoding.

    with ScriptedMessagesApi(steps, dialect=BedrockDialect()) as api:
        ...                     # the endpoint: api.base_url

A frame is its length, the length of its headers, a checksum of both; headers; payload; a checksum
of it all. A step's `error_type` is an exception's name, such as `ThrottlingException`.
"""

import base64
import json
import re
from binascii import crc32
from collections.abc import Mapping
from struct import pack
from typing import Any
from urllib.parse import unquote

_PATH = re.compile(r"/model/([^/]+)/invoke-with-response-stream")
_TEXT = 7


class BedrockDialect:
    """InvokeModelWithResponseStream."""

    content_type = "application/vnd.amazon.eventstream"

    def request(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        found = _PATH.fullmatch(path)
        if not found or not body.get("anthropic_version"):
            return None
        asked = {name: value for name, value in body.items() if name != "anthropic_version"}
        return {"model": unquote(found[1]), **asked, "stream": True}

    def event(self, event: Mapping[str, Any]) -> bytes:
        if event["type"] == "error":
            name, said = event["error"]["type"], event["error"]["message"]
            return exception(name[:1].lower() + name[1:], said)
        return chunk(event)

    def refusal(self, kind: str, said: str) -> tuple[Mapping[str, str], Any]:
        address = "http://internal.amazon.com/coral/com.amazon.bedrock/"
        return {"x-amzn-errortype": f"{kind}:{address}"}, {"message": said}


def chunk(event: Mapping[str, Any]) -> bytes:
    """One event of an answer."""
    data = base64.b64encode(json.dumps(event, ensure_ascii=False).encode()).decode()
    headers = {
        ":event-type": "chunk",
        ":content-type": "application/json",
        ":message-type": "event",
    }
    return frame(headers, json.dumps({"bytes": data, "p": "abcdef"}).encode())


def exception(name: str, said: str) -> bytes:
    """A failure in the middle, of a kind that the service's description lists."""
    headers = {
        ":exception-type": name,
        ":content-type": "application/json",
        ":message-type": "exception",
    }
    return frame(headers, json.dumps({"message": said}).encode())


def failure(code: str, said: str) -> bytes:
    """A failure in the middle that the service's description does not list."""
    headers = {":error-code": code, ":error-message": said, ":message-type": "error"}
    return frame(headers, b"")


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Any frame whose headers are texts."""
    encoded = b"".join(_header(name, value) for name, value in headers.items())
    lengths = pack(">II", 12 + len(encoded) + len(payload) + 4, len(encoded))
    whole = lengths + pack(">I", crc32(lengths)) + encoded + payload
    return whole + pack(">I", crc32(whole))


def _header(name: str, value: str) -> bytes:
    text = value.encode()
    return pack(">B", len(name)) + name.encode() + pack(">BH", _TEXT, len(text)) + text

"""A stand-in for the model on a laptop without a key: an endpoint that speaks the Messages API.

It answers streaming and whole, calls tools, and says plainly what it is. The same request always
gets the same answer. Mounted at `/_demo`, it is the SDK's base URL `http://127.0.0.1:PORT/_demo`.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from shared.local.demo_answers import Answer, answer
from shared.local.messages_api import Reply, ToolUse, complaint, encode, error, events, message

DEMO_MODEL = "parley-demo"


def demo_app(words_per_second: float = 0) -> Starlette:
    """The endpoint `/v1/messages`; with 0 words per second it streams as fast as it can."""
    return Starlette(routes=demo_routes(words_per_second))


def demo_routes(words_per_second: float = 0) -> list[Route]:
    """The same as routes, to be mounted."""
    delay = 1 / words_per_second if words_per_second else 0.0

    async def create_message(request: Request) -> Response:
        try:
            asked = json.loads(await request.body())
        except ValueError:
            return _refusal("the body is not valid JSON")
        if wrong := complaint(asked):
            return _refusal(wrong)
        reply = demo_reply(asked)
        if asked.get("stream"):
            return StreamingResponse(_stream(reply, delay), media_type="text/event-stream")
        return JSONResponse(message(reply))

    return [Route("/v1/messages", create_message, methods=["POST"])]


def demo_reply(request: Mapping[str, Any]) -> Reply:
    """What the demo model says to a valid request."""
    said = answer(request)
    mark = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:20]
    words = _words(said.text)
    chunks = words[: request["max_tokens"]]
    return Reply(
        id=f"msg_{mark}",
        # Not the model that was asked for: nobody shall take this for its answer, or price.
        model=DEMO_MODEL,
        chunks=chunks,
        tool_uses=_calls(said, mark),
        stop_reason=_stop_reason(said, cut=len(chunks) < len(words)),
        input_tokens=len(_words(json.dumps(request["messages"]))),
        output_tokens=len(chunks),
    )


def _calls(said: Answer, mark: str) -> list[ToolUse]:
    if said.call is None:
        return []
    return [ToolUse(id=f"toolu_{mark}", name=said.call.name, input=said.call.arguments)]


def _stop_reason(said: Answer, *, cut: bool) -> str:
    if said.call:
        return "tool_use"
    return "max_tokens" if cut else "end_turn"


async def _stream(reply: Reply, delay: float) -> AsyncIterator[bytes]:
    for event in events(reply):
        if delay and event["type"] == "content_block_delta":
            await asyncio.sleep(delay)
        yield encode(event)


def _words(text: str) -> list[str]:
    return re.findall(r"\s*\S+\s*$|\s*\S+", text)


def _refusal(said: str) -> Response:
    return JSONResponse(error("invalid_request_error", said), status_code=400)

"""The wire of the scripted Messages API server: HTTP/1.1 by hand, to break it where a test says."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Protocol

from shared.local.messages_api import Reply, encode, error, events, message
from tests.support.messages_api_script import Step

Headers = dict[str, str]


class Brain(Protocol):
    """Who decides and keeps the books. Called on the server's thread only."""

    def asked(self, body: Mapping[str, Any], headers: Headers) -> tuple[Step, Reply]: ...

    def opened(self) -> None: ...

    def sent_delta(self) -> None: ...

    def fell_silent(self) -> None: ...

    def over(self, *, left: bool) -> None: ...

    def report(self) -> dict[str, Any]: ...


class Dialect(Protocol):
    """How one provider puts what the Messages API says."""

    content_type: str

    def request(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What a body that was posted to the path asks; None if there is no such page."""
        ...

    def event(self, event: Mapping[str, Any]) -> bytes:
        """One event of a stream, errors included."""
        ...

    def refusal(self, kind: str, said: str) -> tuple[Mapping[str, str], Any]:
        """The headers and the body of an answer that is an error."""
        ...


class MessagesDialect:
    """The Messages API's own."""

    content_type = "text/event-stream"

    def request(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return body if path.endswith("/v1/messages") else None

    def event(self, event: Mapping[str, Any]) -> bytes:
        return encode(event)

    def refusal(self, kind: str, said: str) -> tuple[Mapping[str, str], Any]:
        return {}, error(kind, said)


class Dropped(Exception):
    """This connection ends here, without a goodbye."""


class Connection:
    """One client's connection, request after request."""

    def __init__(
        self,
        brain: Brain,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        dialect: Dialect,
    ) -> None:
        self._brain = brain
        self._reader = reader
        self._writer = writer
        self._dialect = dialect
        self._ahead = b""

    async def serve(self) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, Dropped):
                while True:
                    await self._one()
        finally:
            self._writer.close()
            with suppress(OSError):
                await self._writer.wait_closed()

    async def _one(self) -> None:
        head = self._ahead + await self._reader.readuntil(b"\r\n\r\n")
        self._ahead = b""
        first, *rest = head.decode("latin-1").strip().split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in rest)}
        body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        method, path, _ = first.split(" ")
        if method == "GET" and path.endswith("/_recorded"):
            await self._whole(200, self._brain.report())
        elif method == "POST" and (asked := self._dialect.request(path, json.loads(body))):
            await self._watched(*self._brain.asked(asked, headers), asked)
        else:
            await self._whole(404, error("not_found_error", "no such page"))

    async def _watched(self, step: Step, reply: Reply, body: Mapping[str, Any]) -> None:
        """Answer, but notice at once when the client goes away."""
        self._brain.opened()
        answering = asyncio.create_task(self._answer(step, reply, body))
        watching = asyncio.create_task(self._reader.read(1))
        left = False
        try:
            await asyncio.wait({answering, watching}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                self._ahead = watching.result()
            if watching.done() and not self._ahead and not answering.done():
                raise ConnectionResetError
            # A byte that came early belongs to the next request: the answer is all but out.
            await answering
        except ConnectionError:
            left = True
            raise
        finally:
            for task in (answering, watching):
                task.cancel()
            await asyncio.gather(answering, watching, return_exceptions=True)
            self._brain.over(left=left)

    async def _answer(self, step: Step, reply: Reply, body: Mapping[str, Any]) -> None:
        if step.status != 200:
            headers, said = self._dialect.refusal(step.error_type, step.error_message)
            await self._whole(step.status, said, {**headers, **step.headers})
        elif body.get("stream"):
            await self._stream(step, reply)
        else:
            await self._whole(200, message(reply))

    async def _stream(self, step: Step, reply: Reply) -> None:
        if step.drop_after == -1:
            raise Dropped
        if step.stall_after == -1:
            await self._say_nothing()
        self._writer.write(
            b"HTTP/1.1 200 OK\r\n"
            b"content-type: %b\r\n"
            b"transfer-encoding: chunked\r\n\r\n" % self._dialect.content_type.encode()
        )
        deltas = 0
        for event in _broken(step, events(reply)):
            is_delta = event["type"] == "content_block_delta"
            if deltas == step.stall_after and (deltas or is_delta):
                await self._say_nothing()
            if is_delta and step.delay:
                await asyncio.sleep(step.delay)
            data = self._dialect.event(event)
            self._writer.write(b"%x\r\n%b\r\n" % (len(data), data))
            await self._writer.drain()
            if is_delta:
                deltas += 1
                self._brain.sent_delta()
        if step.stall_after is not None or step.silent_after is not None:
            await self._say_nothing()
        if step.drop_after is not None:
            raise Dropped
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    async def _say_nothing(self) -> None:
        self._brain.fell_silent()
        await asyncio.Event().wait()

    async def _whole(
        self, status: int, said: Any, headers: Mapping[str, str] | None = None
    ) -> None:
        data = json.dumps(said).encode()
        lines = [
            f"HTTP/1.1 {status} Scripted",
            "content-type: application/json",
            f"content-length: {len(data)}",
            *(f"{name}: {value}" for name, value in (headers or {}).items()),
        ]
        self._writer.write("\r\n".join([*lines, "", ""]).encode() + data)
        await self._writer.drain()


def _broken(step: Step, whole: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The events up to the point where the step breaks the stream."""
    ends = (step.drop_after, step.truncate_after, step.error_after, step.silent_after)
    for number, event in enumerate(whole):
        if number in ends:
            break
        yield event
    if step.error_after is not None:
        yield error(step.error_type, step.error_message)

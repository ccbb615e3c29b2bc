"""A scripted Messages API server on 127.0.0.1: in a thread of a test, or as its own process.

    with ScriptedMessagesApi(steps=[Step(tokens=["Hello"])]) as api:
        ...                     # base URL: api.base_url

    python -m tests.support.messages_api --port 0 --script script.json

The script file is `{"steps": [<fields of Step>…], "default": "echo" | <fields of Step> | null}`.
The process prints its port; `GET /_recorded` tells what it was asked and what went wrong.
"""

import argparse
import asyncio
import json
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from shared.local.messages_api import Reply, complaint
from tests.support.messages_api_script import (
    Answer,
    Chosen,
    Request,
    Script,
    Step,
    ToolCall,
    echo,
    last_words,
    plain,
    reply_for,
)
from tests.support.messages_api_wire import Connection, Dialect, Headers, MessagesDialect

__all__ = ["Chosen", "Request", "ScriptedMessagesApi", "Step", "ToolCall", "echo", "last_words"]

_PATIENCE = 10.0


class ScriptedMessagesApi:
    """The server, which keeps the books. `steps` are used in their order, then `reply`.

    `requests` are the bodies without the breakpoints for the cache, and with a single text as a
    string; `raw_requests` are just what came. Leaving the `with` block stops the server and
    complains about requests that the script did not foresee and steps that nobody asked for.
    """

    def __init__(
        self,
        steps: Sequence[Chosen] = (),
        reply: Callable[[Request], Answer] | None = None,
        *,
        port: int = 0,
        dialect: Dialect | None = None,
    ) -> None:
        self.script = Script(steps, reply)
        self.requests: list[dict[str, Any]] = []
        self.raw_requests: list[dict[str, Any]] = []
        self.headers: list[Headers] = []
        self.open_streams = 0
        self.disconnected = 0
        self.deltas = 0
        self.silent = 0
        self.connections = 0
        self.port = port
        self._dialect = dialect or MessagesDialect()
        self._changed = threading.Condition()
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="scripted-messages-api")

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "ScriptedMessagesApi":
        self._thread.start()
        if not self._ready.wait(_PATIENCE):
            raise AssertionError("the scripted server did not start")
        return self

    def stop(self) -> None:
        """Hang up on everybody and end the server's thread."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def wait_for(self, condition: Callable[["ScriptedMessagesApi"], bool]) -> None:
        """Wait until the books say so; an AssertionError if they never do."""
        with self._changed:
            if not self._changed.wait_for(lambda: condition(self), _PATIENCE):
                raise AssertionError(f"waited in vain; the books say {self.report()}")

    def assert_done(self) -> None:
        """Nothing unforeseen was asked, and everything foreseen was."""
        if self.script.wrong or self.script.unused():
            raise AssertionError(f"wrong: {self.script.wrong}, unused: {self.script.unused()}")

    def __enter__(self) -> "ScriptedMessagesApi":
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if error is None:
            self.assert_done()

    def asked(self, body: Mapping[str, Any], headers: Headers) -> tuple[Step, Reply]:
        step = self.script.answer(body)
        with self._changed:
            self.requests.append(dict(body) if complaint(body) else plain(body))
            self.raw_requests.append(dict(body))
            self.headers.append(headers)
            self._changed.notify_all()
            return step, reply_for(step, {"model": "", **body}, len(self.requests))

    def opened(self) -> None:
        self._note(open_streams=1)

    def sent_delta(self) -> None:
        self._note(deltas=1)

    def fell_silent(self) -> None:
        self._note(silent=1)

    def over(self, *, left: bool) -> None:
        self._note(open_streams=-1, disconnected=int(left))

    def report(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "open_streams": self.open_streams,
            "disconnected": self.disconnected,
            "deltas": self.deltas,
            "silent": self.silent,
            "wrong": self.script.wrong,
            "unused": len(self.script.unused()),
        }

    def _note(
        self, *, open_streams: int = 0, disconnected: int = 0, deltas: int = 0, silent: int = 0
    ) -> None:
        with self._changed:
            self.silent += silent
            self.open_streams += open_streams
            self.disconnected += disconnected
            self.deltas += deltas
            self._changed.notify_all()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, backlog=512)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        self.connections += 1
        try:
            await Connection(self, reader, writer, self._dialect).serve()
        except asyncio.CancelledError:
            # The server stops: asyncio would report a cancelled connection as a failure.
            return
        finally:
            self._connections.discard(task)


def _load(path: str | None) -> tuple[list[Step], Callable[[Request], Answer] | None]:
    script: Any = json.loads(Path(path).read_text("utf-8")) if path else {"default": "echo"}
    steps = [Step.from_json(entry) for entry in script.get("steps", [])]
    default = script.get("default")
    if default == "echo":
        return steps, echo
    if default is None:
        return steps, None
    fixed = Step.from_json(default)
    return steps, lambda _request: fixed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--script", help="without one, every message is echoed")
    arguments = parser.parse_args()
    steps, reply = _load(arguments.script)
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    api = ScriptedMessagesApi(steps, reply, port=arguments.port).start()
    print(api.port, flush=True)
    over.wait()
    api.stop()


if __name__ == "__main__":
    main()

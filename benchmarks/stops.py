"""How long a stop takes: from the `cancel` frame until `cancelled` is there.

    python -m benchmarks.stops

Everything is the real thing, in this process: the local gateway, the handlers, SQLite in a
temporary folder, WebSockets on loopback. Only the model is the demo, at a pace at which each reply
outlasts its stop.
"""

import json
import random
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from websockets.sync.client import ClientConnection, connect

from shared.local import dev

STOPS = 50
CLIENTS = 5
"""Side by side, each with a conversation of its own."""

WORDS_PER_SECOND = 3
FIRST, LAST = 0.0, 3.0
"""Seconds from the first token to the stop: any moment between these."""

PATIENCE = 30.0


@contextmanager
def serving() -> Iterator[str]:
    """The address of the WebSocket API."""
    with socket.create_server((dev.HOST, 0)) as free:
        port = free.getsockname()[1]
    dev.WORDS_PER_SECOND = WORDS_PER_SECOND
    with tempfile.TemporaryDirectory() as folder:
        unlimited = {"RATE_LIMIT_PER_MINUTE": "0", "RATE_LIMIT_PRINCIPAL_PER_MINUTE": "0"}
        variables = {"WORKSPACE_BASE": folder, "AUTH_MODE": "none", **unlimited}
        server = dev.DevServer(dev.load(variables, port))
        server.start()
        try:
            yield f"ws://{dev.HOST}:{port}/ws"
        finally:
            server.stop()


def measure(url: str, seed: int, stops: int) -> list[float]:
    """How long each of so many stops took, in seconds."""
    dice = random.Random(seed)
    with connect(url, proxy=None) as connection:
        _send(connection, "create_conversation_session", "open", agentId="assistant")
        session = _until(connection, "open", "immediate_response")["data"]["sessionId"]
        return [_stop(connection, session, f"q{n}", dice) for n in range(stops)]


def _stop(
    connection: ClientConnection, session: str, request_id: str, dice: random.Random
) -> float:
    _send(
        connection,
        "send_message",
        request_id,
        sessionId=session,
        message="Tell me about all that swims, flies and crawls, at some length.",
    )
    _until(connection, request_id, "stream_token")
    time.sleep(dice.uniform(FIRST, LAST))
    began = time.perf_counter()
    _send(connection, "cancel", request_id, sessionId=session)
    _until(connection, request_id, "cancelled")
    return time.perf_counter() - began


def _send(connection: ClientConnection, action: str, request_id: str, **fields: Any) -> None:
    connection.send(json.dumps({"action": action, "requestId": request_id, **fields}))


def _until(connection: ClientConnection, request_id: str, kind: str) -> dict[str, Any]:
    """The next event of this request and type."""
    while True:
        event: dict[str, Any] = json.loads(connection.recv(timeout=PATIENCE))
        if event.get("requestId") != request_id:
            continue
        if event["type"] == kind:
            return event
        if event["type"] in ("eventual_response", "error"):
            raise RuntimeError(f"{request_id} ended before it could be stopped: {event}")


def percentile(sorted_values: Sequence[float], share: float) -> float:
    """The smallest value that so large a share of them does not exceed."""
    return sorted_values[max(0, -(-int(share * 100) * len(sorted_values) // 100) - 1)]


def main() -> None:
    with serving() as url, ThreadPoolExecutor(CLIENTS) as pool:
        each = STOPS // CLIENTS
        runs = [pool.submit(measure, url, seed, each) for seed in range(CLIENTS)]
        took = sorted(seconds for run in runs for seconds in run.result())
    print(f"{len(took)} stops, {CLIENTS} side by side: from `cancel` to `cancelled`, ms")
    shares = {"p50": 0.5, "p95": 0.95, "longest": 1.0}
    print("  ".join(f"{name:>8}" for name in shares))
    print("  ".join(f"{percentile(took, share) * 1000:>8.0f}" for share in shares.values()))


if __name__ == "__main__":
    main()

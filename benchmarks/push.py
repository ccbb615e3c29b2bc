"""How a reply of the model gets to its connections: posts, and how far behind the model.

    make bench

The stream and the boto3 client are those of the worker; the model is a loop that sleeps, and the
connection API is one on loopback that takes 15 ms. All run in this process. Nothing is written.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from benchmarks.connection_api import Arrival, ConnectionApi, serving
from shared.aws import connections_client
from shared.clock import SystemClock
from shared.conversations.stream import Poster, Stream
from shared.messaging.connection_api import ConnectionApiPush

LATENCY = 0.015
WINDOW = 0.05
TOKEN = "word "

HEADER = ("tokens/s", "connections", "posts each", "first", "mean", "longest", "last", "text()")
UNITS = ("", "", "", "ms", "ms", "ms", "ms", "µs")


@dataclass(frozen=True)
class Reply:
    """So many tokens, evenly, to so many connections."""

    tokens: int
    per_second: float
    connections: int


@dataclass(frozen=True)
class Result:
    """Of all connections the worst; a lag (seconds) is from `text` until the post is through.

    `call` is the longest that `text` took.
    """

    posts: int
    first_lag: float
    mean_lag: float
    longest_lag: float
    last_lag: float
    call: float


REPLIES = (
    Reply(tokens=500, per_second=100, connections=1),
    Reply(tokens=500, per_second=100, connections=4),
    Reply(tokens=500, per_second=100, connections=32),
    Reply(tokens=500, per_second=500, connections=1),
)


def measure(reply: Reply, api: ConnectionApi, poster: Poster) -> Result:
    """Say the tokens, each at its time."""
    names = [f"c{number}" for number in range(reply.connections)]
    stream = Stream(poster, SystemClock(), names, request_id="bench", check=_allowed, window=WINDOW)
    said: list[float] = []
    call = 0.0
    start = time.perf_counter()
    for number in range(reply.tokens):
        time.sleep(max(0.0, start + number / reply.per_second - time.perf_counter()))
        said.append(time.perf_counter())
        stream.text(TOKEN)
        call = max(call, time.perf_counter() - said[-1])
    stream.close()
    arrivals = api.take()
    lags = [_lags(said, [post for post in arrivals if post.connection == name]) for name in names]
    return Result(
        posts=-(-len(arrivals) // len(names)),
        first_lag=max(each[0] for each in lags),
        mean_lag=max(mean(each) for each in lags),
        longest_lag=max(max(each) for each in lags),
        last_lag=max(each[-1] for each in lags),
        call=call,
    )


def _allowed() -> None:
    """The lease is held."""


def _lags(said: Sequence[float], posts: Sequence[Arrival]) -> list[float]:
    there = [post.at for post in posts for _ in range(_tokens(post))]
    return [late - early for late, early in zip(there, said, strict=True)]


def _tokens(post: Arrival) -> int:
    return len(json.loads(post.data)["token"]) // len(TOKEN)


def row(reply: Reply, result: Result) -> tuple[str, ...]:
    lags = (result.first_lag, result.mean_lag, result.longest_lag, result.last_lag)
    return (
        f"{reply.per_second:.0f}",
        str(reply.connections),
        str(result.posts),
        *(f"{lag * 1000:.1f}" for lag in lags),
        f"{result.call * 1e6:.0f}",
    )


def main() -> None:
    with serving(LATENCY) as api:
        client = connections_client(api.url, local=True)
        poster = Poster(ConnectionApiPush(client), SystemClock())
        poster.post("warm", b"{}")
        api.take()
        rows = [row(reply, measure(reply, api, poster)) for reply in REPLIES]
    print(
        f"{REPLIES[0].tokens} tokens, {LATENCY * 1000:.0f} ms a post, window {WINDOW * 1000:.0f} ms"
    )
    print("first to last: from a token until it is there")
    for cells in (HEADER, UNITS, *rows):
        print("  ".join(f"{cell:>11}" for cell in cells))


if __name__ == "__main__":
    main()

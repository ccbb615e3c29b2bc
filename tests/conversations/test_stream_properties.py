"""Whatever is said and whatever happens to the posts: who stays gets all of it, in order."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.conversations.stream import PATIENCE, Stream
from shared.messaging.push import PushFailed, PushThrottled
from tests.conversations.stream_rig import Answer, Clients, Said, joined, stream_of
from tests.mailbox.virtual import Virtual

CONNECTIONS = ("c1", "c2", "c3")
CLOCK_ERROR = 1e-6


@dataclass(frozen=True)
class Saying:
    """One thing that is said, after a pause (seconds)."""

    pause: float
    kind: str
    text: str

    def by(self, stream: Stream) -> None:
        if self.kind == "stream_chunk":
            stream.chunk(self.text, {})
        elif self.kind == "stream_token":
            stream.text(self.text)
        else:
            stream.reasoning(self.text)


sayings = st.lists(
    st.builds(
        Saying,
        pause=st.sampled_from([0.0, 0.0, 0.01, 0.04, 0.3]),
        kind=st.sampled_from(["stream_token", "stream_token", "stream_reasoning", "stream_chunk"]),
        text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4),
    ),
    max_size=30,
)
answers = st.one_of(
    st.just(True),
    st.just(False),
    st.builds(PushThrottled, st.just("slow")),
    st.builds(PushFailed, st.just("500")),
)
plans = st.lists(st.lists(answers, max_size=20), min_size=1, max_size=len(CONNECTIONS))
paces = st.lists(st.sampled_from([0.0, 0.015, 0.4, 3.0]), min_size=3, max_size=3)


def play(
    said: list[Saying],
    plan: list[list[Answer]],
    pace: list[float],
    window: float,
    buffer: int,
    end: str,
) -> tuple[Stream, Clients, list[float]]:
    """The stream, its clients, and how long each saying took."""
    virtual = Virtual()
    clients = Clients(virtual)
    names = CONNECTIONS[: len(plan)]
    clients.plan = dict(zip(names, plan, strict=True))
    clients.slow = dict(zip(names, pace, strict=False))

    def turn() -> tuple[Stream, list[float]]:
        stream = stream_of(virtual, clients, *names, window=window, buffer=buffer)
        waits = []
        for saying in said:
            virtual.clock.sleep(saying.pause)
            began = virtual.hub.time
            saying.by(stream)
            waits.append(virtual.hub.time - began)
        getattr(stream, end)()
        return stream, waits

    stream, waits = virtual.run(turn)
    attempts = len(clients.attempts)
    virtual.pass_time(100)
    assert len(clients.attempts) == attempts, "nothing is posted after the end"
    return stream, clients, waits


def letters(said: list[Said]) -> list[Said]:
    """Each character, or each step: what a prefix is made of."""
    return [
        (kind, part) for kind, text in said for part in ([text] if kind == "stream_chunk" else text)
    ]


def is_prefix(got: list[Said], said: list[Said]) -> bool:
    return letters(got) == letters(said)[: len(letters(got))]


@settings(deadline=None)
@given(sayings, plans, paces, st.sampled_from([0.0, 0.05]), st.integers(1, 6))
def test_who_stays_gets_everything_and_who_goes_a_beginning(
    said: list[Saying], plan: list[list[Answer]], pace: list[float], window: float, buffer: int
) -> None:
    stream, clients, _ = play(said, plan, pace, window, buffer, "close")
    everything = [(saying.kind, saying.text) for saying in said]
    for name in CONNECTIONS[: len(plan)]:
        got = clients.said(name)
        if name in stream.gone:
            assert is_prefix(got, everything)
        else:
            assert joined(got) == joined(everything)
    assert len(set(stream.gone)) == len(stream.gone)
    assert set(clients.closed) <= set(stream.gone)


@settings(deadline=None)
@given(sayings, plans, paces, st.integers(1, 6))
def test_an_abandoned_stream_has_sent_a_beginning(
    said: list[Saying], plan: list[list[Answer]], pace: list[float], buffer: int
) -> None:
    stream, clients, _ = play(said, plan, pace, 0.05, buffer, "abandon")
    everything = [(saying.kind, saying.text) for saying in said]
    assert all(is_prefix(clients.said(name), everything) for name in CONNECTIONS)
    assert set(clients.closed) <= set(stream.gone)


@settings(deadline=None)
@given(sayings, plans, paces, st.integers(1, 6))
def test_the_model_never_waits_for_long(
    said: list[Saying], plan: list[list[Answer]], pace: list[float], buffer: int
) -> None:
    _, _, waits = play(said, plan, pace, 0.05, buffer, "close")
    assert max(waits, default=0) <= PATIENCE + CLOCK_ERROR


@settings(deadline=None)
@given(sayings, st.sampled_from([0.0, 0.015]))
def test_no_text_waits_for_more_than_the_window_and_a_post(
    said: list[Saying], seconds: float
) -> None:
    """With one connection that keeps up, and room enough."""
    window = 0.05
    virtual = Virtual()
    clients = Clients(virtual, seconds)
    due: list[float] = []

    def turn() -> None:
        stream = stream_of(virtual, clients, window=window)
        for saying in said:
            virtual.clock.sleep(saying.pause)
            stream.text(saying.text)
            due.extend([virtual.hub.time + window + seconds + CLOCK_ERROR] * len(saying.text))
        stream.close()

    virtual.run(turn)
    began = [post.began for post in clients.posts for _ in post.said[1]]
    assert len(began) == len(due)
    assert all(at <= latest for at, latest in zip(began, due, strict=True))

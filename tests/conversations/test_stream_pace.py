"""How many posts a reply takes, and how far they are behind the model."""

import pytest

from tests.conversations.stream_rig import Clients, Post, stream_of
from tests.mailbox.virtual import Virtual

TOKENS = 500
PER_SECOND = 100
POST = 0.015


def reply(*connections: str) -> tuple[Clients, list[float]]:
    """The clients after 500 tokens in 5 seconds; when each was said."""
    virtual = Virtual()
    clients = Clients(virtual, seconds=POST)
    said: list[float] = []

    def turn() -> None:
        stream = stream_of(virtual, clients, *connections)
        for _ in range(TOKENS):
            virtual.clock.sleep(1 / PER_SECOND)
            said.append(virtual.hub.time)
            stream.text("word ")
        stream.close()

    virtual.run(turn)
    return clients, said


def arrivals(posts: list[Post]) -> list[float]:
    """When each token was there."""
    return [post.ended for post in posts for _ in post.said[1].split()]


def test_a_long_reply_takes_few_posts_and_is_never_far_behind() -> None:
    clients, said = reply("c1")
    posts = clients.got("c1")
    assert clients.text("c1") == "word " * TOKENS
    assert len(posts) <= 110
    there = arrivals(posts)
    assert there[0] - said[0] == pytest.approx(POST), "the first goes out at once"
    assert there[-1] - said[-1] < 0.2
    assert max(late - early for late, early in zip(there, said, strict=True)) < 0.1


def test_more_connections_take_no_more_posts_each() -> None:
    names = [f"c{number}" for number in range(8)]
    clients, said = reply(*names)
    for name in names:
        posts = clients.got(name)
        assert clients.text(name) == "word " * TOKENS
        assert len(posts) <= 110
        assert arrivals(posts)[-1] - said[-1] < 0.4, "at worst two rounds of eight posts"

"""The stream of a turn: first piece at once, then as fast as the connections take it."""

import pytest

from shared.conversations.stream import MAX_PIECE, Poster, Stream
from shared.mailbox.leases import LeaseLost
from shared.messaging.push import MAX_MESSAGE_BYTES, PushFailed, PushThrottled
from tests.conversations.stream_rig import WINDOW, Clients, allowed, play, stream_of
from tests.mailbox.virtual import Virtual


@pytest.fixture
def virtual() -> Virtual:
    return Virtual()


@pytest.fixture
def clients(virtual: Virtual) -> Clients:
    return Clients(virtual)


def test_the_first_piece_goes_out_at_once(virtual: Virtual, clients: Clients) -> None:
    play(virtual, clients, [(3, "a"), (10, "b")])
    assert clients.times("stream_token") == [3.0, 13.0]
    assert clients.tokens() == ["a", "b"]


def test_what_arrives_during_a_post_goes_out_together(virtual: Virtual, clients: Clients) -> None:
    pieces = [(0.0, "0"), *[(0.01, str(number)) for number in range(1, 50)]]
    play(virtual, clients, pieces)
    assert clients.text() == "".join(map(str, range(50)))
    assert clients.tokens()[0] == "0"
    assert len(clients.posts) <= 6, "a post takes 0.1 s; it all took 0.5 s"


def test_what_arrives_within_the_window_goes_out_together(
    virtual: Virtual, clients: Clients
) -> None:
    clients.seconds = 0.01
    play(virtual, clients, [(0, "a"), (0.02, "b"), (0.02, "c"), (0.5, "d")])
    assert clients.tokens() == ["a", "bc", "d"]
    assert clients.times("stream_token")[:2] == [0.0, WINDOW]


def test_saying_something_does_not_wait_for_posts(virtual: Virtual, clients: Clients) -> None:
    clients.seconds = 60

    def turn() -> float:
        stream = stream_of(virtual, clients)
        for _ in range(100):
            stream.text("x")
        said = virtual.hub.time
        stream.close()
        return said

    assert virtual.run(turn) == 0.0
    assert clients.text() == "x" * 100


def test_a_long_text_goes_out_in_messages_that_fit(virtual: Virtual, clients: Clients) -> None:
    text = "\x01" * (3 * MAX_PIECE + 5)
    play(virtual, clients, [(0, text)])
    assert clients.text() == text
    assert clients.largest <= MAX_MESSAGE_BYTES


def test_every_connection_gets_everything_in_order(virtual: Virtual, clients: Clients) -> None:
    play(virtual, clients, [(0.02, c) for c in "abcdefgh"], "c1", "c2", "c3")
    for name in ("c1", "c2", "c3"):
        assert clients.text(name) == "abcdefgh"


def test_connections_are_posted_to_side_by_side(virtual: Virtual, clients: Clients) -> None:
    def turn() -> None:
        stream = stream_of(virtual, clients, "c1", "c2", "c3")
        virtual.clock.sleep(1)
        for number in range(4):
            stream.chunk(str(number), {})
        stream.close()

    virtual.run(turn)
    assert [post.said[1] for post in clients.posts] == [*"000111222333"]
    assert clients.posts[-1].ended == pytest.approx(1 + 4 * clients.seconds)


def test_whoever_has_gone_is_left_out_and_named(virtual: Virtual, clients: Clients) -> None:
    clients.plan["c2"] = [True, False]
    stream = play(virtual, clients, [(1, c) for c in "abcd"], "c1", "c2")
    assert clients.text("c1") == "abcd"
    assert clients.text("c2") == "a"
    assert stream.gone == ["c2"]
    assert clients.closed == []


@pytest.mark.parametrize("fault", [PushThrottled("slow"), PushFailed("500")])
def test_text_that_was_refused_is_kept(
    virtual: Virtual, clients: Clients, fault: Exception
) -> None:
    clients.plan["c1"] = [True, fault, fault, fault]
    stream = play(virtual, clients, [(0.05, c) for c in "abcdefghijkl"])
    assert clients.text() == "abcdefghijkl"
    assert len(clients.posts) < 12, "what came meanwhile went out together"
    assert (stream.gone, clients.closed) == ([], [])


def test_failures_count_only_in_a_row(virtual: Virtual, clients: Clients) -> None:
    clients.plan["c1"] = [*[PushThrottled("slow")] * 5, True] * 4
    stream = play(virtual, clients, [(10, c) for c in "abcde"])
    assert clients.text() == "abcde"
    assert stream.gone == []


def test_one_that_is_throttled_does_not_delay_the_others(
    virtual: Virtual, clients: Clients
) -> None:
    clients.plan["slow"] = [PushThrottled("slow")] * 100
    play(virtual, clients, [(1, c) for c in "abcd"], "slow", "good")
    late = [
        began - said
        for began, said in zip(clients.times("stream_token", "good"), (1, 2, 3, 4), strict=True)
    ]
    assert max(late) <= 1e-6


def test_who_never_takes_it_is_closed(virtual: Virtual, clients: Clients) -> None:
    """A hole in the text would be worse than a reconnect."""
    clients.plan["c1"] = [True, *[PushThrottled("slow")] * 100]
    stream = play(virtual, clients, [(1, c) for c in "abc"], "c1", "c2")
    assert clients.text("c1") == "a"
    assert clients.text("c2") == "abc"
    assert (clients.closed, stream.gone) == (["c1"], ["c1"])


def test_closing_sends_the_rest(virtual: Virtual, clients: Clients) -> None:
    clients.seconds = 0.9
    play(virtual, clients, [(0.1, c) for c in "abc"])
    assert clients.text() == "abc"


def test_closing_does_not_wait_for_the_window(virtual: Virtual, clients: Clients) -> None:
    clients.seconds = 0.01
    play(virtual, clients, [(0, "a"), (0.02, "b")], window=5)
    assert clients.times("stream_token") == [0.0, 0.02]


def test_nothing_said_is_nothing_sent(virtual: Virtual, clients: Clients) -> None:
    stream = play(virtual, clients, [(0, "")])
    assert clients.attempts == []
    assert not stream.used


def test_after_the_end_nothing_is_sent(virtual: Virtual, clients: Clients) -> None:
    stream = play(virtual, clients, [(0, "a")])

    def later() -> None:
        stream.text("b")
        stream.chunk("step", {})
        stream.close()

    virtual.run(later)
    virtual.pass_time(100)
    assert len(clients.attempts) == 1


def test_abandoning_sends_nothing_more(virtual: Virtual, clients: Clients) -> None:
    clients.seconds = 5
    play(virtual, clients, [(0.1, c) for c in "abc"], end="abandon")
    assert clients.text() == "a", "the post under way ends, and no other begins"
    assert virtual.hub.time < 20


def test_a_closed_stream_can_be_abandoned(virtual: Virtual, clients: Clients) -> None:
    stream = play(virtual, clients, [(0, "a")])
    virtual.run(stream.abandon)
    assert clients.text() == "a"


def test_abandoning_does_not_wait_for_a_connection_that_must_be_tried_again(
    virtual: Virtual, clients: Clients
) -> None:
    """Its next attempt is up to 3 seconds away."""
    clients.seconds = 0
    clients.plan["c1"] = [PushThrottled("slow")] * 7

    def turn() -> float:
        stream = stream_of(virtual, clients)
        stream.text("a")
        while len(clients.attempts) < 6:
            virtual.clock.sleep(0.001)
        began = virtual.hub.time
        stream.abandon()
        return virtual.hub.time - began

    assert virtual.run(turn) == 0.0
    assert clients.posts == []
    assert clients.closed == []


def test_a_turn_without_connections_says_nothing_and_runs_nothing(
    virtual: Virtual, clients: Clients
) -> None:
    poster = Poster(clients, virtual.clock)

    def turn() -> bool:
        stream = Stream(
            poster, virtual.clock, [], request_id="r", check=allowed, window=0, keepalive=1
        )
        stream.text("a")
        stream.reasoning("b")
        stream.chunk("step", {})
        stream.close()
        stream.abandon()
        return stream.used

    assert virtual.run(turn), "it would have been shown"
    assert virtual.hub.time == 0.0
    virtual.pass_time(10)
    assert clients.attempts == []


def test_nothing_is_posted_without_the_lease(virtual: Virtual, clients: Clients) -> None:
    held = [True, True]

    def check() -> None:
        if not held:
            raise LeaseLost
        held.pop()

    play(virtual, clients, [(1, c) for c in "abcd"], check=check)
    assert clients.text() == "ab"


def test_a_turn_that_was_not_acknowledged_yet_settles(virtual: Virtual, clients: Clients) -> None:
    settle = virtual.clock.now() + 150
    play(virtual, clients, [(0, "a"), (0.05, "b"), (1, "c")], settle_until=settle)
    assert clients.times("stream_token")[0] == pytest.approx(0.15)
    assert clients.tokens() == ["ab", "c"]

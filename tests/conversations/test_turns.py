"""Turns from frame to end: what is sent, stored and counted when things go wrong on the way."""

from collections.abc import Iterator
from typing import Any

from shared.messaging.wakes import Wake
from shared.models.port import (
    Completed,
    ModelError,
    ModelEvent,
    ModelRequest,
    StreamClosed,
    TextDelta,
    Usage,
)
from tests.conversations.rig import at_rest, box, count, streamed, text_of
from tests.wire.scene import Scene


class Broken:
    """A model: each call says its pieces, one a second, then fails or ends."""

    def __init__(self, scene: Scene, *calls: tuple[list[str], ModelError | str]) -> None:
        self._scene = scene
        self._calls = list(calls)
        self.requests: list[ModelRequest] = []

    def stream(self, request: ModelRequest, *, seconds_left: float) -> "Speech":
        self.requests.append(request)
        return Speech(self._scene, *self._calls.pop(0), seconds_left)


class Speech:
    def __init__(
        self, scene: Scene, pieces: list[str], end: ModelError | str, seconds: float
    ) -> None:
        self._scene = scene
        self._pieces = pieces
        self._end = end
        self._until = scene.clock.monotonic() + seconds
        self._closed = False

    def __iter__(self) -> Iterator[ModelEvent]:
        for piece in self._pieces:
            self._scene.clock.sleep(1)
            if self._closed:
                raise StreamClosed
            if self._scene.clock.monotonic() >= self._until:
                raise ModelError("late", code="LLM_UNAVAILABLE", retryable=True)
            yield TextDelta(piece)
        if isinstance(self._end, ModelError):
            raise self._end
        content = [{"type": "text", "text": "".join(self._pieces)}]
        yield Completed(content, self._end, Usage(5, len(self._pieces), cost_nano_usd=10))

    def close(self) -> None:
        self._closed = True


def cut(usage: int = 3) -> ModelError:
    spent = Usage(usage, usage, cost_nano_usd=100)
    return ModelError("cut", code="LLM_UNAVAILABLE", retryable=True, usage=spent)


def use(scene: Scene, *calls: tuple[list[str], Any]) -> Broken:
    """From now on this is the model."""
    model = Broken(scene, *calls)
    scene.deployment.model = model
    return model


def play(scene: Scene, session: str, *calls: tuple[list[str], Any]) -> Any:
    """One turn; its terminal event."""
    use(scene, *calls)
    scene.say("c1", session, "r1", "Hi")
    scene.work()
    return scene.events("c1", "r1")[-1]


def test_a_stream_that_breaks_is_generated_anew_in_silence(scene: Scene, session: str) -> None:
    end = play(scene, session, (["Wrong ", "start"], cut()), (["The ", "reply"], "end_turn"))
    assert end["type"] == "eventual_response"
    assert text_of(end) == "The reply"
    assert "Wrong start".startswith(streamed(scene)), "clients get no second beginning"
    usage = end["data"]["data"]["usage"]
    assert usage == {"promptTokens": 8, "completionTokens": 5, "costUsd": 1.1e-07}
    assert count(scene, session) == 2
    assert at_rest(scene, session)


def test_three_broken_streams_are_the_end(scene: Scene, session: str) -> None:
    end = play(scene, session, *[(["x"], cut())] * 3)
    assert (end["type"], end["error"]["code"]) == ("error", "LLM_UNAVAILABLE")
    assert count(scene, session) == 1, "the question stays in the log"
    assert at_rest(scene, session)


def test_a_failure_before_any_text_is_not_repeated(scene: Scene, session: str) -> None:
    end = play(scene, session, ([], cut()))
    assert end["type"] == "error"


def test_a_refusal_without_words_is_an_error(scene: Scene, session: str) -> None:
    assert play(scene, session, ([], "refusal"))["error"]["code"] == "MODEL_REFUSED"


def test_a_turn_has_its_time(scene: Scene, session: str) -> None:
    end = play(scene, session, (["x"] * 700, "end_turn"))
    assert end["error"]["code"] == "TURN_TIMEOUT"
    assert at_rest(scene, session)


def test_a_worker_has_less_time_than_the_turn(scene: Scene, session: str) -> None:
    """It hands over; the next one generates anew, and clients get the whole with the end."""
    use(scene, *[(["x"] * 30, "end_turn")] * 2)
    scene.say("c1", session, "r1", "Hi")
    scene.work(seconds=30)
    assert {event["type"] for event in scene.events("c1", "r1")[1:]} == {"stream_token"}
    shown = streamed(scene)
    scene.work()
    end = scene.events("c1", "r1")[-1]
    assert text_of(end) == "x" * 30
    assert streamed(scene) == shown
    assert at_rest(scene, session)


def test_a_turn_longer_than_any_worker_comes_to_an_end(scene: Scene, session: str) -> None:
    model = use(scene, *[(["x"] * 100, "end_turn")] * 9)
    scene.say("c1", session, "r1", "Hi")
    for _ in range(10):
        scene.work(seconds=40)
    assert scene.events("c1", "r1")[-1]["error"]["code"] == "INTERNAL_ERROR"
    assert len(model.requests) == 4
    assert at_rest(scene, session)


def test_a_stop_ends_a_running_reply_within_two_seconds(scene: Scene, session: str) -> None:
    scene.model.tokens, scene.model.seconds = ["x"] * 60, 60.0
    scene.say("c1", session, "r1", "Hi")
    key = box(scene, session)
    ref = f"TURN#{session}#r1"
    began = scene.clock.monotonic()
    cancel = scene.deployment.requests.cancel
    scene.virtual.at(10, lambda: cancel(key, ref, who="local"))
    scene.work()
    end = scene.events("c1", "r1")[-1]
    assert end["type"] == "cancelled"
    assert scene.clock.monotonic() - began <= 13
    assert at_rest(scene, session)


def test_a_worker_that_died_is_replaced_and_says_nothing_twice(scene: Scene, session: str) -> None:
    scene.say("c1", session, "r1", "Hi")
    key = box(scene, session)
    taken = scene.deployment.drain.holder.take(key, "dead/1")
    assert isinstance(taken, tuple)
    scene.virtual.pass_time(36)
    scene.wake(Wake(key.pk, key.tenant, epoch=1))
    assert streamed(scene) == "", "text may have been shown before"
    assert text_of(scene.events("c1", "r1")[-1]) == "Hello"
    assert at_rest(scene, session)

"""Turns from frame to end: what is sent, stored and counted when things go wrong on the way."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared.backends.agents import no_such_agent
from shared.conversations.items import box_key, meta_key, session_key
from shared.mailbox.box import Box, BoxKey
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
from shared.protocol.events import MAX_EVENT_BYTES, encode
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


@pytest.fixture
def session(scene: Scene) -> str:
    scene.connect("c1")
    return scene.session("c1")


def box(scene: Scene, session: str) -> BoxKey:
    item = scene.deployment.table.get([session_key(session)])[0]
    assert item is not None
    assert item.body is not None
    return box_key("local", item.body["conversation"])


def count(scene: Scene, session: str) -> int:
    item = scene.deployment.table.get([meta_key(box(scene, session))])[0]
    assert item is not None
    return int(item.attrs["count"])


def at_rest(scene: Scene, session: str) -> bool:
    key = box(scene, session)
    item = scene.deployment.table.get([key.item])[0]
    assert item is not None
    state = Box.read(key, item)
    return (state.jobs, state.owner, state.due) == ((), None, None)


def text_of(event: Any) -> str:
    return "".join(event["data"]["data"]["response"]["responseParts"])


def streamed(scene: Scene, request_id: str = "r1") -> str:
    events = scene.events("c1", request_id)
    return "".join(event["token"] for event in events if event["type"] == "stream_token")


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


@pytest.mark.parametrize("character", ["x", "漢", "\x01", '"', "\U0001f600"])
def test_an_oversized_reply_fits_its_event_and_stands_whole_in_the_log(
    scene: Scene, session: str, character: str
) -> None:
    reply = character * 200_000
    scene.model.tokens = [reply]
    scene.say("c1", session, "r1", "Hi")
    scene.work()
    end = scene.events("c1", "r1")[-1]
    assert end["type"] == "eventual_response"
    assert len(encode(end)) <= MAX_EVENT_BYTES
    assert text_of(end).endswith("…")
    assert reply.startswith(text_of(end)[:-1])
    assert streamed(scene) == reply
    page = scene.deployment.table.query(box(scene, session).partition, prefix="MSG#")
    assert (page.items[1].body or {})["text"] == reply


def test_the_same_frame_again_is_the_same_turn(scene: Scene, session: str) -> None:
    scene.say("c1", session, "r1", "Hi")
    assert scene.say("c1", session, "r1", "Hi")["data"] == {"duplicate": True}
    scene.work()
    ended = scene.events("c1", "r1")[-1]
    again = scene.say("c1", session, "r1", "Hi")
    assert again == ended, "byte for byte"
    assert len(scene.model.requests) == 1
    refused = scene.say("c1", session, "r1", "Something else")
    assert refused["error"]["code"] == "VALIDATION_ERROR"


def test_whoever_has_gone_is_detached_and_the_turn_goes_on(scene: Scene, session: str) -> None:
    scene.say("c1", session, "r1", "Hi")
    scene.push.gone.add("c1")
    scene.work()
    key = box(scene, session)
    item = scene.deployment.table.get([key.item])[0]
    assert item is not None
    assert item.attrs["conns"] == {}
    assert count(scene, session) == 2
    assert at_rest(scene, session)


def test_an_agent_that_was_removed_meanwhile(
    scene: Scene, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:

    def get(_: str) -> Any:
        raise no_such_agent()

    scene.say("c1", session, "r1", "Hi")
    monkeypatch.setattr(scene.deployment.drain._handlers["conv"], "_agents", get)
    scene.work()
    assert scene.events("c1", "r1")[-1]["error"]["code"] == "AGENT_NOT_FOUND"
    assert at_rest(scene, session)

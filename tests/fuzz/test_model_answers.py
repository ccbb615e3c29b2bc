"""Whatever a provider streams: a reply or one of our errors, and a conversation that goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from hypothesis import example, given

from shared.clock import SystemClock
from shared.errors import ParleyError
from shared.identity.credentials import LOCAL
from shared.local.messages_api import Reply, complaint, events
from shared.models.calls import MessagesModel, Patience
from shared.models.port import Completed, Model, ModelEvent, ModelRequest, Usage
from shared.runner.events import Reply as Ended
from shared.runner.events import TurnEvent
from shared.runner.request import TurnRequest, model_request
from shared.runner.turn import Turn
from tests.fuzz.answers import BLOCKS, Said, streams
from tests.fuzz.extent import extent
from tests.fuzz.shapes import FOREIGN
from tests.runner.paper import Paper
from tests.tools.calls import tool


def lookup(id: int, note: str = "") -> str:  # noqa: A002 - a name that authors like
    return f"found {id}"


CLOCK = SystemClock()
LOOKUP = tool(lookup)
NESTED = json.loads("[" * 100 + "]" * 100)


class Answer:
    def __init__(self, told: Said) -> None:
        self._told = told

    def events(self) -> Iterator[Mapping[str, Any]]:
        return iter(self._told)

    def cut(self) -> None:
        """Nobody waits for it."""

    def close(self) -> None:
        """Nothing is open."""


PLAIN = list(events(Reply(id="m9", model="m", chunks=["Well."])))


class Provider:
    """Gives the strange answer once, then plain ones."""

    def __init__(self, told: Said) -> None:
        self._answers = [told]

    def ask(self, body: Mapping[str, Any], *, seconds_left: float) -> Answer:
        _may_be_asked(body)
        return Answer(self._answers.pop() if self._answers else PLAIN)

    def close(self) -> None:
        """Nothing is open."""


class Strange:
    """A model that completes with this content once, then plainly."""

    def __init__(self, content: Said) -> None:
        self._contents = [content]

    def stream(self, request: ModelRequest, *, seconds_left: float) -> Completing:
        _may_be_asked(_body(request))
        content = self._contents.pop() if self._contents else [{"type": "text", "text": "Well."}]
        return Completing(content)


class Completing:
    def __init__(self, content: Said) -> None:
        self._content = content

    def __iter__(self) -> Iterator[ModelEvent]:
        yield Completed(self._content, "tool_use", Usage(3, 2))

    def close(self) -> None:
        """Nothing is open."""


@extent(1000)
@example([{"type": "message_start", "message": {"usage": {"input_tokens": "many"}}}])
@given(streams())
def test_any_stream(told: Said) -> None:
    patience = Patience(max_retries=0)
    goes_well(MessagesModel(Provider(told), clock=CLOCK, prices=None, patience=patience))


@extent(1000)
@example([{"type": "tool_use", "id": "t1", "name": "tool", "input": {"id": float("inf")}}])
@example([{"type": "tool_use", "id": "t1", "name": "tool", "input": {"id": NESTED}}])
@example([{"type": "tool_use", "id": "t1", "input": {}}])
@example([{"type": "text"}])
@example([{"text": "no type"}])
@given(BLOCKS)
def test_any_content(content: Said) -> None:
    goes_well(Strange(content))


def goes_well(model: Model) -> None:
    """One turn, whose end is its reply or an error of ours. What it noted can be stored, and what
    follows in the conversation can be asked."""
    host = Paper(cast(Any, model), clock=CLOCK)
    end = _end(Turn(_request("now"), host, CLOCK).run())
    if not isinstance(end, Ended):
        assert isinstance(end, ParleyError)
        assert not FOREIGN.search(end.message)
    for note in host.notes:
        _wired(note)
    history = [{"role": "user", "text": "now"}, *host.notes]
    _may_be_asked(_body(model_request(_request("and then", history), [], last=False)))


def _request(message: str, history: Sequence[Mapping[str, Any]] = ()) -> TurnRequest:
    return TurnRequest(
        access=LOCAL,
        instructions="Be kind.",
        model="m",
        max_tokens=100,
        message=message,
        tools=[LOOKUP],
        history=history,
    )


def _body(request: ModelRequest) -> dict[str, Any]:
    return {
        "model": request.model,
        "max_tokens": request.max_tokens,
        "messages": list(request.messages),
        "tools": list(request.tools),
    }


def _may_be_asked(body: Mapping[str, Any]) -> None:
    """It can be written, and the provider would take it. Thoughts it signs itself; one that it did
    not sign is its own affair."""
    said = complaint(_wired(body))
    assert said is None or "signature" in said


def _end(running: Iterator[TurnEvent]) -> TurnEvent | ParleyError:
    try:
        return list(running)[-1]
    except ParleyError as fault:
        return fault


def _wired(value: Any) -> Any:
    """As it is after a way through JSON in UTF-8, which the store and the provider take."""
    return json.loads(json.dumps(value, allow_nan=False, ensure_ascii=False).encode())

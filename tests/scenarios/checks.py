"""What must hold at the end of every scenario, whatever it was about."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.scenarios.script import Play, Scenario
from tests.support.frames_client import TERMINAL, Event, FramesClient, streamed, text_of
from tests.support.messages_api import ScriptedMessagesApi


def check(play: Play, scenario: Scenario, api: ScriptedMessagesApi) -> None:
    """Raises AssertionError for what is wrong."""
    then = scenario.get("then", {})
    for who, client in play.clients.items():
        rest = [event for event in client.unread() if not _copy(event, then)]
        assert rest == [], f"{who} got events that the scenario does not foresee: {rest}"
    for request_id in _accepted(play):
        _ended_once(play, request_id, then)
        for client in play.clients.values():
            _in_order(client, request_id)
            if request_id in then.get("silent", ()):
                _silent(client, request_id)
            elif request_id in then.get("partial", ()):
                pieces = streamed(client.received, request_id)
                assert then["partial"][request_id].startswith(pieces), f"{request_id}: {pieces!r}"
            else:
                _whole_text(client, request_id)
    _asked(play, then, api)
    api.assert_done()


def _copy(event: Mapping[str, Any], then: Mapping[str, Any]) -> bool:
    """The end of a turn, for a connection that came to its session, or asked again, as it ended."""
    return event["type"] in TERMINAL and event.get("requestId") in then.get("copies", ())


def _accepted(play: Play) -> set[str]:
    return {
        event["requestId"]
        for client in play.clients.values()
        for event in client.received
        if event.get("status") == 202
    }


def _ended_once(play: Play, request_id: str, then: Mapping[str, Any]) -> None:
    """One terminal event; copies only for who asked again, and byte for byte the same.

    A repeat that comes while the turn ends may get it twice: from the worker, and as its answer.
    """
    refused = request_id in then.get("refused", ())
    texts: list[str] = []
    for who, client in play.clients.items():
        ends = [text for text, event in _ends(client, request_id) if not _refusal(event, refused)]
        most = 1 + 2 * _repeats(client, request_id)
        assert len(ends) <= most, f"{who} got {len(ends)} ends of {request_id}"
        assert len(set(ends)) <= 1, f"{who} got different ends of {request_id}: {ends}"
        texts += ends[:1]
    several = request_id in then.get("apart", ())
    assert len(set(texts)) == (len(texts) if several else 1), f"ends of {request_id}: {texts}"


def _ends(client: FramesClient, request_id: str) -> Iterator[tuple[str, Event]]:
    for text, event in zip(client.raw, client.received, strict=True):
        if event.get("requestId") == request_id and event["type"] in TERMINAL:
            yield text, event


def _refusal(event: Mapping[str, Any], expected: bool) -> bool:
    """An error that tells of a frame; those of turns say whether a repeat may help."""
    if not expected or event["type"] != "error":
        return False
    return "retryable" not in event["data"].get("details", {})


def _in_order(client: FramesClient, request_id: str) -> None:
    """The acceptance comes before everything else; after the end comes no text."""
    kinds = [
        "accepted" if event.get("status") == 202 else event["type"]
        for event in client.received
        if event.get("requestId") == request_id
    ]
    if "accepted" in kinds:
        before = set(kinds[: kinds.index("accepted")])
        assert before <= {"error"}, f"{request_id}: {kinds}"
    if "eventual_response" in kinds:
        after = kinds[kinds.index("eventual_response") :]
        assert "stream_token" not in after, f"{request_id}: text after the end"


def _whole_text(client: FramesClient, request_id: str) -> None:
    """What was streamed is what the end says, for the sender and for who listened. Who asked
    again may have come too late for the text."""
    pieces = streamed(client.received, request_id)
    sender = any(
        event.get("requestId") == request_id and event.get("status") == 202 and not event["data"]
        for event in client.received
    )
    for _, event in _ends(client, request_id):
        if event["type"] == "eventual_response" and (pieces or sender):
            assert pieces == text_of(event), f"{request_id}: {pieces!r}"


def _silent(client: FramesClient, request_id: str) -> None:
    """Nothing came between the acceptance and the end."""
    kinds = {event["type"] for event in client.received if event.get("requestId") == request_id}
    assert kinds <= {"immediate_response", *TERMINAL}, f"{request_id}: {kinds}"


def _repeats(client: FramesClient, request_id: str) -> int:
    mine = [event for event in client.received if event.get("requestId") == request_id]
    return sum(event.get("status") == 202 and "duplicate" in event["data"] for event in mine)


def _asked(play: Play, then: Mapping[str, Any], api: ScriptedMessagesApi) -> None:
    if "asked" not in then:
        return
    asked = json.loads(json.dumps(api.requests))
    wrong = play.mismatch(then["asked"], asked, "asked")
    assert wrong is None, wrong

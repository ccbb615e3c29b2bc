"""What must hold at the end of every scenario, whatever it was about."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shared.storage.artifacts import Artifacts
from tests.scenarios.play import STREAMED, Play
from tests.scenarios.script import Scenario
from tests.scenarios.shown import shown
from tests.support.frames_client import TERMINAL, Event, FramesClient, streamed, text_of
from tests.support.messages_api import ScriptedMessagesApi


def check(
    play: Play,
    scenario: Scenario,
    api: ScriptedMessagesApi,
    *,
    called: Sequence[Any] = (),
    kept: Sequence[str] = (),
) -> None:
    """Raises AssertionError for what is wrong. `called` are the requests that the scenario's
    server got, `kept` the texts of what was kept."""
    then = scenario.get("then", {})
    for who, client in play.clients.items():
        rest = [
            event
            for event in client.unread()
            if event["type"] not in STREAMED and not _copy(event, then)
        ]
        assert rest == [], f"{who} got events that the scenario does not foresee: {rest}"
    mails = play.mail.unread()
    assert mails == [], f"mails were sent that the scenario does not foresee: {mails}"
    for request_id in _accepted(play):
        _ended_once(play, request_id, then)
        for client in play.clients.values():
            _in_order(client, request_id)
            _shown(play, client, request_id, then)
            if request_id in then.get("silent", ()):
                _silent(client, request_id)
            elif request_id in then.get("partial", ()):
                pieces = streamed(client.received, request_id)
                assert then["partial"][request_id].startswith(pieces), f"{request_id}: {pieces!r}"
            else:
                _whole_text(client, request_id)
    _all_of(play, "asked", then.get("asked"), api.requests)
    _all_of(play, "called", then.get("called", []), called)
    _all_of(play, "kept", then.get("kept", []), kept)
    api.assert_done()


def kept(artifacts: Artifacts) -> list[str]:
    """The texts of all results that were too long for the log, by name."""
    names = (each.name for each in artifacts.list("conversations/").artifacts)
    found = [artifacts.get(name) for name in sorted(names) if "/results/" in name]
    return [data.decode() for data in found if data is not None]


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
    """The acceptance comes before everything else; after the end nothing streams."""
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
        assert STREAMED.isdisjoint(after), f"{request_id}: more after the end"


def _shown(play: Play, client: FramesClient, request_id: str, then: Mapping[str, Any]) -> None:
    """What streamed, and what people were asked, is what the scenario foresees; of a turn of which
    it foresees nothing, text alone may stream."""
    mine = [event for event in client.received if event.get("requestId") == request_id]
    expected = then.get("shown", {}).get(request_id)
    if expected is None:
        kinds = {event["type"] for event in mine}
        assert kinds.isdisjoint(STREAMED - {"stream_token"}), f"{request_id}: {kinds}"
    elif _is_sender(client, request_id):
        wrong = play.mismatch(expected, shown(mine), f"shown of {request_id}")
        assert wrong is None, wrong


def _is_sender(client: FramesClient, request_id: str) -> bool:
    """Whether this one asked first; who asked again may have come too late for what streamed."""
    return any(
        event.get("requestId") == request_id
        and event.get("status") == 202
        and "duplicate" not in event["data"]
        for event in client.received
    )


def _whole_text(client: FramesClient, request_id: str) -> None:
    """What was streamed is what the end says, for the sender and for who listened or came back."""
    sender = _is_sender(client, request_id)
    for _, event in _ends(client, request_id):
        if event["type"] != "eventual_response":
            continue
        whole = text_of(event)
        pieces = streamed(client.received, request_id, whole if _came_back(client) else "")
        if pieces or sender:
            assert pieces == whole, f"{request_id}: {pieces!r}"


def _came_back(client: FramesClient) -> bool:
    """Whether it had text from another connection."""
    return any("begin" in event.get("data", {}) for event in client.received)


def _silent(client: FramesClient, request_id: str) -> None:
    """Nothing came between the acceptance and the end."""
    kinds = {event["type"] for event in client.received if event.get("requestId") == request_id}
    assert kinds <= {"immediate_response", *TERMINAL}, f"{request_id}: {kinds}"


def _repeats(client: FramesClient, request_id: str) -> int:
    mine = [event for event in client.received if event.get("requestId") == request_id]
    return sum(event.get("status") == 202 and "duplicate" in event["data"] for event in mine)


def _all_of(play: Play, what: str, expected: Any, found: Sequence[Any]) -> None:
    """Everything of a kind is as foreseen; None foresees anything."""
    if expected is not None:
        wrong = play.mismatch(expected, json.loads(json.dumps(found)), what)
        assert wrong is None, wrong

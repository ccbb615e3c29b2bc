"""The same frame several times at the same moment is one turn."""

import collections
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from tests.races.conftest import Start
from tests.support.deployments import Running
from tests.support.frames_client import TERMINAL, Event, FramesClient, text_of
from tests.support.messages_api import ScriptedMessagesApi, last_words
from tests.support.messages_api_script import Answer, Request

COPIES = 3


class Model:
    """Repeats what it hears; the first message only when it may."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def __call__(self, request: Request) -> Answer:
        return f"Re: {last_words(request)}"

    def hold(self, request: Request) -> Answer:
        assert self.go_on.wait(30)
        return self(request)


def connections(cleanup: ExitStack, running: Running, count: int = 2) -> list[FramesClient]:
    opened = [FramesClient(running.socket_url) for _ in range(count)]
    for client in opened:
        cleanup.callback(client.close)
    return opened


def send_copies(clients: Sequence[FramesClient], session: str, request_id: str, text: str) -> None:
    """The same frame several times on each connection, all at the same moment."""
    line = threading.Barrier(len(clients))

    def send(client: FramesClient) -> None:
        line.wait()
        for _ in range(COPIES):
            client.send_message(session, request_id, text)

    with ThreadPoolExecutor(len(clients)) as threads:
        collections.deque(threads.map(send, clients), maxlen=0)


def answers(clients: Sequence[FramesClient], request_id: str) -> list[Event]:
    """The answer to each copy; how the turn ends is passed over."""
    found: list[Event] = []
    for client in clients:
        expected = len(found) + COPIES
        while len(found) < expected:
            event = client.next(request_id)
            if event["type"] != "eventual_response":
                found.append(event)
    return found


def ends(clients: Sequence[FramesClient], request_id: str) -> set[str]:
    return {
        text
        for client in clients
        for text, event in zip(client.raw, client.received, strict=True)
        if event.get("requestId") == request_id and event["type"] in TERMINAL
    }


def one_accepted(found: Sequence[Event]) -> None:
    assert [event.get("status") for event in found] == [202] * len(found), found
    assert sum("duplicate" not in event["data"] for event in found) == 1


@pytest.mark.parametrize("attempt", range(5))
def test_copies_on_two_connections_are_one_turn(start: Start, attempt: int) -> None:
    with (
        ExitStack() as cleanup,
        ScriptedMessagesApi(reply=Model()) as api,
        start(api.base_url, {}) as running,
    ):
        clients = connections(cleanup, running)
        session = clients[0].open_session()["sessionId"]
        send_copies(clients, session, "q", "Hi")
        one_accepted(answers(clients, "q"))
        running.settle()
        for client in clients:
            client.read_all()
        assert len(ends(clients, "q")) == 1
        assert all(ends([client], "q") for client in clients)
        assert clients[0].log(session) == [("inbound", "Hi"), ("outbound", "Re: Hi")]
        assert len(api.requests) == 1


@pytest.mark.parametrize("attempt", range(3))
def test_copies_for_the_last_place_of_a_backlog_are_one_turn(start: Start, attempt: int) -> None:
    model = Model()
    with (
        ExitStack() as cleanup,
        ScriptedMessagesApi([model.hold], reply=model) as api,
        start(api.base_url, {"SESSION_BACKLOG": "1"}) as running,
    ):
        cleanup.callback(model.go_on.set)
        clients = connections(cleanup, running)
        session = clients[0].open_session()["sessionId"]
        clients[0].send_message(session, "running", "First")
        assert clients[0].next("running")["status"] == 202
        send_copies(clients, session, "last", "Second")
        one_accepted(answers(clients, "last"))
        # Now it is full: a new one is refused however often, and the old ones are known.
        send_copies(clients, session, "new", "Third")
        refusals = answers(clients, "new")
        assert {event["error"]["code"] for event in refusals} == {"SESSION_BACKLOG_FULL"}
        send_copies(clients, session, "last", "Second")
        again = answers(clients, "last")
        assert [event["data"] for event in again] == [{"duplicate": True}] * len(again)
        model.go_on.set()
        for client in clients:
            assert text_of(client.terminal("last")) == "Re: Second"
        running.settle()
        assert clients[0].log(session) == [
            ("inbound", "First"),
            ("outbound", "Re: First"),
            ("inbound", "Second"),
            ("outbound", "Re: Second"),
        ]
        assert len(api.requests) == 2


def test_a_repeat_while_the_turn_ends_always_gets_the_end(start: Start) -> None:
    rounds = 30
    with (
        ExitStack() as cleanup,
        ScriptedMessagesApi(reply=Model()) as api,
        start(api.base_url, {"RATE_LIMIT_PER_MINUTE": "0"}) as running,
    ):
        first, second = connections(cleanup, running)
        session = first.open_session()["sessionId"]
        for number in range(rounds):
            request_id = f"q{number}"
            first.send_message(session, request_id, "Hi")
            while first.next(request_id, tokens=True)["type"] != "stream_token":
                pass
            # Its text is short: by now the turn is about to end, or has just done so.
            second.send_message(session, request_id, "Hi")
            mine = text_of(first.terminal(request_id))
            assert text_of(second.terminal(request_id)) == mine
            assert len(ends([first, second], request_id)) == 1
        assert len(api.requests) == rounds


def test_a_repeat_that_comes_just_before_the_turn_leaves_gets_the_end(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The repeat finds the turn running; by the time that it is noted as a listener, it is gone."""
    model = Model()
    with (
        ExitStack() as cleanup,
        ScriptedMessagesApi([model.hold], reply=model) as api,
        start(api.base_url, {}) as running,
    ):
        cleanup.callback(model.go_on.set)
        first, second = connections(cleanup, running)
        session = first.open_session()["sessionId"]
        requests = running.deployment.requests
        attach = requests.attach

        def late(*given: Any, **options: Any) -> None:
            model.go_on.set()
            first.terminal("q")
            # The turn after it: by its end the first one has left for sure.
            first.say(session, "next", "Hi again")
            attach(*given, **options)

        monkeypatch.setattr(requests, "attach", late)
        first.send_message(session, "q", "Hi")
        assert first.next("q")["status"] == 202
        second.send_message(session, "q", "Hi")
        assert second.next("q")["data"] == {"duplicate": True}
        assert text_of(second.terminal("q")) == "Re: Hi"
        assert len(ends([first, second], "q")) == 1

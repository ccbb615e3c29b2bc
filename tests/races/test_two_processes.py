"""One conversation, written from two operating-system processes at the same moments."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from tests.support.deployments import Place
from tests.support.frames_client import TERMINAL, FramesClient
from tests.support.messages_api import ScriptedMessagesApi, last_words
from tests.support.server_process import server_processes

ROUNDS = 50
SETTINGS = {"SESSION_BACKLOG": "200", "RATE_LIMIT_PER_MINUTE": "0", "PUSH_WINDOW_MS": "0"}
PATIENCE = 120.0


def write(client: FramesClient, session: str, name: str, together: Barrier) -> None:
    """Send a message in every round, and wait for the end of every other one: so some find the
    conversation idle, and others find it busy."""
    for number in range(ROUNDS):
        request_id = f"{name}-{number}"
        together.wait(PATIENCE)
        client.send_message(session, request_id, request_id)
        assert client.next(request_id)["status"] == 202
        if number % 2:
            client.terminal(request_id)


def talk_from_two_processes(endpoint: str) -> None:
    place = Place.fresh(endpoint)
    with (
        ScriptedMessagesApi(reply=lambda request: f"Re: {last_words(request)}") as api,
        server_processes(place, api.base_url, SETTINGS) as (here, there),
        FramesClient(here, patience=PATIENCE) as ann,
        FramesClient(there, patience=PATIENCE) as bob,
    ):
        opened = ann.open_session()
        joined = bob.open_session(conversationId=opened["conversationId"])
        assert joined["conversationId"] == opened["conversationId"]
        together = Barrier(2)
        with ThreadPoolExecutor(2) as threads:
            writing = [
                threads.submit(write, ann, opened["sessionId"], "ann", together),
                threads.submit(write, bob, joined["sessionId"], "bob", together),
            ]
            # Whoever fails first leaves the other one waiting: both have their say.
            failures = [failure for each in writing if (failure := each.exception())]
        assert not failures, failures
        for client, name in ((ann, "ann"), (bob, "bob")):
            for number in range(0, ROUNDS, 2):
                client.terminal(f"{name}-{number}")
            client.read_all()
            check_ends(client, name)
        check_log(ann.log(opened["sessionId"]))
        assert len(api.requests) == 2 * ROUNDS


def check_ends(client: FramesClient, name: str) -> None:
    """One terminal event for each request of this client, and none of the other one's."""
    ended = Counter(event["requestId"] for event in client.received if event["type"] in TERMINAL)
    assert ended == {f"{name}-{number}": 1 for number in range(ROUNDS)}


def check_log(log: list[tuple[str, str]]) -> None:
    """Nothing lost, nothing twice, and every message followed by its own reply."""
    sent = {f"{name}-{number}" for name in ("ann", "bob") for number in range(ROUNDS)}
    questions = [text for direction, text in log if direction == "inbound"]
    assert Counter(questions) == dict.fromkeys(sent, 1)
    pairs = [(("inbound", text), ("outbound", f"Re: {text}")) for text in questions]
    assert log == [message for pair in pairs for message in pair]
    for name in ("ann", "bob"):
        mine = [text for text in questions if text.startswith(name)]
        assert mine == [f"{name}-{number}" for number in range(ROUNDS)]


def test_on_moto(moto: str) -> None:
    talk_from_two_processes(moto)


@pytest.mark.emulator
def test_on_the_emulator(ministack: str, tmp_path: Path) -> None:
    talk_from_two_processes(ministack)

"""A killed `parley dev` comes back, and no turn is lost, repeated or answered twice.

The model answers differently the second time, as real ones do. It falls silent after so many
pieces of its first answer, so where the process dies is exact.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.dev_process import DevProcess
from tests.support.frames_client import FramesClient, streamed, text_of
from tests.support.gateway import PATIENCE
from tests.support.messages_api import ScriptedMessagesApi, Step, last_words

FIRST = ["The", " first", " answer", " is", " lost"]
SECOND = ["Another", " one"]
ANSWER = "".join(SECOND)

Log = list[tuple[str, str]]


@contextmanager
def parley(api: ScriptedMessagesApi, workspace: Path) -> Iterator[DevProcess]:
    variables = {"ANTHROPIC_BASE_URL": api.base_url, "ANTHROPIC_API_KEY": "dummy"}
    with DevProcess(workspace, variables) as dev:
        yield dev


def wait_until_asked(api: ScriptedMessagesApi, count: int) -> None:
    api.wait_for(lambda api: len(api.requests) == count)


def wait_for_log(client: FramesClient, session: str, log: Log) -> None:
    """Look again until the conversation is this: nobody tells a stranger that a turn has ended."""
    give_up = time.monotonic() + PATIENCE
    while (now := client.log(session)) != log:
        assert time.monotonic() < give_up, now
        assert len(now) <= len(log), now
        time.sleep(0.05)


def end_of(dev: DevProcess, session: str, request_id: str, message: str) -> str:
    """What a repeat of the request gets: a duplicate, and the bytes of its end."""
    with FramesClient(dev.socket_url) as client:
        client.send_message(session, request_id, message)
        accepted = client.next(request_id)
        assert accepted["status"] == 202
        assert accepted["data"] == {"duplicate": True}
        text_of(client.terminal(request_id))
        return client.raw[-1]


def test_a_turn_survives_a_kill_at_any_piece_of_its_reply(tmp_path: Path) -> None:
    points = [0, 1, 3, len(FIRST)]
    steps = [
        step
        for point in points
        for step in (Step(tokens=FIRST, stall_after=point), Step(tokens=SECOND))
    ]
    log: Log = []
    conversation: dict[str, str] = {}
    with ScriptedMessagesApi(steps) as api, parley(api, tmp_path) as dev:
        for number, point in enumerate(points):
            message = f"Message {number}"
            with FramesClient(dev.socket_url) as client:
                opened = client.open_session(**conversation)
                conversation = {"conversationId": opened["conversationId"]}
                client.send_message(opened["sessionId"], "q", message)
                assert client.next("q")["status"] == 202
                wait_until_asked(api, 2 * number + 1)
                shown = "".join(FIRST[:point])
                while streamed(client.received, "q") != shown:
                    client.next("q", tokens=True)
                dev.kill()
            dev.start()
            # Nobody asks for it: the turn goes on by itself.
            log += [("inbound", message), ("outbound", ANSWER)]
            with FramesClient(dev.socket_url) as client:
                session = client.open_session(**conversation)["sessionId"]
                wait_for_log(client, session, log)
            first = end_of(dev, opened["sessionId"], "q", message)
            assert end_of(dev, opened["sessionId"], "q", message) == first
            assert ANSWER in first
            with FramesClient(dev.socket_url) as client:
                assert client.log(session) == log


def test_a_kill_at_the_end_sends_the_same_end_again(tmp_path: Path) -> None:
    rounds = 3
    steps = [Step(tokens=[f"Reply {number}"]) for number in range(rounds)]
    conversation: dict[str, str] = {}
    log: Log = []
    with ScriptedMessagesApi(steps) as api, parley(api, tmp_path) as dev:
        for number in range(rounds):
            message = f"Message {number}"
            with FramesClient(dev.socket_url) as client:
                opened = client.open_session(**conversation)
                client.send_message(opened["sessionId"], "q", message)
                text_of(client.terminal("q"))
                # It may or may not have noted by now that the end was sent.
                dev.kill()
                seen = client.raw[-1]
            dev.start()
            conversation = {"conversationId": opened["conversationId"]}
            log += [("inbound", message), ("outbound", f"Reply {number}")]
            assert end_of(dev, opened["sessionId"], "q", message) == seen
            with FramesClient(dev.socket_url) as client:
                session = client.open_session(**conversation)["sessionId"]
                assert client.log(session) == log


def test_a_message_sent_into_a_kill_is_answered_once_when_sent_again(tmp_path: Path) -> None:
    conversation: dict[str, str] = {}
    log: Log = []
    with (
        ScriptedMessagesApi(reply=lambda request: f"Re: {last_words(request)}") as api,
        parley(api, tmp_path) as dev,
    ):
        for number in range(4):
            message = f"Message {number}"
            with FramesClient(dev.socket_url) as client:
                opened = client.open_session(**conversation)
                client.send_message(opened["sessionId"], "q", message)
                if number % 2:
                    client.next("q")
                dev.kill()
            dev.start()
            conversation = {"conversationId": opened["conversationId"]}
            log += [("inbound", message), ("outbound", f"Re: {message}")]
            with FramesClient(dev.socket_url) as client:
                assert client.say(opened["sessionId"], "q", message) == f"Re: {message}"
                assert client.log(opened["sessionId"]) == log


def test_messages_that_wait_survive_a_kill(tmp_path: Path) -> None:
    steps = [
        Step(tokens=FIRST, stall_after=2),
        Step(tokens=SECOND),
        Step(tokens=["For two"]),
        Step(tokens=["For three"]),
    ]
    with ScriptedMessagesApi(steps) as api, parley(api, tmp_path) as dev:
        with FramesClient(dev.socket_url) as client:
            opened = client.open_session()
            session = opened["sessionId"]
            for request_id in ("one", "two", "three"):
                client.send_message(session, request_id, request_id)
                assert client.next(request_id)["status"] == 202
            api.wait_for(lambda api: api.deltas == 2)
            dev.kill()
        dev.start()
        with FramesClient(dev.socket_url) as client:
            log = [
                ("inbound", "one"),
                ("outbound", ANSWER),
                ("inbound", "two"),
                ("outbound", "For two"),
                ("inbound", "three"),
                ("outbound", "For three"),
            ]
            wait_for_log(client, session, log)


def test_a_kill_while_nothing_happens_loses_nothing(tmp_path: Path) -> None:
    steps = [Step(tokens=["One"]), Step(tokens=["Two"]), Step(tokens=["Three"])]
    with ScriptedMessagesApi(steps) as api, parley(api, tmp_path) as dev:
        with FramesClient(dev.socket_url) as client:
            session = client.open_session()["sessionId"]
            assert client.say(session, "q1", "First") == "One"
            assert client.say(session, "q2", "Second") == "Two"
            before = client.log(session)
            dev.kill()
        dev.start()
        with FramesClient(dev.socket_url) as client:
            assert client.log(session) == before
            assert client.say(session, "q3", "Third") == "Three"
        said = [entry["content"] for entry in api.requests[-1]["messages"]]
        assert said == ["First", "One", "Second", "Two", "Third"]

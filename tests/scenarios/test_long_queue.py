"""A conversation in which as many messages wait as the settings allow."""

import threading
from pathlib import Path

from tests.support.deployments import local_set
from tests.support.frames_client import FramesClient
from tests.support.messages_api import ScriptedMessagesApi, last_words

WAITING = 120
SETTINGS = {"SESSION_BACKLOG": "200", "RATE_LIMIT_PER_MINUTE": "0"}


def test_more_waiting_messages_than_one_read_may_have_are_listed(tmp_path: Path) -> None:
    go_on = threading.Event()

    def held(_: object) -> str:
        assert go_on.wait(30)
        return "Re: 0"

    with (
        ScriptedMessagesApi([held], reply=lambda asked: f"Re: {last_words(asked)}") as api,
        local_set(tmp_path, api.base_url, SETTINGS) as running,
        FramesClient(running.socket_url) as client,
    ):
        try:
            session = client.open_session()["sessionId"]
            for number in range(WAITING):
                client.send_message(session, f"q{number}", str(number))
                assert client.next(f"q{number}")["status"] == 202
            listed = client.log(session)
        finally:
            go_on.set()
        assert listed == [("inbound", str(number)) for number in range(WAITING)]
        client.terminal(f"q{WAITING - 1}")
        assert client.log(session) == [
            message
            for number in range(WAITING)
            for message in (("inbound", str(number)), ("outbound", f"Re: {number}"))
        ]

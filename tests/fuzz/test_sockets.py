"""The same over real sockets: whatever is sent, the connection stays open and goes on."""

import base64
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import frames
from tests.fuzz.clients import ends_of
from tests.fuzz.extent import extent
from tests.fuzz.shapes import complaint
from tests.support.deployments import Running, local_set
from tests.support.frames_client import FramesClient
from tests.support.messages_api import ScriptedMessagesApi, echo

log = logging.getLogger("parley")

LARGEST = 32_000
"""Bytes; API Gateway closes a connection that sends a larger frame."""

BATCH = 40
EXAMPLES = 10

_TEXTS = frames.mutated_frames() | frames.valid_frames | frames.any_json | frames.any_text
MESSAGES = st.lists(
    _TEXTS | frames.mangled_frames() | st.binary(max_size=50), min_size=BATCH, max_size=BATCH
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    log.disabled = True
    settings = {"RATE_LIMIT_PER_MINUTE": "0", "SESSION_BACKLOG": "2"}
    folder = Path(tmp_path_factory.mktemp("set"))
    with (
        ScriptedMessagesApi(reply=echo) as api,
        local_set(folder, api.base_url, settings) as made,
    ):
        yield made
    log.disabled = False


@extent(EXAMPLES)
@given(MESSAGES)
def test_the_socket_stays_open(running: Running, messages: list[str | bytes]) -> None:
    with FramesClient(running.socket_url) as client:
        ids = client.open_session()
        for message in messages:
            client.send(message if isinstance(message, bytes) else _filled(message, ids))
        client.read_all()
        assert client.ask("ping")["type"] == "pong"
        for name in {each["requestId"] for each in client.received if each.get("status") == 202}:
            while not [end for end in ends_of(client.received) if end[0] == name]:
                client.next(name)
        assert len(set(ends_of(client.received))) == len(dict(ends_of(client.received)))
        for event in client.received:
            assert not (found := complaint(event)), f"{found} in {event}"


def _filled(text: str, ids: dict[str, str]) -> str:
    text = frames.expanded(text)
    for name in ("own", "second", "latest"):
        text = text.replace(f"${{{name}}}", ids["sessionId"])
        text = text.replace(f"${{{name}:conversation}}", ids["conversationId"])
    fits = len(text.encode("utf-8", "replace")) <= LARGEST
    return text if fits else base64.b64encode(text[:100].encode("utf-8", "replace")).decode()

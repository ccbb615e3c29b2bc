"""The published client, unchanged, holds a conversation with a real `parley dev`."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.faults.dev_process import DevProcess
from tests.support.client_models import PYTHON

SCRIPT = Path(__file__).parent / "session.py"
Said = dict[str, Any]


@pytest.fixture(scope="module", name="said")
def said_by_client(tmp_path_factory: pytest.TempPathFactory) -> Said:
    """What the client saw, with the demo model answering."""
    if not PYTHON.exists():
        pytest.fail("The published client is not installed: run `make test`, which installs it.")
    with DevProcess(tmp_path_factory.mktemp("workspace")) as dev:
        # -I: the checkout, with other versions of its libraries, stays out of its sight.
        command = [str(PYTHON), "-I", str(SCRIPT), dev.socket_url]
        run = subprocess.run(command, capture_output=True, check=False, timeout=90)
    if run.returncode:
        pytest.fail(run.stderr.decode()[-3000:])
    said: Said = json.loads(run.stdout)
    return said


def test_a_session_is_created_and_found(said: Said) -> None:
    created, found = said["created"], said["session"]
    assert created["agentName"] == "Assistant"
    same = ("sessionId", "conversationId", "agentId", "userParticipantId", "agentParticipantId")
    assert [found[name] for name in same] == [created[name] for name in same]
    assert found["status"] == "active"


def test_the_second_turn_recalls_the_first(said: Said) -> None:
    assert "green" in said["turns"][1]["final"]


def test_what_is_streamed_is_the_reply(said: Said) -> None:
    for turn in said["turns"]:
        assert turn["streamed"] == turn["final"] != ""
        assert turn["kinds"][0] == "immediate_response"
        assert turn["kinds"][-1] == "eventual_response"
        assert set(turn["kinds"][1:-1]) == {"stream_token"}


def test_the_first_page_of_messages(said: Said) -> None:
    page = said["messages"]
    texts = [message["content"]["text"] for message in page["messages"]]
    recalled, first = said["turns"][1]["final"], said["turns"][0]["final"]
    assert texts == [recalled, "What is my favourite colour?", first]
    assert [message["direction"] for message in page["messages"]] == [
        "outbound",
        "inbound",
        "outbound",
    ]
    assert page["hasMore"] is True


def test_the_conversation_is_listed_and_found(said: Said) -> None:
    listed = said["conversations"]
    [entry] = listed["conversations"]
    conversation = said["created"]["conversationId"]
    assert entry["conversationId"] == conversation
    assert entry["title"] == "My favourite colour is green."
    assert entry["messageCount"] == 4
    assert listed["hasMore"] is False
    assert (said["found"], said["not_found"]) == ([conversation], 0)


def test_a_decision_that_nobody_waits_for_is_refused(said: Said) -> None:
    assert said["refused"] == "NO_PENDING_CONFIRMATION"


def test_a_ping_is_answered(said: Said) -> None:
    assert said["ping"] > 0


def test_no_frame_is_dropped(said: Said) -> None:
    assert said["unsolicited"] == []
    assert said["handed_on"] == said["received"]

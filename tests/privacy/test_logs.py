"""Whole conversations, with everything that can go wrong, and what is written down of them."""

import base64
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests.messaging.receivers import Receiver, receiver
from tests.privacy.canaries import Canaries, listening
from tests.privacy.talk import answer, ask, deployment, steps, talk
from tests.support.deployments import Running
from tests.support.frames_client import FramesClient
from tests.support.messages_api import ScriptedMessagesApi


def _files(words: Canaries) -> list[dict[str, str]]:
    """One that is kept, and one that cannot be had."""
    content = base64.b64encode(words["attachment"].encode()).decode()
    words.add("attachment as data", content)
    return [
        {"name": words["attached"], "url": f"data:;base64,{content}"},
        {"name": "b", "url": f"https://127.0.0.1/{words['attached']}"},
    ]


def _upload(running: Running, words: Canaries, session: str) -> None:
    """Whoever has the place's URL may write there."""
    body = {"session_id": session, "name": words["attached"], "mime_type": "a/b", "size": 1}
    status, place = ask(running, words, "POST", "/uploads", body)
    assert status == 201
    words.add("link", place["url"].rpartition("/")[2])
    with urllib.request.urlopen(
        urllib.request.Request(place["url"], b"1", place["headers"], method="PUT")
    ) as answer:
        assert answer.status == 200


@pytest.fixture
def words() -> Canaries:
    return Canaries()


@pytest.fixture
def server(words: Canaries) -> Iterator[Receiver]:
    """Somebody else's server, which has trouble."""
    with receiver() as made:
        made.status, made.body = 500, f"server says {words['server']}".encode()
        yield made


def test_conversations(
    words: Canaries,
    server: Receiver,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PARLEY_SECRET_REMOTE", words["secret"])
    monkeypatch.setenv("ANTHROPIC_LOG", "debug")
    with (
        patch("tests.support.deployments.SERVICE_TOKEN", words["token"]),
        listening() as written,
        ScriptedMessagesApi(steps(words)) as api,
        deployment(tmp_path, api, server, words) as running,
    ):
        ticket = running.ticket("ann")
        words.add("ticket", ticket)
        with FramesClient(running.socket_url, f"?ticket={ticket}") as client:
            ends = talk(client, words)
            answer(running, client, words)
        hook = f"http://127.0.0.1:{server.port}/hook?token={words['query']}&{words['query']}"
        asked: dict[str, Any] = {
            "agent_id": "assistant",
            "message": f"{words['question']} called back",
        }
        asked["dynamic_variables"] = {"customer": words["variable"]}
        asked["files"] = _files(words)
        status, said = ask(
            running, words, "POST", "/executor/turns", {**asked, "callback_url": hook}
        )
        assert status == 200
        _upload(running, words, said["session_id"])
        for body in ({"agent_id": words["body"], "message": "x"}, {words["body"]: words["body"]}):
            assert ask(running, words, "POST", "/executor/turns", body)[0] in (404, 422)
        assert ask(running, words, "GET", f"/turns/{words['body']}?{words['query']}")[0] == 404
        running.settle()
        assert {call.path for call in server.got} >= {"/hook?" + hook.partition("?")[2]}
    assert ends == {
        "a question": "eventual_response",
        "refused": "MODEL_REFUSED",
        "unknown key": "LLM_UNAVAILABLE",
        "busy": "MODEL_OVERLOADED",
        "broken": "MODEL_OVERLOADED",
        "dropped": "LLM_UNAVAILABLE",
    }
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    told = {line["message"] for line in lines}
    assert told >= {
        *("turn failed", "tool failed", "tool did not work", "delivery failed", "frame refused"),
        *("turn accepted", "turn taken", "model call ended", "tool call ended", "turn waits"),
        *("decided", "turn ended", "posted"),
    }
    captured = capfd.readouterr()
    for metric in ("OldestDueAge", "TurnsFailed", "ModelRetries", "ToolErrors", "DeliveryRetries"):
        assert f'"{metric}"' in captured.out
    assert words.heard(written.getvalue() + captured.out + captured.err) == {}

"""Turns over the deployed HTTP API."""

import pytest

from tests.e2e.client import Http

pytestmark = pytest.mark.emulator


def test_a_turn_is_answered_at_once(http: Http) -> None:
    status, turn = http.call(
        "POST", "/executor/turns", {"agent_id": "assistant", "message": "Good morning"}
    )
    assert status == 200, turn
    assert turn["status"] == "completed"
    assert "Good morning" in turn["text"]
    assert turn["session_id"]
    assert turn["usage"]

    status, again = http.call("GET", f"/turns/{turn['turn_id']}")
    assert status == 200, again
    assert (again["status"], again["text"]) == ("completed", turn["text"])


def test_a_session_goes_on(http: Http) -> None:
    _, first = http.call(
        "POST", "/executor/turns", {"agent_id": "assistant", "message": "I am Ann"}
    )
    status, second = http.call(
        "POST",
        "/executor/turns",
        {"agent_id": "assistant", "session_id": first["session_id"], "message": "What did I say?"},
    )
    assert status == 200, second
    assert "I am Ann" in second["text"]


def test_nobody_comes_in_without_the_token(http: Http) -> None:
    for method, path in (("POST", "/executor/turns"), ("POST", "/tickets"), ("GET", "/turns/x")):
        status, body = http.anonymous().call(method, path, {} if method == "POST" else None)
        assert status == 401, (path, body)


def test_health_is_open(http: Http) -> None:
    status, body = http.anonymous().call("GET", "/health")
    assert status == 200
    assert http.url not in str(body)

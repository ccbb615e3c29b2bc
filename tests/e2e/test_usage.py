"""What has been used, by the deployed counters."""

import pytest

from tests.e2e.client import Http

pytestmark = pytest.mark.emulator


def test_a_turn_is_counted(http: Http) -> None:
    """Other tests talk to the same deployment, and at the same time."""
    status, before = http.call("GET", "/usage")
    assert status == 200, before
    assert len(before["days"]) == 30

    asked = {"agent_id": "assistant", "message": "How much is the fish?"}
    status, turn = http.call("POST", "/executor/turns", asked, user="frida")
    assert status == 200, turn
    used = turn["usage"]

    _, after = http.call("GET", "/usage")
    assert after["total"]["turns"] >= before["total"]["turns"] + 1
    told = before["total"]["output_tokens"] + used["completionTokens"]
    assert after["total"]["output_tokens"] >= told

    [entry] = http.call("GET", "/conversations?query=fish", user="frida")[1]
    status, state = http.call("GET", f"/conversations/{entry['conversation_id']}", user="frida")
    assert status == 200, state
    assert (state["usage"]["turns"], state["usage"]["output_tokens"]) == (
        1,
        used["completionTokens"],
    )
    assert http.call("GET", "/usage", user="frida")[0] == 403

"""People answer through the published client, unchanged, what turns ask them."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.client_models import PYTHON
from tests.support.deployments import local_set
from tests.support.messages_api import ScriptedMessagesApi, Step, ToolCall
from tests.support.recorded_mail import RecordedMail

SCRIPT = Path(__file__).parent / "answering.py"
AGENT = {
    "name": "Shop",
    "instructions": "You help.",
    "tools": [
        {"python": "shop:refund", "approval": "required"},
        {"python": "shop:pay", "verified": True},
    ],
}
TOOLS = '''
def refund(order: str) -> str:
    """Refund an order."""
    return f"refunded {order}"


def pay() -> str:
    """Pay."""
    return "paid"
'''
MODEL = [
    Step(tool_calls=[ToolCall(name="refund", input={"order": "1"})]),
    Step(tokens=["Refunded."]),
    Step(tool_calls=[ToolCall(name="refund", input={"order": "2"})]),
    Step(tokens=["Not refunded."]),
    Step(
        tool_calls=[ToolCall(name="request_identity_intake", input={"fields": [{"key": "email"}]})]
    ),
    Step(tokens=["Thank you."]),
    Step(tool_calls=[ToolCall(name="pay")]),
    Step(tokens=["Paid."]),
]
Said = dict[str, Any]


@pytest.fixture(scope="module", name="said")
def said_by_client(tmp_path_factory: pytest.TempPathFactory) -> Said:
    """What the client saw."""
    if not PYTHON.exists():
        pytest.fail("The published client is not installed: run `make test`, which installs it.")
    folder = tmp_path_factory.mktemp("answers")
    (folder / "agents").mkdir()
    (folder / "agents" / "shop.yaml").write_text(yaml.safe_dump(AGENT), "utf-8")
    (folder / "agents" / "shop.py").write_text(TOOLS, "utf-8")
    settings = {"ASSISTANT_LOCAL_CONFIG_DIR": str(folder / "agents")}
    with (
        ScriptedMessagesApi(MODEL) as api,
        local_set(folder / "workspace", api.base_url, settings) as running,
    ):
        running.deployment.mail = mail = RecordedMail()
        # -I: the checkout, with other versions of its libraries, stays out of its sight.
        command = [str(PYTHON), "-I", str(SCRIPT), running.socket_url]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as client:
            try:
                [code] = re.findall(r"\b\d{6}\b", mail.next().text)
                out, err = client.communicate(f"{code}\n".encode(), timeout=60)
            except BaseException:
                client.kill()
                raise
        api.assert_done()
    if client.returncode:
        pytest.fail(err.decode()[-3000:])
    said: Said = json.loads(out)
    return said


def raw_of(turn: Said) -> list[Said]:
    """What was said of calls, in its order."""
    chunks = [event for event in turn["events"] if event["type"] == "stream_chunk"]
    return [chunk["data"]["state"]["rawResponse"] for chunk in chunks]


def test_a_call_is_approved_under_the_request_id_of_its_turn(said: Said) -> None:
    turn = said["turns"]["approved"]
    assert turn["kinds"] == [
        "immediate_response",
        "write_confirmation_required",
        "stream_chunk",
        "immediate_response",
        "stream_chunk",
        "eventual_response",
    ]
    call, result = raw_of(turn)
    assert call["toolCall"]["arguments"] == '{"order": "1"}'
    assert (result["toolResult"]["isError"], result["toolResult"]["result"]) == (
        False,
        "refunded 1",
    )
    assert turn["final"] == "Refunded."


def test_what_it_takes_to_name_the_approval_reaches_the_client(said: Said) -> None:
    [_, asked, call, *_] = said["turns"]["approved"]["events"]
    assert asked["data"]["data"]["toolId"] == "refund"
    pending = call["data"]["state"]["pendingWriteConfirmation"]
    assert pending["arguments"] == {"order": "1"}
    assert pending["approvalId"].startswith("approval_")


def test_a_call_is_denied_under_another_request_id(said: Said) -> None:
    turn = said["turns"]["denied"]
    assert turn["kinds"] == [
        "immediate_response",
        "write_confirmation_required",
        "stream_chunk",
        "stream_chunk",
        "eventual_response",
    ]
    assert raw_of(turn)[1]["toolResult"]["isError"] is True
    assert turn["final"] == "Not refunded."


def test_a_form_is_filled_in_wrongly_and_then_well(said: Said) -> None:
    turn = said["turns"]["filled in"]
    assert turn["kinds"] == [
        "immediate_response",
        "interaction_required",
        "stream_chunk",
        "interaction_invalid",
        "immediate_response",
        "stream_chunk",
        "eventual_response",
    ]
    [wrong] = [event for event in turn["events"] if event["type"] == "interaction_invalid"]
    [fault] = wrong["data"]["data"]["errors"]
    assert (fault["field"], fault["message"]) == ("email", "must be a valid email address")
    assert "ann@example.org" in raw_of(turn)[1]["toolResult"]["result"]


def test_a_code_is_entered_and_the_turn_goes_on(said: Said) -> None:
    turn = said["turns"]["verified"]
    assert turn["kinds"] == [
        "immediate_response",
        "otp_verification_required",
        "otp_sent",
        "otp_verified",
        "stream_chunk",
        "stream_chunk",
        "eventual_response",
    ]
    assert raw_of(turn)[1]["toolResult"]["result"] == "paid"


def test_no_frame_is_dropped(said: Said) -> None:
    assert said["unsolicited"] == [
        ["immediate_response", "open"],
        ["immediate_response", "denial"],
    ]
    assert said["handed_on"] == said["received"]

"""What a model is asked, to the letter, from the frame to the wire.

An agent without optional sections asks exactly what `requests.json` holds, from release to
release: a section that an agent does not have leaves no trace. Whoever changes the file on
purpose says so in the changelog, as it changes what every agent costs and says.
"""

import json
from pathlib import Path

from tests.support.deployments import local_set
from tests.support.frames_client import FramesClient, message_frame
from tests.support.messages_api import ScriptedMessagesApi, Step

HERE = Path(__file__).parent
AGENT = "name: Support\ninstructions: You help with orders.\nmodel: claude-sonnet-5\n"


def asked_by(folder: Path, agent: str) -> list[object]:
    """The bodies of the requests of a conversation of two turns."""
    (folder / "agents").mkdir()
    (folder / "agents" / "support.yaml").write_text(agent, "utf-8")
    steps = [Step(tokens=["It is", " on its way."]), Step(tokens=["Tomorrow."])]
    settings = {"ASSISTANT_LOCAL_CONFIG_DIR": str(folder / "agents")}
    with ScriptedMessagesApi(steps) as api, local_set(folder / "w", api.base_url, settings) as set_:
        client = FramesClient(set_.socket_url, "")
        session = client.open_session("support")["sessionId"]
        for request_id, text in (("q1", "Where is order 42?"), ("q2", "When will it be here?")):
            client.send(message_frame(session, request_id, text))
            assert client.next(request_id)["status"] == 202
            assert client.next(request_id)["type"] == "eventual_response"
        client.close()
    return list(api.raw_requests)


def test_an_agent_without_optional_sections(tmp_path: Path) -> None:
    assert asked_by(tmp_path, AGENT) == json.loads((HERE / "requests.json").read_text("utf-8"))


def test_sections_that_are_empty_leave_no_trace(tmp_path: Path) -> None:
    empty = "tools: []\nskills: []\nmodels_allowed: []\norigins: []\nsuggested_replies: false\n"
    empty += "confirm_tools: []\noverrides: []\n"
    plain, spelled = tmp_path / "plain", tmp_path / "spelled"
    plain.mkdir()
    spelled.mkdir()
    more = f"max_tokens: 4096\nmax_iterations: 20\n{empty}"
    assert asked_by(spelled, AGENT + more) == asked_by(plain, AGENT)

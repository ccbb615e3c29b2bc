"""Odd names at every door of the local set: nothing outside is read, and no answer tells more than
that there is no such thing.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from functions.ws_connect.handler import handler as ws_connect
from shared.errors import ConfigurationError, NotFound
from shared.settings import Settings
from shared.storage.sqlite import SqliteTable
from shared.wiring import Deployment
from tests.local.odd_names import AGENT, ODD_IDS, OUTSIDE, Opened, files, grounds
from tests.web.site import Answer, Site, site_in
from tests.wire.scene import Scene

OPENED = Opened()


@pytest.fixture
def environ(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The settings; afterwards nothing has been read, made or removed outside."""
    settings = grounds(tmp_path)
    before = files(tmp_path)
    with OPENED.watched() as opened:
        yield settings
    read = {Path(path).name for path in opened if path.startswith(str(tmp_path))}
    assert [path for path in opened if OUTSIDE in path or path == "/etc/passwd"] == []
    assert {name for name in read if name.endswith(".yaml")} <= {"support.yaml", "bad.yaml"}
    assert files(tmp_path) - before <= {"agents/bad.yaml"}


@pytest.fixture
def site(tmp_path: Path, environ: dict[str, str]) -> Iterator[Site]:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    with site_in(workspace, **environ) as site:
        yield site


@pytest.fixture
def scene(tmp_path: Path, environ: dict[str, str]) -> Iterator[Scene]:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    engine = SqliteTable(workspace / "parley.db")
    scene = Scene(engine, workspace, **environ)
    scene.connect("c1")
    yield scene
    engine.close()


def said(answer: Answer) -> tuple[int, Any]:
    """The whole answer, which has nothing from outside in it."""
    assert OUTSIDE not in answer.text
    return answer.status, answer.body


def error(event: dict[str, Any]) -> Any:
    """An error as a client sees it."""
    assert event["type"] == "error", event
    assert OUTSIDE not in json.dumps(event)
    return event["error"]


# -- HTTP -------------------------------------------------------------------------------------


def test_an_odd_agent_is_a_missing_agent(site: Site) -> None:
    missing = said(site.turn(agent_id="nobody"))
    assert (missing[0], missing[1]["error"]["code"]) == (404, "AGENT_NOT_FOUND")

    assert {name: said(site.turn(agent_id=name)) for name in ODD_IDS} == dict.fromkeys(
        ODD_IDS, missing
    )
    assert site.model.requests == []


@pytest.mark.parametrize("name", ["", "x" * 129, "../" * 50, "\ud800", None, 7, ["../x"]])
def test_what_is_no_id_at_all_is_a_fault_of_the_body(site: Site, name: Any) -> None:
    answer = site.turn(agent_id=name)
    assert answer.status == 422
    assert "agent_id" in answer.body["detail"] or "body" in answer.body["detail"]


def test_an_odd_session_is_a_missing_session(site: Site) -> None:
    names = [name for name in ODD_IDS if len(name) <= 64]
    found = {site.turn(agent_id="support", session_id=name).status for name in names}
    assert found == {404}


@pytest.mark.parametrize("name", [*ODD_IDS, "x" * 5000, "../" * 1000])
def test_a_path_with_an_odd_id_leads_nowhere(site: Site, name: str) -> None:
    once = quote(name, safe="")
    for step in (name, once, quote(once, safe=""), once.replace("%", "%25").lower()):
        for method, path in (
            ("GET", f"/conversations/{step}/messages"),
            ("GET", f"/turns/{step}"),
            ("POST", f"/turns/{step}/cancel"),
        ):
            answer = site.ask(method, path)
            # A step that is none makes another route of it.
            assert answer.status in (404, 405), (path, answer)
            assert OUTSIDE not in answer.text
            assert answer.body["error"]["code"] in (
                *("CONVERSATION_NOT_FOUND", "TURN_NOT_FOUND", "NOT_FOUND", "METHOD_NOT_ALLOWED"),
            )


@pytest.mark.parametrize("name", ["../tone", "tone\x00", "/etc/passwd", "..", "tone.md", "x" * 129])
def test_an_odd_skill_is_a_fault_of_the_body(site: Site, name: str) -> None:
    answer = site.turn(agent_id="support", skill=name)
    assert (answer.status, answer.body["error"]["code"]) == (422, "VALIDATION_ERROR")
    assert "skill" in answer.body["detail"]


def test_an_odd_key_is_a_key(site: Site) -> None:
    """An Idempotency-Key is never a name of anything: only a digest of it is kept."""
    for key in ("../../x", "..%2fx", "/etc/passwd", "con", "#"):
        assert site.turn(agent_id="support", Idempotency_Key=key).status == 200


# -- WebSocket --------------------------------------------------------------------------------


def create(scene: Scene, connection: str = "c1", **fields: Any) -> dict[str, Any]:
    return scene.frame(connection, "create_conversation_session", requestId="q", **fields)


def test_an_odd_agent_of_a_frame_is_a_missing_agent(scene: Scene) -> None:
    missing = error(create(scene, agentId="nobody"))
    assert missing["code"] == "AGENT_NOT_FOUND"
    names = [name for name in ODD_IDS if name.strip()]

    found = {name: error(create(scene, agentId=name)) for name in names}

    assert found == dict.fromkeys(names, missing)


def test_an_odd_agent_of_a_connection_is_refused_or_missing(scene: Scene) -> None:
    for number, name in enumerate([*ODD_IDS, "x" * 129, "../" * 2000]):
        request = {"connectionId": f"d{number}", "eventType": "CONNECT"}
        query = {"queryStringParameters": {"assistant_id": name}}
        answer = scene.invoke(ws_connect, {"requestContext": request, **query})
        if answer["statusCode"] == 200:
            assert error(create(scene, f"d{number}"))["code"] == "AGENT_NOT_FOUND"
        else:
            assert answer["statusCode"] == 403


@pytest.mark.parametrize("name", ODD_IDS)
def test_other_odd_ids_of_frames(scene: Scene, name: str) -> None:
    fresh = create(scene, agentId="support", conversationId=name)
    assert fresh["status"] == 200, "one that cannot exist means a fresh one"
    session = fresh["data"]["sessionId"]
    gone = {
        "get_session": {"sessionId": name},
        "get_conversation_messages": {"sessionId": name},
        "send_message": {"sessionId": name, "message": "Hi"},
    }
    for action, fields in gone.items():
        code = error(scene.frame("c1", action, requestId="q", **fields))["code"]
        assert code == ("SESSION_NOT_FOUND" if name.strip() else "VALIDATION_ERROR"), action
    odd = {"requestId": "q", "conversationId": name, "title": "T"}
    code = error(scene.frame("c1", "rename_conversation", **odd))["code"]
    assert code == ("CONVERSATION_NOT_FOUND" if name.strip() else "VALIDATION_ERROR")
    for action in ("get_conversation_messages", "list_conversations"):
        paged = {"sessionId": session, "cursor": name, "requestId": "q"}
        event = scene.frame("c1", action, **paged)
        assert event["type"] == "immediate_response" or error(event)["code"] == "VALIDATION_ERROR"
    chosen = {"sessionId": session, "message": "Hi", "requestId": "q", "skill": name}
    code = error(scene.frame("c1", "send_message", **chosen))["code"]
    assert code in ("VALIDATION_ERROR", "SKILL_NOT_FOUND")


def test_a_request_id_is_part_of_a_key_and_of_nothing_else(scene: Scene) -> None:
    session = create(scene, agentId="support")["data"]["sessionId"]
    for name in ODD_IDS:
        answer = scene.say("c1", session, name, "Hi")
        assert answer.get("status") == 202 or error(answer)["code"] == "VALIDATION_ERROR", answer
        scene.work()


# -- agents' files ----------------------------------------------------------------------------

BAD_FUNCTIONS = (
    *(f"../{OUTSIDE}:f", f"..{OUTSIDE}:f", f"below/{OUTSIDE}:f", f"/{OUTSIDE}:f", f"{OUTSIDE}\\:f"),
    *("tools\x00:f", "tools:f\x00", "tools:../f", ":f", "tools:", "a..b:f", "con:f", "C:\\x:f"),
    *("%2e%2e%2fx:f", "\uff0e\uff0e\uff0fx:f", "a" * 65 + ":f", "a." * 3000 + "a:f", "link:f"),
)
BAD_SKILLS = (
    *(f"../{OUTSIDE}", f"../../{OUTSIDE}", "tone\x00", "tone.md", "/etc/passwd", "a/b", "a\\b"),
    *("..", ".", "", "C:x", "%2e%2e", "t\u00f6ne", "x" * 129),
)


@pytest.mark.parametrize(
    ("field", "fields"),
    [("tools.0.python", f"tools: [{{python: {json.dumps(name)}}}]") for name in BAD_FUNCTIONS]
    + [("skills.0", f"skills: [{json.dumps(name)}]") for name in BAD_SKILLS],
)
def test_an_odd_name_in_an_agent_s_file_is_refused_with_its_place(
    tmp_path: Path, environ: dict[str, str], field: str, fields: str
) -> None:
    (tmp_path / "agents" / "bad.yaml").write_text(f"{AGENT}{fields}\n")
    deployment = Deployment(Settings.load(environ, loopback=True))

    with pytest.raises(ConfigurationError) as caught:
        deployment.equipped_agents.equipped("bad", "local")

    assert caught.value.message.startswith(f'agents/bad.yaml, line 3: "{field}" ')
    assert str(tmp_path) not in caught.value.message


@pytest.mark.parametrize("name", ["con", "NUL", "support.", "-support", "com1.yaml"])
def test_a_file_that_is_named_oddly_is_no_agent(
    tmp_path: Path, environ: dict[str, str], name: str
) -> None:
    deployment = Deployment(Settings.load(environ, loopback=True))
    assert deployment.agents.get("support", "local").id == "support"
    with pytest.raises(NotFound):
        deployment.agents.get(name, "local")
    for path in (tmp_path / "agents").glob("*.yaml"):
        if path.stem not in (name, "support"):
            path.unlink()

    with pytest.raises(ConfigurationError) as caught:
        deployment.agents.list("local")

    assert caught.value.message.startswith(f"agents/{name}.yaml: the name of the file is the")
    assert OUTSIDE not in caught.value.message

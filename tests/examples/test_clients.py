"""The clients of the HTTP API and of the WebSocket, and the agent with tools of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.examples.programs import ROOT, complaint, printed, run
from tests.faults.dev_process import free_port
from tests.support.deployments import SERVICE_TOKEN, TOKEN, Running, local_set
from tests.support.messages_api import ScriptedMessagesApi, Step, ToolCall, echo

Served = tuple[Running, ScriptedMessagesApi]


@contextmanager
def served(folder: Path, steps: Any = (), **variables: str) -> Iterator[Served]:
    reply = None if steps else echo
    with (
        ScriptedMessagesApi(steps, reply) as api,
        local_set(folder, api.base_url, variables) as running,
    ):
        yield running, api


def test_a_question_over_http(tmp_path: Path) -> None:
    with served(tmp_path) as (running, _):
        ended = run("ask_http.py", "assistant", "Hello there", PARLEY_URL=running.url)
        assert printed(ended) == "You said: Hello there (message 1)"


def test_a_question_over_http_with_a_token(tmp_path: Path) -> None:
    with served(tmp_path, **TOKEN) as (running, _):
        refused = run("ask_http.py", "assistant", "Hello", PARLEY_URL=running.url)
        assert complaint(refused) == "A valid credential is required."
        variables = {"PARLEY_URL": running.url, "SERVICE_TOKEN": SERVICE_TOKEN}
        ended = run("ask_http.py", "assistant", "Hello", **variables)
        assert printed(ended) == "You said: Hello (message 1)"


def test_a_turn_that_fails_over_http(tmp_path: Path) -> None:
    refusal = Step(status=401, error_type="authentication_error")
    with served(tmp_path, [refusal]) as (running, _):
        ended = run("ask_http.py", "assistant", "Hello", PARLEY_URL=running.url)
        assert complaint(ended) == "The model provider does not accept the API key."


def test_a_refund_waits_until_somebody_decides(tmp_path: Path) -> None:
    steps = [
        Step(tool_calls=[ToolCall(name="refund_order", input={"order_id": "1041"})]),
        Step(tokens=["It is on its way."]),
    ]
    with served(tmp_path, steps) as (running, api):
        url = {"PARLEY_URL": running.url}
        asked = run("ask_http.py", "shop", "Refund order 1041", **url)
        assert 'refund_order(order_id: \\"1041\\")' in complaint(asked)
        approval, description, call, order, until = printed(
            run("approve_http.py", **url)
        ).splitlines()
        assert 'refund_order(order_id: "1041")' in description
        assert call == "  shop would call refund_order for local"
        assert order == '    "order_id": "1041"'
        assert until.startswith("  until 2")
        ended = run("approve_http.py", "approve", approval, "Sorry!", **url)
        assert printed(ended) == "approved by local"
        running.settle()
        assert "go back to Chen" in api.requests[-1]["messages"][-1]["content"][0]["content"]
        contrary = run("approve_http.py", "deny", approval, **url)
        assert complaint(contrary) == "This has been decided already: approved."
        assert printed(run("approve_http.py", **url)) == "Nothing waits for you."
        nobody = run("approve_http.py", "approve", "approval_x", **url)
        assert complaint(nobody) == "There is no such approval."


def test_a_chat_over_the_websocket(tmp_path: Path) -> None:
    with served(tmp_path) as (running, _):
        said = "Hello there\n\nWhat did I say?\n"
        ended = run(
            "chat_websocket.py", "assistant", said=said, PARLEY_WEBSOCKET_URL=running.socket_url
        )
        first, second = printed(ended).splitlines()
        assert first == "You said: Hello there (message 1)"
        assert second == "Before that you said: Hello there (message 2)"


def test_a_chat_with_a_ticket(tmp_path: Path) -> None:
    with served(tmp_path, **TOKEN) as (running, _):
        url = f"{running.socket_url}?ticket={running.ticket()}"
        ended = run("chat_websocket.py", "assistant", said="Hi\n", PARLEY_WEBSOCKET_URL=url)
        assert printed(ended) == "You said: Hi (message 1)"
        again = run("chat_websocket.py", "assistant", said="Hi\n", PARLEY_WEBSOCKET_URL=url)
        assert complaint(again).startswith("The connection failed")


def test_a_chat_with_nobody(tmp_path: Path) -> None:
    with served(tmp_path) as (running, _):
        url = running.socket_url
        ended = run("chat_websocket.py", "nobody", said="Hi\n", PARLEY_WEBSOCKET_URL=url)
        assert complaint(ended) == "There is no such agent."


def test_where_nothing_listens_the_clients_say_so() -> None:
    port = free_port()
    http = run("ask_http.py", "assistant", "Hi", PARLEY_URL=f"http://127.0.0.1:{port}")
    assert f"Nothing answers at http://127.0.0.1:{port}." in complaint(http)
    url = f"ws://127.0.0.1:{port}/ws"
    socket = run("chat_websocket.py", "assistant", PARLEY_WEBSOCKET_URL=url)
    assert complaint(socket).startswith("The connection failed")


def test_the_notebook_keeps_users_apart(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("NOTES_FOLDER", str(tmp_path / "notes"))
    steps = [
        Step(tool_calls=[ToolCall(name="write_note", input={"text": "Buy milk"})]),
        Step(tokens=["Written down."]),
        *[Step(tool_calls=[ToolCall(name="read_notes")]), Step(tokens=["These."])] * 2,
    ]
    agents = {"ASSISTANT_LOCAL_CONFIG_DIR": str(ROOT / "examples" / "notebook")}
    with served(tmp_path, steps, **agents, **TOKEN) as (running, api):
        for person, said in (("ann", "Buy milk"), ("ann", "My notes?"), ("bob", "My notes?")):
            url = f"{running.socket_url}?ticket={running.ticket(person)}"
            lines = f"{said}\n"
            printed(run("chat_websocket.py", "notebook", said=lines, PARLEY_WEBSOCKET_URL=url))
        results = [
            request["messages"][-1]["content"][0]["content"] for request in api.requests[1::2]
        ]
        assert results == ["Written.", '["Buy milk"]', "[]"]

"""What agents know, what is sent back and forth, what may be spent, and that it goes again: through
the deployed functions, with the agents of the artifact."""

import base64
import json
import urllib.request
from typing import Any

import pytest

from tests.e2e.client import Http, wait_for
from tests.e2e.stack import Stack
from tests.support.messages_api import ScriptedMessagesApi, Step, ToolCall
from tests.support.messages_api_script import Script

pytestmark = pytest.mark.emulator

PATIENCE = 60.0


def ask(http: Http, user: str, agent: str, message: str, **more: Any) -> tuple[int, Any]:
    body = {"agent_id": agent, "message": message, **more}
    return http.call("POST", "/executor/turns", body, user=user)


def conversation_of(http: Http, user: str) -> str:
    """The newest conversation of that user."""
    status, listed = http.call("GET", "/conversations", user=user)
    assert status == 200, listed
    found: str = listed[0]["conversation_id"]
    return found


def test_an_agent_rests_on_its_documents(http: Http, scripted: ScriptedMessagesApi) -> None:
    search = ToolCall(name="knowledge_search", input={"query": "late parcels, goodwill of staff"})
    scripted.script = Script([Step(tool_calls=[search]), Step(tokens=["After three days."])])
    status, turn = ask(http, "kim", "helpdesk", "When is a refund on its way?")
    assert (status, turn["text"]) == (200, "After three days."), turn
    first = turn["citations"][0]
    assert (first["id"], first["title"]) == ("returns.md", "Returns and refunds")
    assert first["url"] == "https://shop.example.com/help/returns"
    asked = json.dumps(scripted.requests)
    assert "three working days" in asked
    # What only the group `staff` may see.
    assert "20 EUR" not in asked
    assert all(each["id"] != "goodwill.md" for each in turn["citations"])


def test_files_come_and_go(http: Http, scripted: ScriptedMessagesApi) -> None:
    scripted.script = Script(
        [
            Step(tool_calls=[ToolCall(name="read_file", input={"path": "note.txt"})]),
            Step(
                tool_calls=[
                    ToolCall(name="write_file", input={"path": "letter.txt", "text": "Dear Kit"})
                ]
            ),
            Step(tool_calls=[ToolCall(name="send_file", input={"path": "letter.txt"})]),
            Step(tokens=["Here it is."]),
        ]
    )
    note = base64.b64encode(b"My name is Kit").decode()
    files = [{"name": "note.txt", "url": f"data:text/plain;base64,{note}"}]
    status, turn = ask(http, "kit", "helpdesk", "A letter, please", files=files)
    assert (status, turn["text"]) == (200, "Here it is."), turn
    assert "My name is Kit" in json.dumps(scripted.requests[1])
    conversation = conversation_of(http, "kit")
    path = f"/conversations/{conversation}/files"
    status, listed = http.call("GET", path, user="kit")
    assert [each["path"] for each in listed] == ["letter.txt", "note.txt"]
    assert http.call("GET", path, user="kurt")[0] == 404
    assert http.call("GET", f"{path}/letter.txt", user="kurt")[0] == 404


def test_a_file_that_does_not_fit_a_frame(http: Http, scripted: ScriptedMessagesApi) -> None:
    scripted.script = Script(
        [
            Step(tokens=["Hello."]),
            Step(tool_calls=[ToolCall(name="read_file", input={"path": "long.txt"})]),
            Step(tokens=["Long."]),
        ]
    )
    _, turn = ask(http, "kai", "helpdesk", "Hello")
    data = b"All of it. " * 8000
    wanted = {
        "session_id": turn["session_id"],
        "name": "long.txt",
        "mime_type": "text/plain",
        "size": len(data),
    }
    status, place = http.call("POST", "/uploads", wanted, user="kai")
    assert status == 201, place
    request = urllib.request.Request(place["url"], data, place["headers"], method=place["method"])
    with urllib.request.urlopen(request, timeout=40) as answer:
        assert answer.status in (200, 201, 204)
    files = [{"name": "long.txt", "url": f"upload:{place['upload_id']}"}]
    more = {"session_id": turn["session_id"], "files": files}
    status, turn = ask(http, "kai", "helpdesk", "Read it", **more)
    assert (status, turn["text"]) == (200, "Long."), turn
    assert "All of it. All of it." in json.dumps(scripted.requests[2])


def test_an_agent_hands_over(http: Http, scripted: ScriptedMessagesApi) -> None:
    call = ToolCall(name="escalate", input={"reason": "The parcel is lost."})
    scripted.script = Script([Step(tool_calls=[call]), Step(tokens=["A colleague will write."])])
    status, turn = ask(http, "kay", "helpdesk", "I want to talk to a person")
    assert (status, turn["escalation"]) == (200, "The parcel is lost."), turn


def test_a_workflow_moves_on_after_the_turn(http: Http, scripted: ScriptedMessagesApi) -> None:
    verdict = ToolCall(name="verdict", input={"verdict": "yes"})
    scripted.script = Script(
        [Step(tokens=["What is damaged?"]), Step(tool_calls=[verdict]), Step(tokens=["I see."])]
    )
    status, turn = ask(http, "kate", "intake", "Order 1042 is damaged")
    assert status == 200, turn
    path = f"/conversations/{conversation_of(http, 'kate')}"

    def moved() -> bool:
        return bool(http.call("GET", path, user="kate")[1]["workflow"]["step"] == "damage")

    wait_for(moved, PATIENCE)
    ask(http, "kate", "intake", "The lamp", session_id=turn["session_id"])
    assert "which article is damaged" in json.dumps(scripted.requests[2]["system"])


def test_what_a_conversation_may_cost(http: Http, scripted: ScriptedMessagesApi) -> None:
    scripted.script = Script([Step(tokens=["Dear."], input_tokens=9_000_000)])
    status, turn = ask(http, "kurt", "helpdesk", "Hello")
    assert status == 200, turn
    status, refused = ask(http, "kurt", "helpdesk", "And now?", session_id=turn["session_id"])
    assert refused["error"]["code"] == "BUDGET_EXCEEDED", (status, refused)
    assert refused["error"]["details"]["limit"] == "conversation"
    assert len(scripted.requests) == 1


def test_a_conversation_is_gone_when_it_is_deleted(
    http: Http, stack: Stack, scripted: ScriptedMessagesApi
) -> None:
    write = ToolCall(name="write_file", input={"path": "a.txt", "text": "A"})
    scripted.script = Script([Step(tool_calls=[write]), Step(tokens=["Written."])])
    status, turn = ask(http, "kira", "helpdesk", "Write it down")
    assert status == 200, turn
    conversation = conversation_of(http, "kira")
    path = f"/conversations/{conversation}"
    assert http.call("DELETE", path, user="kurt")[0] == 404
    status, deletion = http.call("DELETE", path, user="kira")
    assert status == 202, deletion
    assert http.call("GET", f"{path}/messages", user="kira")[0] == 404
    watched = f"/deletions/{deletion['deletion_id']}"

    def done() -> bool:
        return bool(http.call("GET", watched, user="kira")[1]["status"] == "deleted")

    # Those who may be on the way with a file are waited for.
    wait_for(done, 2 * PATIENCE)
    assert left(stack, conversation) == []


def left(stack: Stack, conversation: str) -> list[str]:
    """What names the conversation in table and bucket, but for the note of its deletion."""
    table = stack.emulator.client("dynamodb")
    found: list[str] = []
    page: dict[str, Any] = {}
    while True:
        page = table.scan(TableName=stack.resource("Table"), **page)
        found += [
            each["pk"]["S"]
            for each in page["Items"]
            if conversation in str(each) and not each["pk"]["S"].startswith("AUDIT#")
        ]
        if "LastEvaluatedKey" not in page:
            break
        page = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    listed = stack.emulator.client("s3").list_objects_v2(Bucket=stack.resource("Bucket"))
    names = [each["Key"] for each in listed.get("Contents", ())]
    return [*found, *(name for name in names if conversation in name)]

"""What a deployment goes through in its life: everything that makes its functions ask AWS."""

import base64
import hmac
import json
import re
import time
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from moto.ses.models import ses_backends

from shared.ids import pack
from shared.protocol.fields import MAX_MESSAGE_CHARACTERS, MAX_METADATA_BYTES
from tests.messaging.receivers import HOST
from tests.support.aws import REGION, client
from tests.support.gateway import PATIENCE
from tests.support.pictures import gif
from tests.template import backed
from tests.template.in_process import SECRET
from tests.template.life import LONG, SERVICE_TOKEN, Life

CONTEXT_SECRET = SECRET % "AuthContextSecret"
LARGEST = "\U00010348" * MAX_MESSAGE_CHARACTERS


def live(life: Life) -> None:
    """The whole life of a deployment."""
    converse(life)
    ask(life, life.bearer)
    if life.signed:
        ask(life, lambda: SERVICE_TOKEN)
    read(life)
    if life.backend is not None:
        backed.live(life, life.backend)
    look_after(life)
    lose_a_wake(life)
    forget(life)


def converse(life: Life) -> None:
    """Everything that a client does over a WebSocket."""
    functions = life.functions
    assert functions.connect("nobody") == 401
    assert functions.connect("c1", **life.credential()) == 200
    assert functions.connect("c2", **life.ticket()) == 200
    functions.frame("c1", "ping", requestId="p")
    functions.frame("c1", "authenticate", requestId="a", **life.credential())
    ids = functions.frame(
        "c1",
        "create_conversation_session",
        requestId="open",
        agentId="assistant",
        metadata={"a": "x" * (MAX_METADATA_BYTES - 20)},
        supports=["identity_form"],
    )["data"]
    session = {"sessionId": ids["sessionId"]}

    def say(request_id: str, message: str, connection: str = "c1") -> dict[str, Any]:
        return functions.frame(
            connection, "send_message", requestId=request_id, message=message, **session
        )

    assert say("q1", LARGEST)["status"] == 202
    functions.work()
    assert say("q1", LARGEST, "c2")["type"] == "eventual_response"
    for number, message in enumerate(("use your tools", "speak at length", "and again"), 2):
        # Another process, which remembers nothing.
        functions.stop("Worker")
        assert say(f"q{number}", message)["status"] == 202
        functions.work()
        assert json.loads(functions.posted()[-1])["type"] == "eventual_response"

    _answer(life, session)
    _attach(life, session, ids["conversationId"])

    # One turn that waits to begin and one behind it, both stopped.
    say("q5", "Never mind"), say("q6", "Nor this")
    functions.frame("c1", "cancel", requestId="q6", **session)
    functions.frame("c2", "cancel", requestId="q5")
    functions.frame("c1", "cancel", **session)
    functions.work()

    functions.frame("c1", "get_session", requestId="g", **session)
    functions.frame("c1", "get_conversation_messages", requestId="m", limit=100, **session)
    functions.frame("c1", "list_conversations", requestId="l")
    conversation = {"conversationId": ids["conversationId"]}
    functions.frame("c1", "rename_conversation", requestId="r", title="Mine", **conversation)
    functions.frame("c2", "create_conversation_session", requestId="o", **conversation)
    _vouch(life)
    functions.disconnect("c1")
    functions.disconnect("c2")


def _answer(life: Life, session: Mapping[str, str]) -> None:
    """Turns that wait for people, each in another process: for a form, for a code that is sent to
    them, for an approval over HTTP and for one by a frame."""
    functions = life.functions
    sent = ses_backends["123456789012"][REGION].sent_messages

    def asked(request_id: str, message: str) -> dict[str, Any]:
        functions.stop("Worker")
        functions.frame("c1", "send_message", requestId=request_id, message=message, **session)
        return told()

    def told() -> dict[str, Any]:
        """What the worker tells last."""
        functions.stop("Worker")
        functions.work()
        last: dict[str, Any] = json.loads(functions.posted()[-1])
        return last

    def answer(action: str, **fields: Any) -> dict[str, Any]:
        given = functions.frame("c1", action, requestId=f"a-{action}", **session, **fields)
        assert given["type"] != "error", given
        return told()

    assert asked("w1", "show me a form")["type"] == "stream_chunk"
    form = next(
        event
        for event in map(json.loads, functions.posted())
        if event["type"] == "interaction_required"
    )["data"]["data"]["interactionId"]
    values = {"email": "ann@example.com"}
    end = answer("submit_interaction", interactionId=form, values=values)
    assert end["type"] == "eventual_response", end

    assert asked("w2", "pay 5")["type"] == "otp_sent"
    code = re.search(r"\d{6}", sent[-1].body)
    assert code is not None
    functions.frame("c1", "verify_otp", requestId="wrong", code="000 000", **session)
    chunk = answer("verify_otp", code=code.group())
    approval = chunk["data"]["state"]["pendingWriteConfirmation"]["approvalId"]
    path, token = f"/approvals/{approval}", life.bearer
    assert functions.http("GET", "/approvals", token())[0] == 200
    answered = functions.http("POST", path, token(), {"approved": True, "note": "yes"})
    assert answered[0] == 200, answered
    assert told()["type"] == "eventual_response"

    assert asked("w3", "and 6 more")["type"] == "stream_chunk"
    assert answer("confirm_tool_action", approved=False)["type"] == "eventual_response"
    assert functions.http("GET", "/approvals?state=decided", token())[0] == 200


def _attach(life: Life, session: Mapping[str, str], conversation: str) -> None:
    """A file is uploaded and comes with a picture; the agent sends one, and both are fetched."""
    functions, token = life.functions, life.bearer()
    asked = {"session_id": session["sessionId"], "name": "notes.txt", "mime_type": "text/plain"}
    status, place = functions.http("POST", "/uploads", token, {**asked, "size": 5})
    assert status == 201, place
    _request("PUT", place["url"], b"Notes", place["headers"])
    picture = base64.b64encode(gif()).decode()
    functions.stop("Worker")
    functions.frame(
        "c1",
        "send_message",
        requestId="f1",
        message="my files",
        images=[{"url": f"data:image/gif;base64,{picture}"}],
        files=[{"name": "notes.txt", "url": f"upload:{place['upload_id']}"}],
        **session,
    )
    functions.work()
    sent = json.loads(functions.posted()[-1])["data"]["data"]["directive"]["files"]
    assert _request("GET", sent[0]["url"]) == b"Yes"
    functions.stop("Worker")
    functions.frame("c1", "send_message", requestId="f2", message="And now?", **session)
    functions.work()
    assert json.loads(functions.posted()[-1])["type"] == "eventual_response"

    path = f"/conversations/{conversation}/files"
    status, listed = functions.http("GET", path, token)
    assert [each["path"] for each in listed] == ["answer.txt", "image-1.gif", "notes.txt"]
    assert functions.http("GET", f"{path}/notes.txt", token)[0] == 302


def _request(
    method: str, url: str, data: bytes | None = None, headers: Mapping[str, str] | None = None
) -> bytes:
    request = urllib.request.Request(url, data, dict(headers or {}), method=method)
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        body: bytes = answer.read()
    return body


def _vouch(life: Life) -> None:
    """A site's backend says for whom a connection acts."""
    functions = life.functions
    assert functions.connect("c3", **life.ticket()) == 200
    user, timestamp = "ann", int(time.time())
    digest = hmac.digest(CONTEXT_SECRET.encode(), f"{user}:{timestamp}".encode(), "sha256")
    context = {"userId": user, "timestamp": timestamp, "signature": digest.hex()}
    answer = functions.frame(
        "c3",
        "create_conversation_session",
        requestId="open",
        agentId="assistant",
        authContext=context,
    )
    assert answer["status"] == 200, answer


def ask(life: Life, bearer: Callable[[], str]) -> None:
    """Everything that a program does over HTTP."""
    functions, server, token = life.functions, life.server, bearer()
    body = {
        "agent_id": "assistant",
        "message": LARGEST,
        "wait": 0,
        "callback_url": f"http://{HOST}:{server.port}/called-back",
    }
    assert functions.http("GET", "/health", token)[0] == 200
    status, turn = functions.http(
        "POST", "/executor/turns", token, body, **{"idempotency-key": "k"}
    )
    assert status == 202, turn
    functions.work()
    assert [each.path for each in server.got][-1] == "/called-back"
    status, turn = functions.http("GET", f"/turns/{turn['turn_id']}", token)
    assert turn["status"] == "completed", turn

    again = {**body, "message": "More", "session_id": turn["session_id"]}
    _, more = functions.http("POST", "/executor/turns", token, again)
    assert functions.http("POST", f"/turns/{more['turn_id']}/cancel", token)[0] == 202
    functions.work()
    assert functions.http("POST", f"/turns/{more['turn_id']}/cancel", token)[0] == 200


def read(life: Life) -> None:
    """The conversations, over HTTP, with the one that was long."""
    functions, token = life.functions, life.bearer()
    status, listed = functions.http("GET", "/conversations?limit=100", token)
    assert status == 200, listed
    paths = [f"/conversations/{each['conversation_id']}/messages?limit=1" for each in listed]
    texts = [entry["text"] for path in paths for entry in functions.pages(path, token)]
    assert any(text.startswith(LONG[:100]) for text in texts)


def look_after(life: Life) -> None:
    """What a program asks of the deployment that it runs."""
    functions = life.functions
    status, agents = functions.http("GET", "/agents", SERVICE_TOKEN)
    assert status == 200, agents
    assert functions.http("GET", f"/agents/{agents[0]['agent_id']}", SERVICE_TOKEN)[0] == 200
    assert functions.http("GET", "/deliveries?state=dead", SERVICE_TOKEN) == (200, [])
    never = pack("dlv", "deliver", "conversation", "DELIVERY#never")
    replayed, _ = functions.http("POST", f"/deliveries/{never}/replay", SERVICE_TOKEN, {})
    assert replayed == 404


def lose_a_wake(life: Life) -> None:
    """A mailbox whose time has come, and nobody was woken: the sweep finds it."""
    with client("dynamodb", life.place.endpoint) as dynamodb:
        heads = dynamodb.scan(
            TableName=life.place.table,
            FilterExpression="begins_with(pk, :box) AND sk = :head",
            ExpressionAttributeValues={":box": {"S": "BOX#"}, ":head": {"S": "BOX"}},
        )["Items"]
        dynamodb.update_item(
            TableName=life.place.table,
            Key={name: heads[0][name] for name in ("pk", "sk")},
            UpdateExpression="SET due = :due, due_shard = if_not_exists(due_shard, :shard)",
            ExpressionAttributeValues={
                ":due": {"N": str(time.time_ns() // 1_000_000 - 60_000)},
                ":shard": {"N": "0"},
            },
        )
    assert life.functions.call("Sweep", {})["wakes"] == 1


def forget(life: Life) -> None:
    """All that the tenant has is deleted."""
    functions, token = life.functions, life.bearer()
    status, listed = functions.http("GET", "/conversations?limit=100", token)
    assert status == 200, listed
    for each in listed:
        path = f"/conversations/{each['conversation_id']}"
        assert functions.http("DELETE", path, token)[0] == 202
    status, erased = functions.http("DELETE", "/tenants/default/data", SERVICE_TOKEN)
    assert status == 202, erased
    functions.work()
    status, state = functions.http("GET", f"/deletions/{erased['deletion_id']}", SERVICE_TOKEN)
    assert (status, state["kind"]) == (200, "tenant")

"""A deployment full of canaries, and conversations in which everything goes wrong once."""

import json
import logging
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import yaml

from shared.logs import LOGGER
from shared.metrics import EmbeddedMetrics
from shared.telemetry import Metered
from tests.messaging.receivers import Receiver
from tests.privacy.canaries import Canaries
from tests.support.deployments import Running, local_set
from tests.support.frames_client import FramesClient
from tests.support.gateway import PATIENCE
from tests.support.messages_api import ScriptedMessagesApi, Step, ToolCall
from tests.support.recorded_mail import RecordedMail

TOOLS = '''
def find(query: str) -> str:
    """Find something."""
    return "RESULT " + query


def fail(query: str) -> str:
    """Fail, and say why."""
    raise RuntimeError(f"FAULT {query}")


def leave(query: str) -> str:
    """End the process, if one may."""
    raise SystemExit(f"FAULT {query}")


def pay(amount: int, password: str) -> str:
    """Pay something."""
    return f"paid {amount}"


def strict(number: int) -> str:
    """Take a number."""
    return str(number)
'''


def steps(words: Canaries) -> list[Step]:
    """What the model says, answer by answer."""
    said, argument = words["answer"], {"query": words["argument"]}
    broken: dict[str, Any] = {"error_message": words["refusal"], "times": 1}
    calls = [
        ToolCall(name=name, input=argument)
        for name in ("find", "fail", "leave", "strict", "remote", "broken", "away", "nobody")
    ]
    return [
        Step(thinking=[words["thought"]], tokens=["Let", " me ", said], tool_calls=calls),
        Step(tokens=[said]),
        Step(status=400, error_type="invalid_request_error", match="refused", **broken),
        Step(status=401, error_type="authentication_error", match="unknown key", **broken),
        *(Step(status=529, match="busy", error_message=words["refusal"]) for _ in range(4)),
        *(
            Step(tokens=[said], error_after=3, match="broken", error_message=words["refusal"])
            for _ in range(3)
        ),
        *(Step(tokens=[said], drop_after=3, match="dropped") for _ in range(3)),
        Step(tokens=[said], match="called back", times=None),
        Step(tool_calls=[_form(words)], match="form"),
        *(Step(tool_calls=[_pay(words)], match=again) for again in ("pay once", "pay twice")),
        *(Step(tokens=[said]) for _ in range(3)),
    ]


def _form(words: Canaries) -> ToolCall:
    fields = [{"key": "email", "required": True}, {"key": "name", "required": False}]
    asked = {"fields": fields, "reason": words["reason"]}
    return ToolCall(name="request_identity_intake", input=asked)


def _pay(words: Canaries) -> ToolCall:
    return ToolCall(name="pay", input={"amount": 5, "password": words["password"]})


@contextmanager
def deployment(
    folder: Path, api: ScriptedMessagesApi, server: Receiver, words: Canaries
) -> Iterator[Running]:
    """The local set with an agent, its tools and all secrets."""
    agents, skills = folder / "agents", folder / "library" / "skills"
    agents.mkdir()
    skills.mkdir(parents=True)
    (skills / "tone.md").write_text(words["skill"], "utf-8")
    (agents / "tools.py").write_text(
        TOOLS.replace("RESULT", words["result"]).replace("FAULT", words["fault"]), "utf-8"
    )
    agent = {
        "name": "Agent",
        "instructions": words["instructions"],
        "greeting": f"{words['greeting']} {{{{customer}}}}",
        "overrides": ["greeting"],
        "skills": ["tone"],
        "tools": [
            *({"python": f"tools:{name}"} for name in ("find", "fail", "leave", "strict")),
            {"python": "tools:pay", "verified": True, "approval": "required"},
            _http("remote", f"http://127.0.0.1:{server.port}/x"),
            _http("broken", f"http://127.0.0.1:{server.port}/x", words["header"]),
            _http("away", "http://127.0.0.1:9/x"),
        ],
    }
    (agents / "assistant.yaml").write_text(yaml.safe_dump(agent), "utf-8")
    settings = {
        "ASSISTANT_LOCAL_CONFIG_DIR": str(agents),
        "LIBRARY_DIR": str(folder / "library"),
        "AUTH_MODE": "token",
        "SERVICE_TOKEN": words["token"],
        "SIGNING_SECRET": words["signing"],
        "ANTHROPIC_API_KEY": words["key"],
        "ALLOW_PRIVATE_ADDRESSES": "true",
        "LOG_LEVEL": "DEBUG",
    }
    with local_set(folder / "workspace", api.base_url, settings) as running:
        running.deployment.metrics = metrics = EmbeddedMetrics()
        logging.getLogger(LOGGER).addHandler(Metered(metrics))
        # What the laptop shows in its terminal is meant to be read there.
        running.deployment.mail = RecordedMail()
        yield running


def _http(name: str, url: str, header: str = "") -> dict[str, Any]:
    headers = {"X-Plain": header} if header else {"Authorization": "secret:remote"}
    return {
        "name": name,
        "description": "Ask a server.",
        "parameters": {"type": "object", "properties": {"query": {"type": "string"}}},
        "http": {"url": url, "headers": headers, "timeout_sec": 5},
    }


def ask(
    running: Running, words: Canaries, method: str, path: str, body: Any = None
) -> tuple[int, Any]:
    """One request to the HTTP API: the status and the body of its answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{running.url}{path}", data, method=method)
    request.add_header("Authorization", f"Bearer {words['token']}")
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


def talk(client: FramesClient, words: Canaries) -> Mapping[str, str]:
    """Everything that frames can bring about; how each turn ended."""
    about: dict[str, Any] = {"metadata": {"note": words["metadata"]}, "userName": words["user"]}
    about["dynamicVariables"] = {"customer": words["variable"]}
    ids = client.open_session(**about)
    session = ids["sessionId"]
    for frame in (
        words["frame"],
        f'{{"action": "{words["frame"]}"}}',
        {"action": "send_message", "sessionId": session, "message": words["frame"]},
        {"action": "send_message", "requestId": "x", "sessionId": words["frame"], "message": "x"},
        {"action": "get_conversation_messages", "sessionId": session, "cursor": words["frame"]},
        {"action": "list_conversations", "query": words["frame"]},
        words["frame"].encode(),
        *_wrong_openings(words),
    ):
        client.send(frame)
    ends = {}
    for number, about_it in enumerate(
        ("a question", "refused", "unknown key", "busy", "broken", "dropped")
    ):
        name = f"q{number}"
        frame = {"action": "send_message", "requestId": name, "sessionId": session}
        client.send({**frame, "message": f"{words['question']} {about_it}", "skill": "tone"})
        ends[about_it] = _code(client.terminal(name))
    client.ask("rename_conversation", conversationId=ids["conversationId"], title=words["title"])
    client.send({"action": "cancel", "requestId": words["frame"], "sessionId": session})
    client.read_all()
    return ends


def _wrong_openings(words: Canaries) -> list[Any]:
    """Sessions that bring what they may not."""
    opening = {"action": "create_conversation_session", "agentId": "assistant"}
    given = {"customer": words["variable"]}
    wrong: list[dict[str, Any]] = [
        {"dynamicVariables": {**given, words["variable"]: words["variable"]}},
        {"dynamicVariables": {"customer": words["variable"] * 100}},
        {"dynamicVariables": given, "overrides": {"instructions": words["override"]}},
        {"dynamicVariables": given, "overrides": {words["override"]: words["override"]}},
    ]
    return [{**opening, **each} for each in wrong]


def answer(running: Running, client: FramesClient, words: Canaries) -> None:
    """What people answer: forms, wrong ones too, codes, approvals by frames and over HTTP."""
    mail = cast(RecordedMail, running.deployment.mail)
    own = {"greeting": f"{words['override']} {{{{customer}}}}"}
    given: dict[str, Any] = {
        "dynamicVariables": {"customer": words["variable"]},
        "overrides": own,
    }
    session = client.open_session(supports=["identity_form"], **given)["sessionId"]
    contact = f"{words['contact']}@example.com"

    def say(name: str, about: str) -> dict[str, Any]:
        frame = {"action": "send_message", "requestId": name, "sessionId": session}
        client.send({**frame, "message": f"{words['question']} {about}"})
        assert client.next(name)["status"] == 202
        return client.next(name)

    form = say("w1", "form")["data"]["data"]["interactionId"]
    client.next("w1")
    for values in ({"email": words["contact"]}, {"email": contact, "name": words["user"]}):
        filled = {"sessionId": session, "interactionId": form, "values": values}
        client.send({"action": "submit_interaction", "requestId": "w1", **filled})
        assert client.next("w1")["type"] in ("interaction_invalid", "immediate_response")
    assert client.terminal("w1")["type"] == "eventual_response"
    for name, about, approved in (("w2", "pay once", True), ("w3", "pay twice", False)):
        if say(name, about)["type"] == "otp_verification_required":
            assert client.next(name)["type"] == "otp_sent"
            code = mail.next().text.partition(".")[0].rpartition(" ")[2]
            words.add("code", code)
            for typed in (words["body"], code):
                client.ask("verify_otp", sessionId=session, code=typed)
            assert client.next(name)["type"] == "write_confirmation_required"
        state = client.next(name)["data"]["state"]
        approval = state["pendingWriteConfirmation"]["approvalId"]
        assert words["password"] not in json.dumps(state)
        body = {"approved": approved, "note": words["note"]}
        if approved:
            confirmed = client.ask(
                "confirm_tool_action", sessionId=session, approvalId=approval, **body
            )
            assert confirmed["data"]["approved"] is True, confirmed
        else:
            assert ask(running, words, "POST", f"/approvals/{approval}", body)[0] == 200
        assert client.terminal(name)["type"] == "eventual_response"
    assert ask(running, words, "GET", "/approvals?state=decided")[0] == 200


def _code(event: Mapping[str, Any]) -> str:
    return str(event["error"]["code"] if event["type"] == "error" else event["type"])

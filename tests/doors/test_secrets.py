"""A real server at LOG_LEVEL=DEBUG: no credential is in what it prints, nor in its files."""

import hashlib
import hmac
import json
from pathlib import Path
from urllib.parse import quote

from shared.clock import SystemClock
from tests.doors.bad_tokens import FORGED
from tests.doors.dev_process import dev_process, files
from tests.doors.door import Door, Present, code
from tests.doors.issuers import Issuer, with_secret
from tests.support.deployments import SERVICE_TOKEN
from tests.support.frames_client import FramesClient

SIGNING = "a-signing-secret-that-nobody-may-read"
CONTEXTS = "a-secret-of-contexts-that-nobody-may-read"
CODE = "a-code-that-stands-in-no-log"


class Elsewhere(Door):
    """A deployment in another process."""

    def __init__(self, port: int) -> None:
        self._place = f"127.0.0.1:{port}"

    def client(self, **query: str) -> FramesClient:
        asked = "&".join(f"{name}={quote(text, safe='')}" for name, text in query.items())
        return FramesClient(f"ws://{self._place}/ws", f"?{asked}")


def context(user: str, secret: str) -> dict[str, object]:
    timestamp = SystemClock().now() // 1000
    signed = hmac.new(secret.encode(), f"{user}:{timestamp}".encode(), hashlib.sha256)
    return {"userId": user, "timestamp": timestamp, "signature": signed.hexdigest()}


def talk(here: Elsewhere, issuer: Issuer) -> list[str]:
    """Come in by every door, and be refused at every door; all credentials that were shown."""
    shown: list[str] = [SERVICE_TOKEN, issuer.token(code=CODE), issuer.token("bob")]
    shown += [forge(issuer) for name, forge in FORGED.items() if name != "oversized"]
    good, bobs = shown[1], shown[2]
    contexts = [context("ann", CONTEXTS), context("bob", CONTEXTS), context("ann", SIGNING)]
    shown += [str(each["signature"]) for each in contexts]
    tickets = [here.ticket(good) for _ in range(2)]
    keyed = here.ask("POST", "/tickets", good, {}, {"Idempotency-Key": "k"})
    shown += [*tickets, keyed.body["ticket"], "w" * 43]
    for token in shown:
        here.ask("GET", "/conversations", token)
        here.ask("POST", "/executor/turns", token, {"agent_id": "nobody", "message": "Hi"})
        here.ask("GET", f"/turns/{quote(token, safe='')}?token={quote(token, safe='')}", token)
    with here.client(token=good) as client:
        session = client.open_session()["sessionId"]
        assert client.say(session, "q1", "Hello")
        for token in shown[3:]:
            client.ask("authenticate", token=token)
            here.knock(token=token)
            here.knock(ticket=token, token=good)
        assert client.ask("authenticate", token=good)["status"] == 200
        answers = [
            client.ask("create_conversation_session", agentId="assistant", authContext=each)
            for each in contexts
        ]
        assert answers[0]["status"] == 200
        assert [code(each) for each in answers[1:]] == ["AUTH_CONTEXT_INVALID"] * 2
    with here.client(ticket=keyed.body["ticket"]) as client:
        assert client.ask("list_conversations")["status"] == 200
        fresh = here.ticket(good)
        shown.append(fresh)
        assert client.ask("authenticate", ticket=fresh)["status"] == 200
        assert code(client.ask("authenticate", ticket=here.ticket(bobs))) == "UNAUTHORIZED"
    assert here.knock(ticket=fresh).status == 401
    return shown


def test_nothing_that_was_shown_is_written_down(tmp_path: Path) -> None:
    issuer = with_secret(Present())
    variables = {
        **issuer.settings,
        "SIGNING_SECRET": SIGNING,
        "AUTH_CONTEXT_SECRET": CONTEXTS,
        "LOG_LEVEL": "DEBUG",
    }
    with dev_process(tmp_path, **variables) as dev:
        shown = talk(Elsewhere(dev.port), issuer)
        dev.stop()
    parts = {part for token in shown for part in token.split(".") if len(part) >= 40}
    # The header of tokens is no secret, and all have the same.
    parts -= {shown[1].split(".")[0]}
    secrets = {*shown, *parts, SIGNING, CONTEXTS, SERVICE_TOKEN, CODE}
    secrets |= {issuer.settings["AUTH_JWT_SECRET"]}
    short = {"nonsense", "a!.b!.c!"}
    lines = dev.written.splitlines()
    refusals = [json.loads(line) for line in lines if line.startswith("{")]
    assert {"token refused", "connection refused", "frame refused"} <= {
        line["message"] for line in refusals
    }
    assert [secret for secret in secrets - short if secret in dev.written] == []
    kept = dict(files(tmp_path))
    assert any(b"q1" in data for data in kept.values())
    for path, data in kept.items():
        found = [secret for secret in secrets - short if secret.encode() in data]
        assert found == [], path

"""A deployment in this process with all that it speaks to, and its callers' credentials."""

import json
import random
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt

from shared.storage.bodies import SPILL_BYTES
from tests.messaging.invokes import lambda_api
from tests.messaging.receivers import HOST, Receiver, receiver
from tests.support.aws import client
from tests.support.deployments import Place
from tests.support.messages_api import ScriptedMessagesApi, Step, ToolCall
from tests.support.reference_backend import ReferenceBackend
from tests.template.in_process import SECRET, InProcess, made_secrets
from tests.template.recorder import Recorder

LONG = "".join(map(chr, random.Random(1).choices(range(0x4E00, 0x9E00), k=SPILL_BYTES)))
"""A reply that stays too long for an item when it is compressed."""

SERVICE_TOKEN = SECRET % "ServiceToken"
SENDER = "codes@example.com"
JWT_SECRET = "what-signs-the-tokens-of-these-tests"
BACKEND_TOKEN = "what-the-backend-of-these-tests-is-shown"
WAYS: Sequence[Mapping[str, str]] = (
    {"BackendToken": BACKEND_TOKEN, "BackendCacheSec": "0", "HistoryRetryMaxAttempts": "1"},
    {"AuthMode": "jwt", "AuthJwtSecret": JWT_SECRET, "AuthJwtSingleUse": "true"},
)
"""The parameters of deployments that tell callers apart in different ways, with a backend that owns
agents and history and without one."""

ORDERS = f'''
def find_orders() -> str:
    """Find all orders."""
    return "an order, " * {10_000}

def pay(amount: int) -> str:
    """Pay an amount."""
    return "paid"
'''
FORM = {"fields": [{"key": "email", "required": True}], "reason": "to write to you"}
SAID = [
    Step(match="tools", tool_calls=[ToolCall(name="find_orders"), ToolCall(name="refund")]),
    Step(match="tools", tool_calls=[ToolCall(name="ask_server")]),
    Step(match="pay", tool_calls=[ToolCall(name="pay", input={"amount": 5})]),
    Step(match="more", tool_calls=[ToolCall(name="pay", input={"amount": 6})]),
    Step(match="form", tool_calls=[ToolCall(name="request_identity_intake", input=FORM)]),
    Step(match="at length", tokens=[LONG]),
    Step(
        match="my files",
        tool_calls=[
            ToolCall(name="list_files"),
            ToolCall(name="read_file", input={"path": "notes.txt"}),
            ToolCall(name="write_file", input={"path": "answer.txt", "text": "Yes"}),
            ToolCall(name="send_file", input={"path": "answer.txt"}),
        ],
    ),
]


@dataclass(frozen=True, kw_only=True)
class Life:
    """One deployment, and who speaks to it."""

    functions: InProcess
    place: Place
    server: Receiver
    signed: bool
    """Whether callers bear signed tokens."""
    backend: ReferenceBackend | None
    """Who owns agents and history; None: the deployment itself."""

    def bearer(self) -> str:
        """What a caller bears over HTTP."""
        return _signed() if self.signed else SERVICE_TOKEN

    def ticket(self) -> Mapping[str, str]:
        status, body = self.functions.http("POST", "/tickets", self.bearer(), {})
        assert status == 201, body
        return {"ticket": body["ticket"]}

    def credential(self) -> Mapping[str, str]:
        """What opens a connection, or renews one."""
        return {"token": _signed()} if self.signed else self.ticket()


def _signed() -> str:
    claims = {"sub": "ann", "tenant": "default", "exp": int(time.time()) + 600}
    return jwt.encode({**claims, "jti": uuid.uuid4().hex}, JWT_SECRET, "HS256")


@contextmanager
def life(
    endpoint: str, folder: Path, recorder: Recorder, chosen: Mapping[str, str]
) -> Iterator[Life]:
    """A deployment with these parameters, an agent with every kind of tool, and their servers. With
    a `BackendToken` it has a backend."""
    place = Place.fresh(endpoint)
    with (
        receiver() as connections,
        receiver() as server,
        lambda_api() as invoked,
        ReferenceBackend(token=BACKEND_TOKEN) as backend,
        ScriptedMessagesApi(SAID, reply=lambda _: "Hello") as model,
    ):
        parameters = {
            "AnthropicApiKey": "scripted",
            "AnthropicBaseUrl": model.base_url,
            "TitleModel": "claude-haiku-4-5",
            "ModelRatePerMinute": "1000",
            "OtpSender": SENDER,
            **chosen,
        }
        backed = "BackendToken" in chosen
        if backed:
            parameters["BackendUrl"] = backend.url
            backend.books.put_agent("assistant", _agent(server))
        secrets = made_secrets(endpoint, parameters)
        recorder.name_secrets(secrets)
        _tool_secret(endpoint)
        with client("sesv2", endpoint) as ses:
            ses.create_email_identity(EmailIdentity=SENDER)
        more = {
            "ASSISTANT_LOCAL_CONFIG_DIR": str(_files(folder, None if backed else _agent(server))),
            "ALLOW_PRIVATE_ADDRESSES": "true",
            "AWS_ENDPOINT_URL_LAMBDA": f"http://{HOST}:{invoked.port}",
        }
        functions = InProcess(place, recorder, connections, secrets, parameters, more)
        try:
            yield Life(
                functions=functions,
                place=place,
                server=server,
                signed="AuthJwtSecret" in chosen,
                backend=backend if backed else None,
            )
        finally:
            functions.close()
        # The tools ran, so what they need was needed.
        assert [each.function for each in invoked.got] == ["refunds"]


def _tool_secret(endpoint: str) -> None:
    with client("secretsmanager", endpoint) as secrets:
        listed = secrets.list_secrets()["SecretList"]
        if "parley/server" not in {each["Name"] for each in listed}:
            secrets.create_secret(Name="parley/server", SecretString="of-the-server")


def _files(folder: Path, agent: Mapping[str, Any] | None) -> Path:
    """The folder of the agents: the tools in Python, and the agent if it is one of the files."""
    folder.mkdir()
    (folder / "orders.py").write_text(ORDERS, "utf-8")
    if agent is not None:
        # JSON is YAML too, without the aliases that agents may not have.
        (folder / "assistant.yaml").write_text(json.dumps(agent), "utf-8")
    return folder


def _agent(server: Receiver) -> Mapping[str, Any]:
    """An agent with every kind of tool."""
    about = {"description": "Do it.", "parameters": {"type": "object", "properties": {}}}
    url = f"http://{HOST}:{server.port}/tool"
    return {
        "name": "Assistant",
        "instructions": "You help.",
        "tools": [
            {"python": "orders:find_orders"},
            {"python": "orders:pay", "approval": "required", "verified": True},
            {"name": "refund", "lambda": {"function": "refunds"}, **about},
            {
                "name": "ask_server",
                "http": {"url": url, "headers": {"Authorization": "Bearer {secret:server}"}},
                **about,
            },
            *({"builtin": name} for name in ("list_files", "read_file", "write_file", "send_file")),
        ],
    }

"""The deployed functions in this process, one at a time, against a server that speaks like AWS.

Each starts cold in the environment that the template gives it, so it lacks what it is not told.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import boto3

from functions.executor.handler import handler as executor
from functions.send_message.handler import handler as send_message
from functions.sweep.handler import handler as sweep
from functions.worker.handler import handler as worker
from functions.ws_connect.handler import handler as ws_connect
from shared import aws, wiring
from shared.clock import SystemClock
from shared.local.runtime import LambdaContext
from shared.local.threads import event_loop
from shared.wiring import Deployment
from tests.messaging.receivers import HOST, Receiver
from tests.support.aws import client
from tests.support.deployments import Place
from tests.template.loading import load, of_type
from tests.template.recorder import Recorder
from tests.template.variables import environment, holds

HANDLERS: Mapping[str, Callable[[Any, Any], Any]] = {
    "WsConnect": ws_connect,
    "SendMessage": send_message,
    "Worker": worker,
    "Sweep": sweep,
    "Executor": executor,
}
SECONDS = 29.0
SECRET = "a-generated-secret-of-these-tests-%s"


class InProcess:
    """The functions of one deployment. `chosen` are the template's parameters, `more` variables
    that an operator set beside them."""

    def __init__(
        self,
        place: Place,
        recorder: Recorder,
        connections: Receiver,
        secrets: Mapping[str, str],
        chosen: Mapping[str, str],
        more: Mapping[str, str],
    ) -> None:
        self._place = place
        self._recorder = recorder
        self._connections = connections
        self._secrets = secrets
        base = f"http://{HOST}:{connections.port}"
        self._chosen = {**chosen, "ConnectionsEndpointOverride": base}
        self._more = more
        self._started: dict[str, Deployment] = {}
        self._clock = SystemClock()

    def call(self, function: str, event: Mapping[str, Any]) -> Any:
        """Invoke it as Lambda does; what it returns."""
        deadline = self._clock.monotonic() + SECONDS
        context = LambdaContext(function_name=function, deadline=deadline, clock=self._clock)
        with (
            self._recorder.running(function),
            patch.dict(os.environ, self._variables(function), clear=True),
            event_loop(),
        ):
            wiring.install(self._started.get(function))
            try:
                answer = HANDLERS[function](event, context)
                self._started[function] = wiring.current()
            finally:
                wiring.install(None)
        return answer

    def stop(self, function: str) -> None:
        """End its process; the next call starts another one."""
        if started := self._started.pop(function, None):
            started.close()

    def close(self) -> None:
        for function in list(self._started):
            self.stop(function)

    def _variables(self, function: str) -> dict[str, str]:
        place = self._place
        resources = {"Table": place.table, "Bucket": place.bucket, "Queue": place.queue}
        named = {f"{name}.Id": arn for name, arn in self._secrets.items()}
        variables = environment(function, {**resources, **named}, **self._chosen)
        return {**place.environment, **variables, **self._more}

    # -- what callers do ------------------------------------------------------------------

    def connect(self, connection: str, **query: str) -> int:
        """The status of a handshake with this query."""
        event = {**_socket_event(connection, "CONNECT"), "queryStringParameters": query or None}
        return int(self.call("WsConnect", event)["statusCode"])

    def disconnect(self, connection: str) -> None:
        self.call("WsConnect", _socket_event(connection, "DISCONNECT"))

    def frame(self, connection: str, action: str, **fields: Any) -> dict[str, Any]:
        """Send a frame; the last thing that the connection was sent."""
        body = json.dumps({"action": action, **fields}, ensure_ascii=False)
        self.call("SendMessage", {**_socket_event(connection, "MESSAGE"), "body": body})
        last: dict[str, Any] = json.loads(self._connections.got[-1].body)
        return last

    def posted(self) -> list[bytes]:
        """What connections were sent."""
        return [each.body for each in self._connections.got]

    def http(self, method: str, path: str, token: str, body: Any = None, **more: str) -> Any:
        """The status and the body of an answer of the HTTP API."""
        answer = self._http(method, path, token, body, **more)
        return answer["statusCode"], json.loads(answer["body"] or "null")

    def pages(self, path: str, token: str) -> Iterator[Any]:
        """The entries of a list, over all its pages."""
        following: str | None = path
        while following is not None:
            answer = self._http("GET", following, token)
            yield from json.loads(answer["body"])
            link = answer["headers"].get("link")
            following = link.partition(">")[0].removeprefix("<") if link else None

    def _http(self, method: str, path: str, token: str, body: Any = None, **more: str) -> Any:
        path, _, query = path.partition("?")
        given = {"host": "api.example.com", "authorization": f"Bearer {token}", **more}
        http = {"method": method, "path": path, "sourceIp": "192.0.2.1"}
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": query,
            "headers": {**given, "content-type": "application/json"},
            "requestContext": {"stage": "$default", "http": http},
            "isBase64Encoded": False,
            **({"body": json.dumps(body)} if body is not None else {}),
        }
        return self.call("Executor", event)

    def work(self) -> None:
        """Give the worker every wake that is due."""
        queue = {"QueueUrl": self._place.queue}
        with client("sqs", self._place.endpoint) as sqs:
            while messages := sqs.receive_message(**queue).get("Messages"):
                [message] = messages
                self.call("Worker", {"Records": [{"body": message["Body"]}]})
                sqs.delete_message(**queue, ReceiptHandle=message["ReceiptHandle"])


def _socket_event(connection: str, kind: str) -> dict[str, Any]:
    context = {
        "connectionId": connection,
        "eventType": kind,
        "identity": {"sourceIp": "192.0.2.1"},
    }
    return {"requestContext": context, "headers": {"Host": "socket.example.com"}}


def made_secrets(endpoint: str, chosen: Mapping[str, str]) -> dict[str, str]:
    """The template's secrets, with a value each: their ARNs by name."""
    arns: dict[str, str] = {}
    resources = load()["Resources"]
    with client("secretsmanager", endpoint) as secrets:
        for name, properties in of_type(load(), "AWS::SecretsManager::Secret").items():
            condition = resources[name].get("Condition")
            if condition and not holds(condition, **chosen):
                continue
            given = properties.get("SecretString", {}).get("Ref")
            text = chosen[given] if given else SECRET % name
            made = secrets.create_secret(Name=f"{name}-{os.urandom(4).hex()}", SecretString=text)
            arns[name] = made["ARN"]
    return arns


@contextmanager
def cold(recorder: Recorder) -> Iterator[None]:
    """No client of this process is there yet; the recorder hears all that are made."""
    _forget()
    session = boto3.session.Session()
    recorder.listen(session)
    with patch.object(aws, "_session", lambda: session):
        try:
            yield
        finally:
            _forget()


def _forget() -> None:
    for each in (aws.client, aws.connections_client, aws.functions_client, aws.mail_client):
        each.cache_clear()

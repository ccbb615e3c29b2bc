"""The Push contract on a WebSocket API of the AWS emulator, with its real connection API."""

import io
import time
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as open_socket

from shared.messaging.connection_api import ConnectionApiPush
from shared.messaging.push import MAX_MESSAGE_BYTES
from tests.contracts.push_contract import ClientEnd, Connect, PushContract
from tests.support.aws import client as aws_client
from tests.support.gateway import PATIENCE

STAGE = "prod"
CODE = '''
import os, urllib.parse, urllib.request

def handler(event, context):
    """Tells a client its connection id."""
    request = event["requestContext"]
    if request["routeKey"] == "$default":
        connection = urllib.parse.quote(request["connectionId"], safe="")
        base = f"{os.environ['AWS_ENDPOINT_URL']}/_aws/execute-api"
        url = f"{base}/{request['apiId']}/{request['stage']}/@connections/{connection}"
        data = request["connectionId"].encode()
        urllib.request.urlopen(urllib.request.Request(url, data=data, method="POST")).close()
    return {"statusCode": 200}
'''


def _zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", CODE)
    return packed.getvalue()


@pytest.fixture(scope="module")
def api(ministack: str) -> str:
    """The path of a WebSocket API whose one function says who somebody is."""
    with aws_client("lambda", ministack) as functions:
        function = functions.create_function(
            FunctionName="who-am-i",
            Runtime="python3.13",
            Role="arn:aws:iam::000000000000:role/any",
            Handler="index.handler",
            Code={"ZipFile": _zip()},
        )
    with aws_client("apigatewayv2", ministack) as gateway:
        return _socket_api(gateway, function["FunctionArn"])


def _socket_api(gateway: Any, function: str) -> str:
    selection = "$request.body.action"
    api: str = gateway.create_api(
        Name="push", ProtocolType="WEBSOCKET", RouteSelectionExpression=selection
    )["ApiId"]
    integration = gateway.create_integration(
        ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=function
    )["IntegrationId"]
    for route in ("$connect", "$disconnect", "$default"):
        gateway.create_route(ApiId=api, RouteKey=route, Target=f"integrations/{integration}")
    gateway.create_stage(ApiId=api, StageName=STAGE, AutoDeploy=True)
    return f"_aws/execute-api/{api}/{STAGE}"


@pytest.mark.emulator
class TestMinistack(PushContract):
    @pytest.fixture
    def client(self, ministack: str, api: str) -> Iterator[Any]:
        with aws_client("apigatewaymanagementapi", f"{ministack}/{api}") as made:
            yield made

    @pytest.fixture
    def push(self, client: Any) -> ConnectionApiPush:
        return ConnectionApiPush(client)

    @pytest.fixture
    def connect(self, ministack: str, api: str, client: Any) -> Iterator[Connect]:
        url = f"{ministack.replace('http', 'ws', 1)}/{api}"
        with ExitStack() as opened:

            def open_() -> ClientEnd:
                socket = opened.enter_context(open_socket(url, max_size=MAX_MESSAGE_BYTES))
                socket.send("{}")
                return _client_end(str(socket.recv(timeout=PATIENCE)), socket, client)

            yield open_


def _client_end(connection: str, socket: ClientConnection, client: Any) -> ClientEnd:
    def receive() -> str | None:
        try:
            return str(socket.recv(timeout=PATIENCE))
        except ConnectionClosed:
            return None

    def close() -> None:
        socket.close()
        give_up = time.monotonic() + PATIENCE
        while time.monotonic() < give_up:
            try:
                client.get_connection(ConnectionId=connection)
            except client.exceptions.GoneException:
                return
            # It notices in its own time, and must be let to: without a pause it only answers us.
            time.sleep(0.05)
        pytest.fail("the emulator did not notice that the client has gone")

    return ClientEnd(connection, receive, close)

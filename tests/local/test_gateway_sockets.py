"""The WebSocket API of the local gateway, against a real server and a real client."""

import json
import socket as network
import threading
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from shared.local.connections import GatewayLimits
from tests.support.gateway import PATIENCE, Event, Recorder, ask, connection_of, serving


def test_connect_shows_headers_query_and_context() -> None:
    connect = Recorder()
    with (
        serving(connect=connect) as gateway,
        gateway.open(
            "?ticket=a%20b&tag=1&tag=2&empty=",
            additional_headers=[("X-Custom", "one"), ("X-Custom", "two")],
            user_agent_header="tester",
        ),
    ):
        event = connect.take()
    assert event["queryStringParameters"] == {"ticket": "a b", "tag": "2", "empty": ""}
    assert event["multiValueQueryStringParameters"]["tag"] == ["1", "2"]
    assert event["headers"]["X-Custom"] == "two"
    assert event["multiValueHeaders"]["X-Custom"] == ["one", "two"]
    assert event["isBase64Encoded"] is False
    context = event["requestContext"]
    assert context["routeKey"] == "$connect"
    assert context["eventType"] == "CONNECT"
    assert context["messageDirection"] == "IN"
    assert context["stage"] == "local"
    assert context["identity"] == {"sourceIp": "127.0.0.1", "userAgent": "tester"}
    assert context["domainName"] == f"127.0.0.1:{gateway.port}"
    assert context["connectionId"].endswith("=")
    assert context["connectedAt"] <= context["requestTimeEpoch"]
    assert {"apiId", "requestId", "extendedRequestId", "requestTime"} <= context.keys()


def test_without_a_query_the_fields_are_absent() -> None:
    connect = Recorder()
    with serving(connect=connect) as gateway, gateway.open():
        event = connect.take()
    assert "queryStringParameters" not in event
    assert "multiValueQueryStringParameters" not in event


def test_frames_go_to_the_route_that_their_action_names() -> None:
    message = Recorder()
    bodies = ['{"action":"sendMessage"}', '{"action":"other"}', '["no"]', "no json", '{"action":1}']
    with serving(message=message, routes={"sendMessage"}) as gateway, gateway.open() as socket:
        events = []
        for body in bodies:
            socket.send(body)
            events.append(message.take())
    assert [event["body"] for event in events] == bodies
    assert [event["requestContext"]["routeKey"] for event in events] == [
        "sendMessage",
        *["$default"] * 4,
    ]
    assert all(event["requestContext"]["eventType"] == "MESSAGE" for event in events)
    assert len({event["requestContext"]["messageId"] for event in events}) == len(bodies)
    assert all("headers" not in event for event in events)


def test_disconnect_tells_code_and_reason_of_the_client() -> None:
    connect = Recorder()
    with serving(connect=connect) as gateway:
        with gateway.open() as socket:
            opened = connect.take()
            socket.close(4001, "enough")
        event = connect.take()
    context = event["requestContext"]
    assert connection_of(event) == connection_of(opened)
    assert context["routeKey"] == "$disconnect"
    assert context["eventType"] == "DISCONNECT"
    assert (context["disconnectStatusCode"], context["disconnectReason"]) == (4001, "enough")


def test_a_broken_connection_is_a_disconnect_with_1006() -> None:
    connect = Recorder()
    with serving(connect=connect) as gateway, gateway.open() as socket:
        connect.take()
        socket.socket.shutdown(network.SHUT_RDWR)
        assert connect.take()["requestContext"]["disconnectStatusCode"] == 1006


def test_a_client_that_leaves_during_connect_is_disconnected_all_the_same() -> None:
    left = threading.Event()

    def wait_until_left(event: Event) -> Any:
        return {"statusCode": 200} if left.wait(PATIENCE) else None

    connect = Recorder(wait_until_left)
    with serving(connect=connect) as gateway:
        with network.create_connection(("127.0.0.1", gateway.port)) as client:
            client.sendall(
                b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                b"Sec-WebSocket-Version: 13\r\n\r\n"
            )
            opened = connect.take()
        left.set()
        event = connect.take()
    assert event["requestContext"]["routeKey"] == "$disconnect"
    assert connection_of(event) == connection_of(opened)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"statusCode": 403, "body": "no"}, 403),
        ({"statusCode": 401}, 401),
        ({"statusCode": 302}, 302),
        ({"statusCode": 503}, 503),
        ({"nothing": 1}, 500),
        (None, 500),
    ],
)
def test_a_refused_connect_is_that_status_at_the_handshake(answer: Any, status: int) -> None:
    connect = Recorder(lambda _: answer)
    with serving(connect=connect) as gateway:
        with pytest.raises(InvalidStatus) as caught, gateway.open():
            pass
        assert caught.value.response.status_code == status
        connect.take()
    assert connect.is_empty(), "a client that was never connected does not disconnect"


def test_a_failing_connect_is_500_and_says_nothing_of_the_fault() -> None:
    def fail(_: Event) -> Any:
        raise ValueError("secret")

    with (
        serving(connect=Recorder(fail)) as gateway,
        pytest.raises(InvalidStatus) as caught,
        gateway.open(),
    ):
        pass
    assert caught.value.response.status_code == 500
    assert b"secret" not in (caught.value.response.body or b"")


def test_a_slow_connect_is_504() -> None:
    release = threading.Event()
    connect = Recorder(lambda _: release.wait(PATIENCE))
    limits = GatewayLimits(integration_seconds=0.05)
    with serving(connect=connect, limits=limits) as gateway:
        with pytest.raises(InvalidStatus) as caught, gateway.open():
            pass
        release.set()
    assert caught.value.response.status_code == 504


def test_connect_may_choose_the_subprotocol() -> None:
    answer = {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "parley"}}
    offered = [Subprotocol("other"), Subprotocol("parley")]
    with (
        serving(connect=Recorder(lambda _: answer)) as gateway,
        gateway.open(subprotocols=offered) as socket,
    ):
        assert socket.subprotocol == "parley"


def test_other_paths_are_no_websockets_and_ws_is_no_page() -> None:
    with serving() as gateway:
        gateway.socket_url = gateway.socket_url.replace("/ws", "/elsewhere")
        with pytest.raises(InvalidStatus) as caught, gateway.open():
            pass
        assert ask(gateway, "GET", "/ws").status == 426
    assert caught.value.response.status_code == 403


def test_a_failing_handler_is_an_error_frame_and_the_socket_stays_open() -> None:
    def fail_once(event: Event) -> Any:
        if event["body"] == "fail":
            raise ValueError("secret")
        return {"statusCode": 500}

    message = Recorder(fail_once)
    with serving(message=message) as gateway, gateway.open() as socket:
        socket.send("fail")
        frame = json.loads(socket.recv(timeout=PATIENCE))
        context = message.take()["requestContext"]
        assert frame == {
            "message": "Internal server error",
            "connectionId": context["connectionId"],
            "requestId": context["requestId"],
        }
        socket.send("again")
        assert message.take()["body"] == "again"


def test_a_slow_handler_is_a_timeout_frame_and_goes_on() -> None:
    release = threading.Event()

    def dawdle(event: Event) -> None:
        release.wait(PATIENCE)
        gateway.post(connection_of(event), b"done")

    limits = GatewayLimits(integration_seconds=0.05)
    with (
        serving(message=Recorder(dawdle), limits=limits) as gateway,
        gateway.open() as socket,
    ):
        socket.send("{}")
        frame = json.loads(socket.recv(timeout=PATIENCE))
        assert frame["message"] == "Endpoint request timed out"
        assert frame.keys() == {"message", "connectionId", "requestId"}
        release.set()
        assert socket.recv(timeout=PATIENCE) == "done"

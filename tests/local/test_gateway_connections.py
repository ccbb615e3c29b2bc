"""The connection API of the local gateway, called by the real boto3 client."""

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shared.local.connections import GatewayLimits
from tests.support.gateway import (
    PATIENCE,
    Event,
    Gateway,
    Recorder,
    close_of,
    connection_api,
    connection_of,
    serving,
)


def opened(connect: Recorder) -> str:
    """The id of the connection whose $connect comes next."""
    return connection_of(connect.take())


def refusal(gateway: Gateway, connection_id: str, data: bytes = b"x") -> tuple[int, str]:
    """Post, and expect to be refused: the status and the type of the error."""
    with pytest.raises(ClientError) as caught:
        gateway.post(connection_id, data)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def fill(gateway: Gateway, connection_id: str) -> int:
    """Post numbered messages until one is refused with 429; how many were taken."""
    padding = "x" * 100_000
    for number in range(10_000):
        try:
            gateway.post(connection_id, f"{number} {padding}".encode())
        except gateway.api.exceptions.LimitExceededException:
            return number
    raise AssertionError("never refused")


def test_posts_arrive_in_order() -> None:
    connect = Recorder()
    texts = [f"no. {number} ☃" for number in range(200)]
    with serving(connect=connect) as gateway, gateway.open() as socket:
        connection_id = opened(connect)
        for text in texts:
            gateway.post(connection_id, text.encode())
        assert [socket.recv(timeout=PATIENCE) for _ in texts] == texts


def test_bytes_that_are_no_text_go_out_as_a_binary_message() -> None:
    connect = Recorder()
    with serving(connect=connect) as gateway, gateway.open() as socket:
        gateway.post(opened(connect), b"\xff\x00")
        assert socket.recv(timeout=PATIENCE) == b"\xff\x00"


def test_the_stage_may_stand_before_the_path() -> None:
    connect = Recorder()
    with serving(connect=connect) as gateway, gateway.open() as socket:
        staged = connection_api(f"{gateway.url}/prod")
        staged.post_to_connection(ConnectionId=opened(connect), Data=b"hello")
        staged.close()
        assert socket.recv(timeout=PATIENCE) == "hello"


def test_a_message_of_128_kb_passes_and_a_longer_one_is_413() -> None:
    connect = Recorder()
    limit = 128 * 1024
    with serving(connect=connect) as gateway, gateway.open(max_size=limit) as socket:
        connection_id = opened(connect)
        gateway.post(connection_id, b"x" * limit)
        assert socket.recv(timeout=PATIENCE) == "x" * limit
        too_long = refusal(gateway, connection_id, b"x" * (limit + 1))
        assert too_long == (413, "PayloadTooLargeException")


def test_an_unknown_connection_is_gone_as_a_typed_error() -> None:
    with serving() as gateway, pytest.raises(gateway.api.exceptions.GoneException) as caught:
        gateway.post("nobody=", b"x")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 410


def test_get_and_delete_of_an_unknown_connection_are_gone() -> None:
    with serving() as gateway:
        with pytest.raises(gateway.api.exceptions.GoneException):
            gateway.api.get_connection(ConnectionId="nobody=")
        with pytest.raises(gateway.api.exceptions.GoneException):
            gateway.api.delete_connection(ConnectionId="nobody=")


def test_a_closed_connection_is_gone_from_its_disconnect_on() -> None:
    connect = Recorder()
    with serving(connect=connect) as gateway:
        with gateway.open():
            connection_id = opened(connect)
        connect.take()
        assert refusal(gateway, connection_id) == (410, "GoneException")


def test_a_connection_is_not_reachable_while_connect_runs() -> None:
    refusals: list[tuple[int, str]] = []

    def post(event: Event) -> Any:
        if event["requestContext"]["routeKey"] == "$connect":
            refusals.append(refusal(gateway, connection_of(event)))
        return {"statusCode": 200}

    with serving(connect=Recorder(post)) as gateway, gateway.open():
        pass
    assert refusals == [(410, "GoneException")]


def test_get_describes_the_connection() -> None:
    connect = Recorder()
    with serving(connect=connect) as gateway, gateway.open(user_agent_header="tester"):
        context = connect.take()["requestContext"]
        found = gateway.api.get_connection(ConnectionId=context["connectionId"])
    assert found["Identity"] == {"SourceIp": "127.0.0.1", "UserAgent": "tester"}
    assert found["ConnectedAt"] == datetime.fromtimestamp(context["connectedAt"] / 1000, UTC)
    assert found["LastActiveAt"] >= found["ConnectedAt"]


def test_delete_closes_after_what_was_posted_before() -> None:
    connect = Recorder()
    with serving(connect=connect) as gateway, gateway.open() as socket:
        connection_id = opened(connect)
        gateway.post(connection_id, b"last words")
        gateway.api.delete_connection(ConnectionId=connection_id)
        assert refusal(gateway, connection_id) == (410, "GoneException")
        assert socket.recv(timeout=PATIENCE) == "last words"
        assert close_of(socket)[0] == 1000
        assert connect.take()["requestContext"]["routeKey"] == "$disconnect"


def test_a_client_that_does_not_read_is_429_and_loses_nothing_that_was_taken() -> None:
    connect = Recorder()
    limits = GatewayLimits(client_buffer_bytes=200_000)
    with serving(connect=connect, limits=limits) as gateway, gateway.open() as socket:
        connection_id = opened(connect)
        taken = fill(gateway, connection_id)
        numbers = [str(socket.recv(timeout=PATIENCE)).split()[0] for _ in range(taken)]
        assert numbers == [str(number) for number in range(taken)]
        gateway.post(connection_id, b"and on")
        assert socket.recv(timeout=PATIENCE) == "and on"


def test_closing_does_not_wait_for_ever_for_a_client_that_does_not_read() -> None:
    connect = Recorder()
    limits = GatewayLimits(client_buffer_bytes=200_000, close_seconds=0.05)
    with serving(connect=connect, limits=limits) as gateway, gateway.open() as socket:
        connection_id = opened(connect)
        fill(gateway, connection_id)
        gateway.api.delete_connection(ConnectionId=connection_id)
        assert connect.take()["requestContext"]["disconnectStatusCode"] == 1000
        socket.socket.close()


def test_faults_are_injected_per_post() -> None:
    connect = Recorder()
    planned: dict[bytes, int] = {b"slow down": 429, b"broken": 500, b"forbidden": 403, b"go": 410}
    seen: list[str] = []

    def faults(connection_id: str, data: bytes) -> int | None:
        seen.append(connection_id)
        return planned.get(data)

    with serving(connect=connect, faults=faults) as gateway, gateway.open() as socket:
        connection_id = opened(connect)
        assert refusal(gateway, connection_id, b"slow down") == (429, "LimitExceededException")
        assert refusal(gateway, connection_id, b"broken")[0] == 500
        assert refusal(gateway, connection_id, b"forbidden") == (403, "ForbiddenException")
        assert refusal(gateway, connection_id, b"go") == (410, "GoneException")
        gateway.post(connection_id, b"fine")
        assert socket.recv(timeout=PATIENCE) == "fine"
    assert seen == [connection_id] * 5


def test_posts_from_many_threads_all_arrive() -> None:
    connect = Recorder()
    with serving(connect=connect) as gateway, gateway.open() as socket:
        connection_id = opened(connect)
        posts = [
            threading.Thread(target=gateway.post, args=(connection_id, str(number).encode()))
            for number in range(30)
        ]
        for post in posts:
            post.start()
        texts = {socket.recv(timeout=PATIENCE) for _ in posts}
        for post in posts:
            post.join(PATIENCE)
    assert texts == {str(number) for number in range(30)}

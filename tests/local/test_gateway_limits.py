"""What the local gateway's sockets bound: time, sizes, frames at once."""

import threading
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from shared.local.connections import GatewayLimits
from shared.local.runtime import RuntimeSettings
from tests.support.gateway import PATIENCE, Event, Recorder, close_of, connection_of, serving


@pytest.mark.parametrize(
    "limits",
    [GatewayLimits(idle_seconds=0.05), GatewayLimits(total_seconds=0.05)],
    ids=["idle", "total"],
)
def test_time_limits_close_with_going_away(limits: GatewayLimits) -> None:
    connect = Recorder()
    with serving(connect=connect, limits=limits) as gateway:
        with gateway.open() as socket:
            assert close_of(socket) == (1001, "Going away")
        connect.take()
        context = connect.take()["requestContext"]
    assert context["disconnectStatusCode"] == 1001


def test_a_message_of_128_kb_passes_in_frames_of_32_kb() -> None:
    message = Recorder()
    frame = "x" * 32 * 1024
    with serving(message=message) as gateway, gateway.open() as socket:
        socket.send([frame] * 4)
        assert message.take()["body"] == frame * 4


@pytest.mark.parametrize(
    "data",
    ["x" * (32 * 1024 + 1), "x" * 4_000_000, ["x" * 32 * 1024] * 4 + ["x"]],
    ids=["frame", "huge frame", "message"],
)
def test_longer_frames_and_messages_close_with_1009(data: str | list[str]) -> None:
    connect, message = Recorder(), Recorder()
    with serving(connect=connect, message=message) as gateway:
        with gateway.open() as socket:
            with suppress(ConnectionClosed):
                socket.send(data)
            assert close_of(socket)[0] == 1009
        connect.take()
        assert connect.take()["requestContext"]["disconnectStatusCode"] == 1009
    assert message.is_empty()


def test_binary_frames_arrive_as_base64() -> None:
    message = Recorder()
    with serving(message=message) as gateway, gateway.open() as socket:
        socket.send(b"\x00\xff")
        event = message.take()
    assert (event["body"], event["isBase64Encoded"]) == ("AP8=", True)


def test_binary_frames_can_be_refused_as_aws_documents() -> None:
    message = Recorder()
    limits = GatewayLimits(binary_frames="refuse")
    with serving(message=message, limits=limits) as gateway, gateway.open() as socket:
        socket.send(b"\x00\xff")
        assert close_of(socket)[0] == 1003
    assert message.is_empty()


def test_frames_start_in_the_order_of_their_arrival() -> None:
    message = Recorder()
    texts = [str(number) for number in range(100)]
    with (
        serving(message=message, settings=RuntimeSettings(concurrency=1)) as gateway,
        gateway.open() as socket,
    ):
        for text in texts:
            socket.send(text)
        assert [message.take()["body"] for _ in texts] == texts


def test_frames_beyond_those_in_flight_wait_and_are_not_lost() -> None:
    release = threading.Event()
    message = Recorder(lambda _: release.wait(PATIENCE))
    limits = GatewayLimits(frames_in_flight=2)
    with serving(message=message, limits=limits) as gateway, gateway.open() as socket:
        for number in range(6):
            socket.send(str(number))
        seen = [message.take()["body"], message.take()["body"]]
        assert message.is_empty()
        release.set()
        seen += [message.take()["body"] for _ in range(4)]
    assert sorted(seen) == [str(number) for number in range(6)]


def test_fifty_sockets_whose_handlers_all_run_and_post_at_once() -> None:
    count = 50
    together = threading.Barrier(count)

    def answer(event: Event) -> None:
        together.wait(PATIENCE)
        gateway.post(connection_of(event), event["body"].encode())

    def talk(number: int) -> None:
        with gateway.open() as socket:
            socket.send(f"hello {number}")
            answers[number] = socket.recv(timeout=PATIENCE)

    answers: dict[int, Any] = {}
    with serving(message=Recorder(answer)) as gateway:
        clients = [threading.Thread(target=talk, args=(number,)) for number in range(count)]
        for client in clients:
            client.start()
        for client in clients:
            client.join(PATIENCE)
    assert answers == {number: f"hello {number}" for number in range(count)}


def test_a_stopping_server_closes_sockets_and_runs_disconnect() -> None:
    connect = Recorder()
    with serving(connect=connect) as gateway:
        opening = gateway.open()
        socket = opening.__enter__()
        connect.take()
    assert connect.take()["requestContext"]["disconnectStatusCode"] == 1012
    assert close_of(socket)[0] == 1012
    opening.__exit__(None, None, None)

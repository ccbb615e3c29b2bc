"""The Push contract on the local gateway's connection API."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from shared.messaging.connection_api import ConnectionApiPush
from shared.messaging.push import MAX_MESSAGE_BYTES
from tests.contracts.push_contract import ClientEnd, Connect, PushContract
from tests.support.gateway import PATIENCE, Gateway, Recorder, connection_of, serving


class TestGateway(PushContract):
    @pytest.fixture
    def events(self) -> Recorder:
        return Recorder()

    @pytest.fixture
    def gateway(self, events: Recorder) -> Iterator[Gateway]:
        with serving(connect=events) as gateway:
            yield gateway

    @pytest.fixture
    def push(self, gateway: Gateway) -> ConnectionApiPush:
        return ConnectionApiPush(gateway.api)

    @pytest.fixture
    def connect(self, gateway: Gateway, events: Recorder) -> Iterator[Connect]:
        with ExitStack() as opened:

            def connect() -> ClientEnd:
                socket = opened.enter_context(gateway.open(max_size=MAX_MESSAGE_BYTES))
                return _client_end(connection_of(events.take()), socket, events)

            yield connect


def _client_end(connection: str, socket: ClientConnection, events: Recorder) -> ClientEnd:
    def receive() -> str | None:
        try:
            return str(socket.recv(timeout=PATIENCE))
        except ConnectionClosed:
            return None

    def close() -> None:
        socket.close()
        # $disconnect: from now on the gateway knows.
        assert connection_of(events.take()) == connection

    return ClientEnd(connection, receive, close)

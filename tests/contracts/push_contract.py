"""The contract of the Push port.

An adapter's test file supplies `push`, and `connect`, which opens a connection as a client
would and says how to use that end of it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from shared.messaging.push import MAX_MESSAGE_BYTES, Push


@dataclass(frozen=True)
class ClientEnd:
    """The client's end of an open connection.

    `receive` gives the next message, None when the other end has closed the connection. `close`
    returns when the service knows that the client has gone.
    """

    id: str
    receive: Callable[[], str | None]
    close: Callable[[], None]


Connect = Callable[[], ClientEnd]


class PushContract:
    def test_messages_arrive_in_order(self, push: Push, connect: Connect) -> None:
        client = connect()
        texts = [f"no. {number} 😀" for number in range(20)]
        assert [push.post(client.id, text.encode()) for text in texts] == [True] * 20
        assert [client.receive() for _ in texts] == texts

    def test_a_message_goes_to_one_connection(self, push: Push, connect: Connect) -> None:
        one, two = connect(), connect()
        push.post(one.id, b"to one")
        push.post(two.id, b"to two")
        assert (one.receive(), two.receive()) == ("to one", "to two")

    def test_the_longest_message(self, push: Push, connect: Connect) -> None:
        client = connect()
        text = "x" * MAX_MESSAGE_BYTES
        assert push.post(client.id, text.encode())
        assert client.receive() == text
        with pytest.raises(ValueError):
            push.post(client.id, text.encode() + b"x")
        assert push.post(client.id, b"still open")
        assert client.receive() == "still open"

    def test_a_connection_that_has_gone(self, push: Push, connect: Connect) -> None:
        client = connect()
        client.close()
        assert push.post(client.id, b"hello") is False
        push.close(client.id)

    def test_a_connection_that_never_was(self, push: Push) -> None:
        assert push.post("AAAAAAAAAAAAAAA=", b"hello") is False
        push.close("AAAAAAAAAAAAAAA=")

    def test_close(self, push: Push, connect: Connect) -> None:
        client, other = connect(), connect()
        push.close(client.id)
        assert client.receive() is None
        assert push.post(client.id, b"hello") is False
        assert push.post(other.id, b"hello")

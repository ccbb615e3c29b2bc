"""Where tokens come from: an option, or a command that prints one."""

import sys

import pytest

from shared.cli.chat.address import Address
from shared.cli.chat.faults import ChatFault, Unreachable


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("/nothing/of/the/kind", "cannot be run"),
        (f"{sys.executable} -c 'raise SystemExit(3)'", "exit code 3"),
        (f"{sys.executable} -c 'print(1, 2)'", "one word"),
        (f"{sys.executable} -c ''", "one word"),
        (f"{sys.executable} -c 'print(\"x\" * 99999)'", "one word"),
    ],
)
def test_a_command_that_gives_no_token(words: str, why: str) -> None:
    address = Address.of("ws://127.0.0.1:1/prod", None, None, words)
    with pytest.raises(Unreachable, match=why) as raised, address.connected(1):
        pass
    assert raised.value.lasting


@pytest.mark.parametrize("words", ["", " ", "'unclosed"])
def test_a_command_that_is_none(words: str) -> None:
    with pytest.raises(ChatFault, match="--token-command"):
        Address.of("ws://127.0.0.1:1/ws", None, None, words)


def test_only_one_of_the_two() -> None:
    with pytest.raises(ChatFault, match="not both"):
        Address.of("ws://127.0.0.1:1/ws", None, "a.b.c", "echo x")


def test_a_signed_token_needs_no_http_api() -> None:
    address = Address.of("wss://x.example/prod", None, "a.b.c")
    assert address.credential(1) == {"token": "a.b.c"}
    with pytest.raises(ChatFault, match="--api"):
        Address.of("wss://x.example/prod", None, "a-service-token")
    with pytest.raises(ChatFault, match="unencrypted"):
        Address.of("ws://x.example/prod", None, "a.b.c")

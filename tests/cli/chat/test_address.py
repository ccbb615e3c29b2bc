"""Where the server is: what the options may say, and what is said when nobody lets us in."""

import socket
import threading
from pathlib import Path

import pytest

from shared.cli.chat.address import Address
from shared.cli.chat.faults import ChatFault, Unreachable
from tests.support.deployments import SERVICE_TOKEN, TOKEN, local_set
from tests.support.gateway import PATIENCE, serving

SECRET = "a-token-that-nobody-may-read"


@pytest.mark.parametrize(
    ("url", "api", "token", "named"),
    [
        ("http://127.0.0.1:8787/ws", None, None, "--url"),
        ("ws://", None, None, "--url"),
        ("ws://127.0.0.1:99999/ws", None, None, "--url"),
        ("ws://me:secret@127.0.0.1/ws", None, None, "--url"),
        ("ws://127.0.0.1/w s", None, None, "--url"),
        ("wss://x.example/prod", None, SECRET, "--api"),
        ("wss://x.example/prod", "ftp://x.example", SECRET, "--api"),
        ("ws://x.example/ws", None, SECRET, "unencrypted"),
        ("wss://x.example/prod", "http://x.example", SECRET, "unencrypted"),
        ("ws://127.0.0.1:8787/ws", None, "two words", "--token"),
        ("ws://127.0.0.1:8787/ws", None, "line\nbreak", "--token"),
        ("ws://127.0.0.1:8787/ws", None, "schlüssel", "--token"),
    ],
)
def test_options_that_make_no_sense(url: str, api: str | None, token: str, named: str) -> None:
    with pytest.raises(ChatFault, match=named) as raised:
        Address.of(url, api, token)
    assert SECRET not in raised.value.message


@pytest.mark.parametrize(
    ("url", "api", "base"),
    [
        ("ws://127.0.0.1:8787/ws", None, "http://127.0.0.1:8787"),
        ("wss://x.example/ws", None, "https://x.example"),
        ("wss://x.example/prod", "https://y.example/", "https://y.example"),
    ],
)
def test_where_tickets_come_from(url: str, api: str | None, base: str) -> None:
    assert Address.of(url, api, SECRET).api == base


def refused(address: Address) -> Unreachable:
    with pytest.raises(Unreachable) as raised, address.connected(PATIENCE):
        pass
    assert SECRET not in raised.value.message
    assert SERVICE_TOKEN not in raised.value.message
    return raised.value


@pytest.mark.parametrize("token", [None, SECRET])
def test_a_server_that_does_not_run(token: str | None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    fault = refused(Address.of(f"ws://127.0.0.1:{port}/ws", None, token))

    assert "make dev" in fault.message
    assert not fault.lasting


def test_a_token_opens_a_deployment_that_asks_for_one(tmp_path: Path) -> None:
    with local_set(tmp_path, "http://127.0.0.1:1", TOKEN) as running:
        url = running.socket_url
        with Address.of(url, None, SERVICE_TOKEN).connected(PATIENCE) as open_socket:
            open_socket.send("{}")
            assert "UNSUPPORTED_ACTION" in str(open_socket.recv(timeout=PATIENCE))
        without, wrong = (
            refused(Address.of(url, None, None)),
            refused(Address.of(url, None, SECRET)),
        )

    assert "PARLEY_TOKEN" in without.message
    assert "does not accept this token" in wrong.message
    assert without.lasting
    assert wrong.lasting


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [(500, "{}", "gave no ticket (HTTP 500)"), (201, "[]", "gave no"), (201, "x", "gave no")]
    + [(201, '{"ticket": 1}', "gave no"), (302, "", "HTTP 302")],
)
def test_an_api_that_gives_no_ticket(status: int, body: str, said: str) -> None:
    def http(event: object, context: object) -> dict[str, object]:
        return {"statusCode": status, "body": body, "headers": {"location": "http://127.0.0.1:1"}}

    with serving(http=http, routes=["POST /tickets"]) as gateway:
        fault = refused(Address.of(gateway.socket_url, None, SECRET))

    assert said in fault.message


@pytest.mark.parametrize(("status", "lasting"), [(403, True), (500, False)])
def test_a_handshake_that_is_refused(status: int, lasting: bool) -> None:
    def connect(event: object, context: object) -> dict[str, object]:
        return {"statusCode": status}

    with serving(connect=connect) as gateway:
        assert refused(Address.of(gateway.socket_url, None, None)).lasting is lasting


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"SSH-2.0-x\r\n\r\n", "is no WebSocket API"),
        (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "HTTP 404"),
    ],
)
def test_something_else_that_listens(said: bytes, told: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(65_536)
                peer.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        fault = refused(Address.of(f"ws://127.0.0.1:{listener.getsockname()[1]}/ws", None, None))
        thread.join()

    assert told in fault.message

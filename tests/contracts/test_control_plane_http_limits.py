"""The control plane over HTTP: one deadline for all of a request, bounded answers, TLS."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from urllib3.exceptions import ProtocolError

from shared.backends.control_plane import Malformed, Unavailable
from shared.backends.http_connections import cause
from shared.backends.http_control_plane import MAX_CONFIG, HttpControlPlane
from shared.clock import SystemClock
from tests.contracts.control_plane_contract import TENANT, end, record
from tests.messaging.certificates import Issued
from tests.messaging.receivers import PATIENT, Answer, by_hand, dripping, receiver, saying, silent
from tests.support.reference_backend import ReferenceBackend

SHORT = 0.4
NAME = "localhost"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@contextmanager
def at(url: str, timeout: float = SHORT) -> Iterator[HttpControlPlane]:
    plane = HttpControlPlane(url, SystemClock(), timeout=timeout)
    yield plane
    plane.close()


@pytest.mark.parametrize(
    "answer",
    [
        silent,
        dripping(b"", b"H"),
        dripping(b"HTTP/1.1 200 OK\r\nX-A: ", b"x"),
        dripping(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"),
        dripping(HEAD + b"Content-Length: 100000\r\n\r\n", b" "),
        dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;", b"x"),
        dripping(HEAD + b"\r\n", b" "),
    ],
)
def test_one_deadline_bounds_all_of_an_answer(answer: Answer) -> None:
    with by_hand(answer) as port, at(f"http://127.0.0.1:{port}") as plane:
        with pytest.raises(Unavailable):
            plane.agent("shop", tenant=TENANT)
        with pytest.raises(Unavailable):
            plane.begin_call(record(), key="k")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"nonsense\r\n\r\n",
        HEAD + b"Content-Length: many\r\n\r\n{}",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        HEAD + b"Content-Length: 9\r\n\r\n{}",
    ],
)
def test_what_is_no_http(text: bytes) -> None:
    with by_hand(saying(text)) as port, at(f"http://127.0.0.1:{port}", PATIENT) as plane:
        with pytest.raises((Unavailable, Malformed)) as caught:
            plane.begin_call(record(), key="k")
        assert "nonsense" not in str(caught.value)


def test_nobody_listens() -> None:
    with ReferenceBackend() as backend:
        url = backend.url
    with at(url, PATIENT) as plane, pytest.raises(Unavailable) as caught:
        plane.agent("shop", tenant=TENANT)
    assert str(caught.value) == "GET /assistants/{id}/config: connection refused"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (silent, "no answer within 0.4 s"),
        (dripping(HEAD + b"Content-Length: 100000\r\n\r\n", b" "), "no answer within 0.4 s"),
        (saying(b""), "the connection broke off"),
        (saying(HEAD + b"Content-Length: 9\r\n\r\n{}"), "the connection broke off"),
        (saying(b"nonsense\r\n\r\n"), "the answer is no HTTP"),
    ],
)
def test_why_there_was_no_answer(answer: Answer, said: str) -> None:
    """A log and a dead letter hold this."""
    with (
        by_hand(answer) as port,
        at(f"http://127.0.0.1:{port}") as plane,
        pytest.raises(Unavailable) as caught,
    ):
        plane.begin_call(record(), key="k")
    assert str(caught.value) == f"POST /history: {said}"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (socket.gaierror(-2, "secret"), "the name is not known"),
        (ssl.SSLError("secret"), "the TLS handshake failed"),
        (ssl.SSLEOFError("secret"), "the connection broke off"),
        (OSError(113, "secret"), "the host cannot be reached"),
        (ConnectionResetError("secret"), "the connection broke off"),
        (ValueError("secret"), "the connection broke off"),
    ],
)
def test_what_else_may_be_the_cause(fault: Exception, said: str) -> None:
    assert cause(ProtocolError("secret", fault), 5) == said


def test_a_slow_backend_is_asked_once() -> None:
    with ReferenceBackend() as backend, at(backend.url) as plane:
        backend.fault("slow", seconds=PATIENT, times=None)
        with pytest.raises(Unavailable):
            plane.agent("shop", tenant=TENANT)
        assert backend.counts()["agent"] == 1, "all of the time was used up"


def test_an_answer_that_comes_too_late_was_an_effect_all_the_same() -> None:
    with ReferenceBackend() as backend, at(backend.url) as plane:
        backend.fault("slow_after", operation="begin", seconds=PATIENT)
        with pytest.raises(Unavailable):
            plane.begin_call(record(), key="k")
        assert plane.begin_call(record(), key="k") == "call-1"
        assert len(backend.books.calls) == 1
        plane.finalize_call(end("call-1"), key="e")


def test_how_large_a_configuration_may_be() -> None:
    # The braces, quotes and names that stand around the text.
    around = len('{"success": true, "data": {"instructions": ""}}')
    with ReferenceBackend() as backend, at(backend.url, PATIENT) as plane:
        backend.books.put_agent("shop", {"instructions": "x" * (MAX_CONFIG - around)})
        assert len(plane.agent("shop", tenant=TENANT).values["instructions"]) > 1_000_000
        backend.books.put_agent("shop", {"instructions": "x" * (MAX_CONFIG - around + 1)})
        with pytest.raises(Malformed, match="more than 1048576 bytes"):
            plane.agent("shop", tenant=TENANT)
        backend.books.put_tool("find", {"instructions": "x" * 256 * 1024})
        with pytest.raises(Malformed, match="more than 262144 bytes"):
            plane.tool("find", tenant=TENANT)
        backend.books.put_tool("find", {})
        assert plane.tool("find", tenant=TENANT) == {}


def test_a_compressed_answer_is_none() -> None:
    text = HEAD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"
    with by_hand(saying(text)) as port, at(f"http://127.0.0.1:{port}", PATIENT) as plane:
        for _ in range(2):
            with pytest.raises(Malformed):
                plane.agent("shop", tenant=TENANT)


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with ReferenceBackend() as backend, at(backend.url, PATIENT) as plane:
        backend.books.put_agent("shop", {})
        assert plane.agent("shop", tenant=TENANT).values == {}


# -- TLS --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> Issued:
    return Issued.make("the authority of the tests", authority=True)


@pytest.fixture
def _trusting(authority: Issued, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's trusted authorities are that one."""
    path = tmp_path / "authorities.pem"
    path.write_bytes(authority.pem())
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))


@contextmanager
def over_tls(context: ssl.SSLContext, answer: Answer) -> Iterator[int]:
    """The port of a server that takes one connection, and answers it so."""
    over = threading.Event()

    def serve() -> None:
        with suppress(OSError), context.wrap_socket(listener.accept()[0], server_side=True) as one:
            one.recv(65536)
            answer(one, over)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, name="over tls")
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            over.set()
            thread.join(PATIENT)
            assert not thread.is_alive()


def asked(context: ssl.SSLContext, host: str = NAME) -> list[str | None]:
    with receiver(context) as server, at(f"https://{host}:{server.port}", PATIENT) as plane:
        server.body = b'{"success": true, "data": {"id": "call-1"}}'
        assert plane.begin_call(record(), key="k") == "call-1"
        return server.names


@pytest.mark.usefixtures("_trusting")
def test_a_trusted_backend_over_tls(authority: Issued, tmp_path: Path) -> None:
    assert asked(Issued.make(NAME, authority).context(tmp_path)) == [NAME]


@pytest.mark.usefixtures("_trusting")
@pytest.mark.parametrize("kind", ["self-signed", "expired", "another's"])
def test_a_certificate_that_does_not_count(authority: Issued, tmp_path: Path, kind: str) -> None:
    issued = {
        "self-signed": lambda: Issued.make(NAME),
        "expired": lambda: Issued.make(NAME, authority, days=-1),
        "another's": lambda: Issued.make("other.example", authority),
    }[kind]()
    with pytest.raises(Unavailable, match=r": the certificate is not accepted$"):
        asked(issued.context(tmp_path))


@pytest.mark.parametrize(
    "answer", [silent, dripping(b"\x16\x03\x03\x40\x00", b"x")], ids=["silent", "dripping"]
)
def test_the_deadline_bounds_the_handshake_too(answer: Answer) -> None:
    url = f"https://{NAME}:"
    with by_hand(answer) as port, at(f"{url}{port}") as plane, pytest.raises(Unavailable):
        plane.begin_call(record(), key="k")


@pytest.mark.usefixtures("_trusting")
def test_the_deadline_bounds_an_answer_over_tls(authority: Issued, tmp_path: Path) -> None:
    context = Issued.make(NAME, authority).context(tmp_path)
    drip = dripping(HEAD + b"Content-Length: 100000\r\n\r\n", b" ")
    url = f"https://{NAME}:"
    with over_tls(context, drip) as port, at(f"{url}{port}") as plane, pytest.raises(Unavailable):
        plane.begin_call(record(), key="k")

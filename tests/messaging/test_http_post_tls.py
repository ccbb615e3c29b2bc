"""A post over TLS: the name is the URL's, the address the checked one, the certificate counts."""

from pathlib import Path

import pytest

from shared.messaging.http import HttpFailed
from tests.messaging.certificates import Issued
from tests.messaging.receivers import PATIENT, by_hand, dripping, poster, receiver, silent

NAME = "hooks.example"


@pytest.fixture(scope="module")
def authority() -> Issued:
    return Issued.make("the authority of the tests", authority=True)


@pytest.fixture(autouse=True)
def _trusting(authority: Issued, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's trusted authorities are that one."""
    path = tmp_path / "authorities.pem"
    path.write_bytes(authority.pem())
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))


def post(port: int, host: str = NAME, timeout: float = PATIENT) -> int:
    return poster().post(f"https://{host}:{port}/hook?a=b", b"{}", {}, timeout=timeout)


def test_a_trusted_server_gets_the_post_under_its_name(authority: Issued, tmp_path: Path) -> None:
    context = Issued.make(NAME, authority).context(tmp_path)
    with receiver(context) as server:
        assert post(server.port) == 200

    assert server.names == [NAME]
    (got,) = server.got
    assert (got.path, got.body) == ("/hook?a=b", b"{}")
    assert got.headers.get_all("Host") == [f"{NAME}:{server.port}"]


def test_an_international_name_is_found_in_the_certificate(
    authority: Issued, tmp_path: Path
) -> None:
    context = Issued.make("xn--bcher-kva.example", authority).context(tmp_path)
    with receiver(context) as server:
        assert post(server.port, "bücher.example") == 200

    assert server.names == ["xn--bcher-kva.example"]


def test_a_name_with_a_final_dot_is_the_same_name(authority: Issued, tmp_path: Path) -> None:
    with receiver(Issued.make(NAME, authority).context(tmp_path)) as server:
        assert post(server.port, f"{NAME}.") == 200

    assert server.names == [NAME]


def test_a_self_signed_certificate_is_refused(tmp_path: Path) -> None:
    with receiver(Issued.make(NAME).context(tmp_path)) as server, pytest.raises(HttpFailed):
        post(server.port)

    assert server.got == []


def test_another_name_s_certificate_is_refused(authority: Issued, tmp_path: Path) -> None:
    context = Issued.make("other.example", authority).context(tmp_path)
    with receiver(context) as server, pytest.raises(HttpFailed):
        post(server.port)

    assert server.got == []


def test_an_expired_certificate_is_refused(authority: Issued, tmp_path: Path) -> None:
    context = Issued.make(NAME, authority, days=-1).context(tmp_path)
    with receiver(context) as server, pytest.raises(HttpFailed):
        post(server.port)

    assert server.got == []


def test_another_authority_s_certificate_is_refused(tmp_path: Path) -> None:
    other = Issued.make("another authority", authority=True)
    context = Issued.make(NAME, other).context(tmp_path)
    with receiver(context) as server, pytest.raises(HttpFailed):
        post(server.port)

    assert server.got == []


def test_a_server_without_tls_is_no_answer() -> None:
    with receiver() as server, pytest.raises(HttpFailed):
        post(server.port)

    assert server.got == []


def test_a_handshake_that_stalls_times_out() -> None:
    with by_hand(silent) as port, pytest.raises(HttpFailed):
        post(port, timeout=0.3)


def test_a_handshake_that_drips_is_bounded_in_total() -> None:
    # The head of a record of 16 KB, which then comes byte by byte.
    with by_hand(dripping(b"\x16\x03\x03\x40\x00", b"x")) as port, pytest.raises(HttpFailed):
        post(port, timeout=0.3)

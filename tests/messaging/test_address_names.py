"""Which names the address guard lets through, by what they resolve to and by ALLOWED_HOSTS."""

import socket
import threading
from collections.abc import Sequence

import pytest

from shared.messaging.addresses import AddressGuard, LookUpTooSlow
from shared.messaging.http import AddressRefused
from tests.messaging.receivers import PATIENT

PUBLIC = "93.184.216.34"
OTHER = "8.8.8.8"


class Names:
    """A resolver that gives one answer after another and keeps what it was asked."""

    def __init__(self, *answers: Sequence[str] | Exception) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def check(names: Names, url: str = "http://a.example/", *, allow_private: bool = False) -> str:
    return AddressGuard(resolver=names, allow_private=allow_private).check(url).address


def test_the_first_of_several_public_addresses_is_taken() -> None:
    assert check(Names([PUBLIC, OTHER])) == PUBLIC


@pytest.mark.parametrize(
    "answer", [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["::1", PUBLIC], [PUBLIC, OTHER, "fe80::1%2"]]
)
def test_one_private_address_among_them_refuses_the_name(answer: list[str]) -> None:
    with pytest.raises(AddressRefused, match="private"):
        check(Names(answer))


@pytest.mark.parametrize(
    "answer",
    [[], socket.gaierror(socket.EAI_NONAME, "unknown"), UnicodeError("label too long"), OSError()],
)
@pytest.mark.parametrize("allow_private", [False, True])
def test_a_name_without_an_address_is_refused(
    answer: Sequence[str] | Exception, allow_private: bool
) -> None:
    with pytest.raises(AddressRefused, match="does not resolve"):
        check(Names(answer), allow_private=allow_private)


def test_the_resolver_is_asked_once_so_a_second_answer_gains_nothing() -> None:
    names = Names([PUBLIC], ["127.0.0.1"])

    assert check(names) == PUBLIC
    assert names.asked == [("a.example", 80)]
    with pytest.raises(AddressRefused):
        check(names)


@pytest.mark.parametrize("host", ["LOCALHOST", "\u24db\u24deCALHOST", "loc\uff41lhost"])
def test_a_name_is_looked_up_as_what_it_means(host: str) -> None:
    names = Names(["127.0.0.1"])

    with pytest.raises(AddressRefused, match="'localhost' has a private address"):
        check(names, f"http://{host}/")
    assert names.asked == [("localhost", 80)]


def test_a_look_up_that_takes_too_long_is_given_up() -> None:
    over = threading.Event()

    def slow(host: str, port: int) -> Sequence[str]:
        over.wait(PATIENT)
        return [PUBLIC]

    try:
        with pytest.raises(LookUpTooSlow, match="takes too long"):
            AddressGuard(resolver=slow).check("http://a.example/", timeout=0.01)
    finally:
        over.set()


def test_private_addresses_can_be_allowed() -> None:
    guard = AddressGuard(resolver=Names(["127.0.0.1"]), allow_private=True)

    assert guard.check("http://a.example/").address == "127.0.0.1"
    assert guard.check("http://127.0.0.1/").address == "127.0.0.1"


def test_parsing_asks_nobody_and_still_refuses_literal_addresses() -> None:
    names = Names([PUBLIC])
    guard = AddressGuard(resolver=names)

    assert guard.parse("http://a.example/x").address == ""
    with pytest.raises(AddressRefused, match="private"):
        guard.parse("http://[::1]/")
    assert names.asked == []


@pytest.mark.parametrize(
    "host", ["a..example", ".example", "a" * 64 + ".example", "a.example..", "ü" * 64]
)
def test_a_name_that_cannot_be_is_refused_whatever_a_resolver_would_say(host: str) -> None:
    with pytest.raises(AddressRefused):
        check(Names([PUBLIC]), f"http://{host}/")


@pytest.mark.parametrize(
    ("host", "ascii_host"),
    [("bücher.example", "xn--bcher-kva.example"), ("例え.example", "xn--r8jz45g.example")],
)
def test_an_international_name_is_written_in_ascii(host: str, ascii_host: str) -> None:
    """As it goes into the Host header and the TLS handshake, which can hold nothing else."""
    names = Names([PUBLIC])

    assert AddressGuard(resolver=names).check(f"https://{host}/").host == ascii_host
    assert names.asked == [(ascii_host, 443)]


def test_a_final_dot_is_kept_for_the_resolver_but_counts_for_nothing() -> None:
    guard = AddressGuard(resolver=Names(["127.0.0.1"]))

    with pytest.raises(AddressRefused, match="private"):
        guard.check("http://localhost./")
    with pytest.raises(AddressRefused):
        guard.check("http://127.0.0.1./")


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("api.example.com", True),
        ("API.EXAMPLE.COM", True),
        ("api.example.com.", True),
        ("evil-api.example.com", False),
        ("api.example.com.evil.test", False),
        ("hooks.example.org", True),
        ("a.b.example.org", True),
        ("example.org", False),
        ("evilexample.org", False),
        ("example.org.evil.test", False),
        ("93.184.216.34", False),
    ],
)
def test_allowed_hosts_narrow_the_names_down(host: str, allowed: bool) -> None:
    guard = AddressGuard(
        allowed_hosts=("api.Example.com", "*.example.org"), resolver=Names([PUBLIC])
    )
    if allowed:
        assert guard.check(f"https://{host}/").address == PUBLIC
    else:
        with pytest.raises(AddressRefused, match="ALLOWED_HOSTS"):
            guard.check(f"https://{host}/")


def test_an_allowed_host_must_still_be_public() -> None:
    guard = AddressGuard(allowed_hosts=("a.example", "127.0.0.1"), resolver=Names(["10.0.0.1"]))

    for url in ("http://a.example/", "http://127.0.0.1/"):
        with pytest.raises(AddressRefused, match="private"):
            guard.check(url)


def test_an_international_name_can_be_allowed() -> None:
    guard = AddressGuard(allowed_hosts=("xn--bcher-kva.example",), resolver=Names([PUBLIC]))

    for host in ("bücher.example", "BÜCHER.example", "xn--bcher-kva.example"):
        assert guard.check(f"http://{host}/").address == PUBLIC


def test_the_reason_does_not_name_the_address() -> None:
    with pytest.raises(AddressRefused) as caught:
        check(Names(["10.20.30.40"]))

    assert "10.20.30.40" not in str(caught.value)

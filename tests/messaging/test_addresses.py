"""The address guard: what a URL that a user sets may name."""

import socket
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.messaging.addresses import MAX_URL, AddressGuard, is_public
from shared.messaging.http import AddressRefused

PUBLIC = "93.184.216.34"


def resolves_to(*addresses: str) -> AddressGuard:
    return AddressGuard(resolver=lambda host, port: list(addresses))


def refuse(guard: AddressGuard, url: str) -> str:
    with pytest.raises(AddressRefused) as refused:
        guard.check(url)
    return str(refused.value)


def never(host: str, port: int) -> Sequence[str]:
    raise AssertionError(f"{host} was looked up")


# -- addresses ----------------------------------------------------------------------------------

PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "0.1.2.3",
    "192.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "fec0::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:a9fe:a9fe",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2002:c0a8:101::",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1",
    "2001:0:4136:e378:8000:63bf:f5ff:fffe",
    "::127.0.0.1",
    "::7f00:1",
]
PUBLIC_ONES = [PUBLIC, "8.8.8.8", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_of_the_public_internet(address: str) -> None:
    assert not is_public(address)
    assert "private" in refuse(resolves_to(address), "https://example.com/")


@pytest.mark.parametrize("address", [a for a in PRIVATE if "%" not in a])
def test_private_addresses_as_they_are_written(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    guard = AddressGuard(resolver=never)
    assert "private" in refuse(guard, f"http://{host}/")
    assert "private" in refuse(guard, f"https://{host}:8443/x?y")


@pytest.mark.parametrize("address", PUBLIC_ONES)
def test_what_is_public(address: str) -> None:
    assert is_public(address)
    target = resolves_to(address).check("https://example.com/")
    assert target.address == address


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "017700000001", "127.0.1"]
)
def test_other_ways_to_write_an_address_are_read_as_the_resolver_reads_them(host: str) -> None:
    """`getaddrinfo` knows all of these forms; what it makes of them is checked."""
    try:
        assert refuse(AddressGuard(), f"http://{host}/")
    except socket.gaierror:  # pragma: no cover - a resolver that does not know the form is fine
        return


def test_one_private_address_among_public_ones_is_enough() -> None:
    assert "private" in refuse(resolves_to(PUBLIC, "10.0.0.1"), "https://example.com")
    assert "private" in refuse(resolves_to("10.0.0.1", PUBLIC), "https://example.com")


def test_a_name_that_resolves_to_nothing() -> None:
    assert "does not resolve" in refuse(resolves_to(), "https://example.com")


@pytest.mark.parametrize("fault", [socket.gaierror("no"), UnicodeError("label too long")])
def test_a_name_that_does_not_resolve(fault: Exception) -> None:
    def resolver(host: str, port: int) -> Sequence[str]:
        raise fault

    assert "does not resolve" in refuse(AddressGuard(resolver=resolver), "https://example.com")


def test_it_connects_to_the_address_that_was_checked() -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    guard = AddressGuard(resolver=lambda host, port: next(answers))
    assert guard.check("https://example.com").address == PUBLIC
    assert "private" in refuse(guard, "https://example.com")


def test_private_addresses_may_be_allowed() -> None:
    guard = AddressGuard(allow_private=True, resolver=lambda host, port: ["10.0.0.1"])
    assert guard.check("http://intranet:8080/x").address == "10.0.0.1"
    assert guard.check("http://10.0.0.1/").address == "10.0.0.1"


@given(st.integers(0, 2**32 - 1))
def test_an_address_is_what_its_ipv6_forms_are(number: int) -> None:
    four = socket.inet_ntoa(number.to_bytes(4, "big"))
    high, low = number >> 16, number & 0xFFFF
    for form in (
        f"::ffff:{high:x}:{low:x}",
        f"2002:{high:x}:{low:x}::",
        f"64:ff9b::{high:x}:{low:x}",
    ):
        assert is_public(form) == is_public(four), form


# -- URLs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "//example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "javascript:alert(1)",
        "data:text/html,x",
        "https:///path",
        "https://",
        "http:example.com",
        "https://user@example.com/",
        "https://user:pass@example.com/",
        "https://:@example.com/",
        "https://@example.com/",
        "https://example.com\\@evil.example.org/",
        "https:\\\\example.com",
        "https://example.com/a b",
        "https://example.com/\n",
        "https://example.com/\r\nHost: evil",
        "https://exam\tple.com/",
        "https://example.com/\x00",
        "https://example.com/\x7f",
        "https://example.com/\u2028",
        " https://example.com/",
        "https://example.com:99999/",
        "https://example.com:-1/",
        "https://example.com:port/",
        "https://[::1/",
        "https://[nonsense]/",
        "https://example.com/" + "x" * MAX_URL,
    ],
)
def test_odd_urls_are_refused_before_anything_is_looked_up(url: str) -> None:
    assert refuse(AddressGuard(resolver=never), url)


def test_a_refusal_repeats_no_credentials() -> None:
    said = refuse(AddressGuard(resolver=never), "https://user:geheim@example.com/")
    assert "geheim" not in said


@pytest.mark.parametrize(
    ("url", "port", "path"),
    [
        ("https://example.com", 443, "/"),
        ("http://example.com", 80, "/"),
        ("HTTPS://EXAMPLE.com/A?b=c&d#fragment", 443, "/A?b=c&d"),
        ("http://example.com:8080?x", 8080, "/?x"),
        ("https://example.com:443/%20", 443, "/%20"),
    ],
)
def test_the_parts_of_a_url(url: str, port: int, path: str) -> None:
    target = resolves_to(PUBLIC).check(url)
    assert (target.host, target.port, target.path) == ("example.com", port, path)


@pytest.mark.parametrize(
    "host", ["bücher.example", "例え.jp", "ⓔⓧⓐⓜⓟⓛⓔ.com", "\uff11\uff12\uff17.0.0.1"]
)
def test_a_host_in_other_letters_goes_where_the_resolver_says(host: str) -> None:
    """Whatever a name is folded to, its address is checked."""
    assert "private" in refuse(resolves_to("127.0.0.1"), f"https://{host}/")


@given(st.text(max_size=80))
def test_no_text_at_all_raises_anything_else(text: str) -> None:
    guard = resolves_to(PUBLIC)
    for url in (text, f"https://{text}", f"http://{text}/"):
        try:
            target = guard.check(url)
        except AddressRefused:
            continue
        assert target.scheme in ("http", "https")
        assert target.host


# -- allowed hosts ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://api.example.com/", True),
        ("https://API.Example.COM/", True),
        ("https://api.example.com./", True),
        ("https://example.com/", False),
        ("https://evil-api.example.com/", False),
        ("https://api.example.com.evil.org/", False),
        ("https://a.hooks.example.org/", True),
        ("https://a.b.hooks.example.org/", True),
        ("https://hooks.example.org/", False),
        ("https://evilhooks.example.org/", False),
        (f"https://{PUBLIC}/", False),
    ],
)
def test_only_listed_hosts(url: str, allowed: bool) -> None:
    guard = AddressGuard(
        allowed_hosts=["api.example.com", "*.hooks.example.org"],
        resolver=lambda host, port: [PUBLIC],
    )
    if allowed:
        assert guard.check(url)
    else:
        assert "ALLOWED_HOSTS" in refuse(guard, url)


def test_a_listed_host_must_be_public_all_the_same() -> None:
    guard = AddressGuard(allowed_hosts=["example.com"], resolver=lambda host, port: ["10.0.0.1"])
    assert "private" in refuse(guard, "https://example.com")

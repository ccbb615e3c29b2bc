"""Which URLs the address guard lets through, by their form."""

import pytest

from shared.messaging.addresses import MAX_URL, AddressGuard, Target
from shared.messaging.http import AddressRefused

PUBLIC = "93.184.216.34"


def check(url: str) -> Target:
    return AddressGuard(resolver=lambda host, port: [PUBLIC]).check(url)


def refused(url: str) -> str:
    """The reason."""
    with pytest.raises(AddressRefused) as caught:
        check(url)
    return str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/path",
        "example.com",
        "//example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "http:/example.com",
        "http:example.com",
        "http://",
        "http:///path",
        "http://?query",
        "http://:80/",
    ],
)
def test_only_web_addresses_with_a_host_are_allowed(url: str) -> None:
    assert "http://" in refused(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/ a",
        "http://example.com/\t",
        "http://example.com/\r\nX-Injected: 1",
        "http://example.com/\x00",
        "http://example.com\\@127.0.0.1/",
        "http://exam\u00adple.com/",
        "http://example.com/\u2028",
        "http://example.com/\ud800",
        "http://example.com/" + "a" * MAX_URL,
    ],
)
def test_what_no_url_can_have_is_refused(url: str) -> None:
    assert "characters" in refused(url)


def test_a_url_of_the_greatest_length_is_allowed() -> None:
    assert check("http://example.com/".ljust(MAX_URL, "a")).host == "example.com"


@pytest.mark.parametrize(
    "url",
    ["http://[::1", "http://]/", "http://a]b/", "http://[127.0.0.1/", "http://[nonsense]/"],
)
def test_broken_brackets_are_refused(url: str) -> None:
    refused(url)


@pytest.mark.parametrize("host", ["[v1.fe80]", "[example.com]", "[8.8.8.8]", "[2606:2800::1%25e]"])
def test_only_an_ipv6_address_stands_between_brackets(host: str) -> None:
    refused(f"http://{host}/")


@pytest.mark.parametrize(
    "host",
    [
        *("a%20b.example", "8.8.8.8%2f", "%31.example", "a;b.example", "a,b", "a'b", "a{b}", "a|b"),
        *("\uff05.example", "127.0.0.1\uff052f", ".".join(["a" * 60] * 5)),
    ],
)
def test_a_host_that_can_be_no_name_is_refused(host: str) -> None:
    refused(f"http://{host}/")


@pytest.mark.parametrize("host", ["a_b.example", "-a.example", "xn--bcher-kva.example", "a", "7up"])
def test_a_name_that_is_in_use_somewhere_is_allowed(host: str) -> None:
    assert check(f"http://{host}/").host == host


@pytest.mark.parametrize(
    "port",
    ["0", "65536", "99999", "-1", "+80", "8a", "\uff18\uff10", "0x50"],
)
def test_a_port_that_cannot_be_is_refused(port: str) -> None:
    assert "malformed" in refused(f"http://example.com:{port}/")


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("http://example.com/", 80),
        ("https://example.com/", 443),
        ("http://example.com:/", 80),
        ("https://example.com:8443/", 8443),
        ("http://example.com:65535/", 65535),
    ],
)
def test_the_port_is_the_url_s_or_the_scheme_s(url: str, port: int) -> None:
    assert check(url).port == port


@pytest.mark.parametrize(
    "url",
    [
        "http://user@example.com/",
        "http://user:word@example.com/",
        "http://:word@example.com/",
        "http://@example.com/",
        "http://example.com@127.0.0.1/",
    ],
)
def test_credentials_are_refused(url: str) -> None:
    assert "credentials" in refused(url)


def test_the_target_has_path_and_query_but_no_fragment() -> None:
    assert check("HTTPS://Example.COM/a/b?c=d&e#f") == Target(
        "https", "example.com", 443, "/a/b?c=d&e", PUBLIC
    )
    assert check("http://example.com?c").path == "/?c"
    assert check("http://example.com").path == "/"

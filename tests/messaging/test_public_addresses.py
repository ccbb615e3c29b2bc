"""Which addresses are of the public Internet, however they are written."""

import pytest

from shared.messaging.addresses import AddressGuard, is_public
from shared.messaging.http import AddressRefused

PUBLIC = [
    "8.8.8.8",
    "93.184.216.34",
    "169.253.255.255",
    "172.32.0.1",
    "2606:2800:220:1:248:1893:25c8:1946",
]
PRIVATE = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.9",
    "192.0.0.10",
    "192.88.99.1",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "100::1",
    "2001::1",
    "2001:1::1",
    "2001:20::1",
    "2001:db8::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
INNER = {
    "mapped": ("::ffff:127.0.0.1", "::ffff:93.184.216.34"),
    "mapped, in hexadecimal": ("::ffff:a9fe:a9fe", "::ffff:5db8:d822"),
    "compatible": ("::127.0.0.1", None),
    "translated": ("::ffff:0:127.0.0.1", "::ffff:0:93.184.216.34"),
    "6to4": ("2002:7f00:1::", "2002:5db8:d822::1"),
    "6to4 of a private network": ("2002:a00:1::1", None),
    "NAT64": ("64:ff9b::127.0.0.1", "64:ff9b::93.184.216.34"),
    "NAT64 of the metadata service": ("64:ff9b::a9fe:a9fe", None),
    "NAT64 of one's own network": ("64:ff9b:1::127.0.0.1", None),
    "Teredo": ("2001:0:4136:e378:8000:63bf:80ff:fffe", None),
    "Teredo, with a private server": ("2001:0:7f00:1:0:f7f7:f7f7:f7f7", None),
}
"""IPv6 forms of IPv4 addresses: of a private one, and of a public one where that may be."""


def refused(url: str, *addresses: str) -> str:
    """The reason. Names mean these addresses."""
    guard = AddressGuard(resolver=lambda host, port: addresses)
    with pytest.raises(AddressRefused) as caught:
        guard.check(url)
    return str(caught.value)


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_refused_as_a_literal_and_as_what_a_name_means(address: str) -> None:
    literal = f"[{address.replace('%', '%25')}]" if ":" in address else address

    assert "private" in refused(f"http://{literal}/", "8.8.8.8")
    assert "private" in refused("http://a.example/", address)


@pytest.mark.parametrize("name", INNER)
def test_an_ipv6_form_of_a_private_ipv4_address_is_refused(name: str) -> None:
    private, _ = INNER[name]

    assert not is_public(private)
    assert "private" in refused(f"https://[{private}]/", "8.8.8.8")


@pytest.mark.parametrize("name", [name for name, (_, public) in INNER.items() if public])
def test_an_ipv6_form_of_a_public_ipv4_address_is_as_public_as_that(name: str) -> None:
    assert is_public(INNER[name][1] or "")


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    literal = f"[{address}]" if ":" in address else address
    guard = AddressGuard(resolver=lambda host, port: [host])

    assert guard.check(f"https://{literal}/x").address == address


@pytest.mark.parametrize(
    "host",
    [
        *("2130706433", "0177.0.0.1", "127.1", "0x7f.1", "0x7f000001", "017700000001", "127.0.1"),
        *("0", "127.0.0.1.", "256.0.0.1", "a.0x", "010.0.0.1", "134744072", "8.8.8.010"),
    ],
)
@pytest.mark.parametrize("allow_private", [False, True])
def test_another_spelling_of_an_address_is_refused_whatever_a_system_makes_of_it(
    host: str, allow_private: bool
) -> None:
    guard = AddressGuard(resolver=lambda host, port: ["8.8.8.8"], allow_private=allow_private)

    with pytest.raises(AddressRefused, match="is a number"):
        guard.parse(f"http://{host}/")


@pytest.mark.parametrize(
    "host", ["127\u30020\u30020\u30021", "\u2460\u2461\u2466.0.0.1", "\uff11\uff12\uff17.0.0.1"]
)
def test_other_digits_and_dots_count_as_what_they_mean(host: str) -> None:
    assert "private" in refused(f"http://{host}/", "8.8.8.8")

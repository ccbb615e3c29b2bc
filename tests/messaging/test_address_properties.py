"""The address guard, against any text and any address."""

import socket

from hypothesis import given
from hypothesis import strategies as st

from shared.messaging.addresses import AddressGuard, is_public
from shared.messaging.http import AddressRefused


@given(st.integers(0, 2**32 - 1))
def test_an_address_is_what_its_ipv6_forms_are(number: int) -> None:
    four = socket.inet_ntoa(number.to_bytes(4, "big"))
    pair = f"{number >> 16:x}:{number & 0xFFFF:x}"
    for form in (f"::ffff:{pair}", f"2002:{pair}::", f"64:ff9b::{pair}"):
        assert is_public(form) == is_public(four), form


@given(st.text(max_size=80))
def test_a_text_is_a_target_or_refused_and_nothing_else(text: str) -> None:
    guard = AddressGuard(resolver=lambda host, port: ["93.184.216.34"])
    for url in (text, f"https://{text}", f"http://{text}/"):
        try:
            target = guard.check(url)
        except AddressRefused:
            continue
        assert target.scheme in ("http", "https")
        assert target.host.isascii()
        assert 0 < target.port < 65_536

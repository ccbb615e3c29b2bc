"""Email addresses and phone numbers, as people type them."""

import pytest

from shared.interactions.identity_intake import NOT_A_PHONE, NOT_AN_EMAIL
from tests.interactions.asked import IDENTITY, faults, field, spec

EMAIL = spec(IDENTITY, field("email"))
PHONE = spec(IDENTITY, field("phone"))


@pytest.mark.parametrize(
    "address",
    [
        "ann@example.com",
        "ann.lee+quotes@mail.example.co.uk",
        "o'neil@example.org",
        "ann@bücher.example",
        "x" * 64 + "@" + ".".join(["y" * 60] * 3) + ".com",
    ],
)
def test_addresses(address: str) -> None:
    assert IDENTITY.validate(EMAIL, {"email": address}) == {"email": address}


@pytest.mark.parametrize(
    "address",
    [
        "still bad@",
        "ann",
        "ann@",
        "@example.com",
        "ann@example",
        "ann@example..com",
        "ann@.com",
        "ann@example.com.",
        "ann@@example.com",
        "ann lee@example.com",
        "ann@example.com, bob@example.com",
        "ann@example.com,bob@example.com",
        "Ann <ann@example.com>",
        '"ann"@example.com',
        "ann@example.com\nBcc: bob@example.com",
        "ann\x00@example.com",
        "ann\u200b@example.com",
        "x" * 65 + "@example.com",
        "ann@" + "x" * 64 + ".com",
    ],
)
def test_what_is_no_address(address: str) -> None:
    assert NOT_AN_EMAIL == "must be a valid email address"
    assert faults(IDENTITY, EMAIL, {"email": address}) == [("email", NOT_AN_EMAIL)]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("+4930123456", "+4930123456"),
        (" +49 30 123456 ", "+4930123456"),
        ("0049 30/123456".replace("/", " "), "+4930123456"),
        ("+1 (415) 555-01.23", "+14155550123"),
        ("+1 415\u2011555\u20130123", "+14155550123"),
        ("\u202a+49\u00a030\u00a0123456\u202c", "+4930123456"),
        ("+12345678", "+12345678"),
        ("+123456789012345", "+123456789012345"),
    ],
)
def test_phone_numbers(typed: str, kept: str) -> None:
    assert IDENTITY.validate(PHONE, {"phone": typed}) == {"phone": kept}


@pytest.mark.parametrize(
    "typed",
    [
        "030 123456",
        "49 30 123456",
        "+1234567",
        "+1234567890123456",
        "+49 30 CALL-US",
        "+49 30 123456 ext. 5",
        "+0 30 123456",
        "++4930123456",
        "+49+30123456",
        "+44 (0)20 7946 0000",
        "+44 ( 0 ) 20 7946 0000",
        "+٤٩٣٠١٢٣٤٥٦",
        "+",
        "()",
    ],
)
def test_what_is_no_phone_number(typed: str) -> None:
    assert NOT_A_PHONE == "must be a phone number with its country code, such as +49 30 123456"
    assert faults(IDENTITY, PHONE, {"phone": typed}) == [("phone", NOT_A_PHONE)]

"""One-time codes: what is made, what is recognized, and what nobody can read off."""

import hmac
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.identity.codes import Codes, masked

SECRET = "the-signing-secret-of-these-tests"
CODES = Codes(SECRET)


def test_six_digits_and_what_is_stored_does_not_show_them() -> None:
    made = [CODES.make() for _ in range(1000)]
    for code, stored in made:
        assert re.fullmatch(r"[0-9]{6}", code, re.ASCII)
        assert re.fullmatch(r"[0-9a-f]{32}\.[0-9a-f]{64}", stored, re.ASCII)
        assert CODES.matches(stored, code)
    assert len({stored for _, stored in made}) == 1000
    # Small numbers are codes as well as others, and no digit is left out anywhere.
    for place in range(6):
        assert {code[place] for code, _ in made} == set("0123456789")


def test_a_code_is_for_what_was_stored_with_it() -> None:
    made = [CODES.make() for _ in range(50)]
    for (code, stored), (other, _) in pairwise(made):
        assert CODES.matches(stored, other) is (code == other)


def test_every_other_code_is_wrong() -> None:
    code, stored = CODES.make()
    right = [each for each in range(0, 10**6, 7) if CODES.matches(stored, f"{each:06}")]
    assert right == ([int(code)] if int(code) % 7 == 0 else [])


def test_another_process_with_the_same_secret_recognizes_it() -> None:
    code, stored = CODES.make()
    assert Codes(SECRET).matches(stored, code)
    assert not Codes(SECRET + "!").matches(stored, code)


@pytest.mark.parametrize(
    "written",
    [
        "{0}{1}",
        " {0}{1}\n",
        "{0} {1}",
        "{0}-{1}",
        "{0} - {1}",
        "{0}\u00a0{1}",
        "{0}\u202f{1}",
        "{0}\u2009{1}",
        "{0}\u2013{1}",
        "{0}\u2014{1}",
        "{0}\u2011{1}",
        "{0}\u2212{1}",
        "{0}\u00ad{1}",
        "{0}\u200b{1}",
        "{0}\t{1}",
    ],
    ids=ascii,
)
def test_spaces_and_dashes_do_not_matter(written: str) -> None:
    code, stored = CODES.make()
    assert CODES.matches(stored, written.format(code[:3], code[3:]))
    assert CODES.matches(stored, "-".join(f" {digit} " for digit in code))


@pytest.mark.parametrize(
    "changed",
    [
        "",
        " ",
        "-",
        "{0}{1}0",
        "0{0}{1}",
        "{0}",
        "{0}.{1}",
        "{0},{1}",
        "{0}/{1}",
        "{0}e{1}",
        "+{0}{1}",
        "{0}{1}\0",
        "{0}{1}\ud800",
        "{0}{1}" + " " * 60,
    ],
    ids=ascii,
)
def test_what_is_not_the_code(changed: str) -> None:
    code, stored = CODES.make()
    assert not CODES.matches(stored, changed.format(code[:3], code[3:]))


def test_other_digits_are_no_digits() -> None:
    code, stored = CODES.make()
    assert not CODES.matches(stored, "".join(chr(0xFF10 + int(digit)) for digit in code))
    assert not CODES.matches(stored, "".join(chr(0x0660 + int(digit)) for digit in code))


@given(st.text(), st.text())
def test_nothing_that_somebody_types_or_stores_makes_it_raise(stored: str, code: str) -> None:
    assert CODES.matches(stored, code) is False
    assert CODES.matches(CODES.make()[1], f"x{code}") is False


def test_what_was_stored_and_is_damaged_matches_nothing() -> None:
    code, stored = CODES.make()
    salt, digest = stored.split(".")
    for damaged in (
        "",
        ".",
        salt,
        f"{salt}.",
        f".{digest}",
        f"{salt}.{digest[:-1]}",
        f"{salt}.{digest}0",
        f"{salt}{digest}",
        f"{salt[::-1]}.{digest}",
        f"{salt}.{digest[::-1]}",
        f"{salt}.{digest.upper()}",
        f"{salt}.{digest}\n",
        f"{salt}.{digest[:-1]}ä",
    ):
        assert not CODES.matches(damaged, code), damaged


def test_no_other_signature_of_the_secret_is_the_hash_of_a_code() -> None:
    """Whoever has the secret sign other things, such as callbacks of their own, could otherwise
    try all codes against what is stored."""
    code, stored = CODES.make()
    salt, digest = stored.split(".")
    purposes = ["", "code:", "codes:", "otp:", "ticket:", "parley one-time codes", "context:"]
    for text in (f"{salt}.{code}", f"{salt}:{code}", f"{salt}{code}", code):
        for purpose in purposes:
            signed = hmac.digest(SECRET.encode(), f"{purpose}{text}".encode(), "sha256").hex()
            assert signed != digest
            assert not CODES.matches(f"{salt}.{signed}", code)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("ann@example.org", "a***@example.org"),
        ("a@example.org", "a***@example.org"),
        ("ann.other+tag@Mail.Example.org", "a***@Mail.Example.org"),
        ('"ann@home"@example.org', '"***@example.org'),
        ("émile@example.org", "é***@example.org"),
        ("@example.org", "***@example.org"),
        ("ann@", "***"),
        ("ann", "***"),
        ("@", "***"),
        ("", "***"),
    ],
)
def test_a_masked_address(address: str, shown: str) -> None:
    assert masked(address) == shown


@given(st.text(), st.text(st.characters(exclude_characters="@"), min_size=1))
def test_no_more_than_the_first_character_is_shown(name: str, domain: str) -> None:
    assert masked(f"{name}@{domain}") == f"{name[:1]}***@{domain}"
    assert masked(domain) == "***"

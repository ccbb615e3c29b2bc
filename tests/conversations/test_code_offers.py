"""Sending codes: to which address, how often, and what the model is told when it cannot be."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.conversations.code_offers import CodeOffers
from shared.conversations.items import session_key
from shared.identity.code_limits import PER_ADDRESS, PER_SESSION, CodeLimits
from shared.identity.codes import Codes
from shared.messaging.mail import Mail, MailRefused, MailUnavailable
from shared.storage.table import Item
from shared.tools.port import ToolFault
from tests.conversations.people import code_in
from tests.conversations.pieces import ANNA, Pieces, pieces_in
from tests.support.recorded_mail import RecordedMail

CODES = Codes("a-secret-of-these-tests")
FIRST = "The user must show who they are first"


@pytest.fixture
def pieces(tmp_path: Path) -> Iterator[Pieces]:
    with pieces_in(tmp_path) as made:
        yield made


def offers(pieces: Pieces, mail: Mail | None, *, seconds: int = 300) -> CodeOffers:
    limits = CodeLimits(pieces.table, pieces.clock)
    return CodeOffers(mail, lambda: CODES, limits, seconds=seconds)


def item(**known: str) -> Item:
    """A session that knows these addresses of its user."""
    body = {"user_email": known["user_email"]} if "user_email" in known else {}
    attrs = {name: value for name, value in known.items() if name != "user_email"}
    return Item(session_key("s"), attrs, body)


def offer(made: CodeOffers, session: str = "s", email: str = "anna@example.com") -> Any:
    return made.offer(replace(ANNA, email=email), session, None, "Refund 42.")


def refusal(made: CodeOffers, **known: Any) -> str:
    with pytest.raises(ToolFault) as refused:
        offer(made, **known)
    return str(refused.value)


def test_a_code_is_sent_and_only_its_hash_is_kept(pieces: Pieces) -> None:
    letters = RecordedMail()
    kept = offer(offers(pieces, letters))
    (letter,) = letters.sent()
    assert (letter.to, letter.subject) == ("anna@example.com", "Your verification code")
    assert "It can be used for 5 minutes" in letter.text
    assert CODES.matches(kept.pop("code"), code_in(letter.text))
    assert kept == {
        "channel": "email",
        "destination": "a***@example.com",
        "description": "Refund 42.",
        "address": "anna@example.com",
    }


@pytest.mark.parametrize(("seconds", "minutes"), [(60, 1), (61, 2), (3600, 60)])
def test_the_time_is_told_in_whole_minutes(pieces: Pieces, seconds: int, minutes: int) -> None:
    letters = RecordedMail()
    made = offers(pieces, letters, seconds=seconds)
    offer(made)
    assert f"for {minutes} minutes" in letters.sent()[0].text
    assert made.seconds == seconds


@pytest.mark.parametrize(
    ("email", "known", "to"),
    [
        ("own@x.example", {"contact_email": "c@x.example", "user_email": "u@x.example"}, "own"),
        (None, {"contact_email": "c@x.example", "user_email": "u@x.example"}, "c"),
        (None, {"user_email": "u@x.example"}, "u"),
        (None, {"contact_email": "c@x.example"}, "c"),
        ("own@x.example", None, "own"),
    ],
)
def test_what_was_checked_goes_before_what_somebody_says(
    pieces: Pieces, email: str | None, known: dict[str, str] | None, to: str
) -> None:
    letters = RecordedMail()
    session = item(**known) if known is not None else None
    offers(pieces, letters).offer(replace(ANNA, email=email), "s", session, "x")
    assert [letter.to for letter in letters.sent()] == [f"{to}@x.example"]


@pytest.mark.parametrize("session", [None, item(), item(contact_email=""), item(contact_phone="1")])
def test_without_an_address_the_model_is_told_how_to_get_one(
    pieces: Pieces, session: Item | None
) -> None:
    letters = RecordedMail()
    with pytest.raises(ToolFault) as refused:
        offers(pieces, letters).offer(replace(ANNA, email=None), "s", session, "x")
    assert "no address is known" in str(refused.value)
    assert "request_identity_intake" in str(refused.value)
    assert letters.sent() == []


def test_where_nobody_can_send_anything(pieces: Pieces, caplog: pytest.LogCaptureFixture) -> None:
    assert refusal(offers(pieces, None)) == f"{FIRST}, and no code can be sent at present."
    assert "OTP_SENDER is not set" in caplog.text
    assert "anna@example.com" not in caplog.text


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (MailRefused("rejected"), "and the code could not be sent to their address."),
        (MailUnavailable("no answer"), "and the code could not be sent just now. Try again later."),
    ],
)
def test_a_mail_that_is_not_sent(
    pieces: Pieces, caplog: pytest.LogCaptureFixture, fault: Exception, said: str
) -> None:
    told = refusal(offers(pieces, RecordedMail(fault)))
    assert told.startswith(FIRST)
    assert said in told
    assert str(fault) not in told
    assert "anna@example.com" not in caplog.text


def test_what_is_no_address_for_a_mail(pieces: Pieces) -> None:
    """A client says what it likes in `userEmail`."""
    told = refusal(offers(pieces, RecordedMail()), email="Ann <a@x.example>, b@x.example")
    assert "It may be wrong" in told


def test_so_many_in_a_session(pieces: Pieces) -> None:
    letters = RecordedMail()
    made = offers(pieces, letters)
    for number in range(PER_SESSION):
        offer(made, email=f"a{number}@example.com")
    told = refusal(made, email="another@example.com")
    assert (
        told
        == f"{FIRST}, and too many codes have been sent to them. They can try again in an hour."
    )
    assert len(letters.sent()) == PER_SESSION
    offer(made, session="another")
    pieces.clock.advance(3600)
    offer(made)


def test_so_many_to_an_address(pieces: Pieces) -> None:
    letters = RecordedMail()
    made = offers(pieces, letters)
    for number in range(PER_ADDRESS):
        offer(made, session=f"s{number}")
    assert "too many codes" in refusal(made, session="another")
    offer(made, session="another", email="other@example.com")


def test_a_code_that_could_not_be_sent_counts(pieces: Pieces) -> None:
    """Or else an address that does not exist would be tried for ever."""
    made = offers(pieces, RecordedMail(MailRefused("no such mailbox")))
    for _ in range(PER_SESSION):
        assert "could not be sent" in refusal(made)
    assert "too many codes" in refusal(made)


def test_without_a_code_nobody_needs_the_secret(pieces: Pieces) -> None:
    def secret() -> Codes:
        raise AssertionError("no code was to be made")

    limits = CodeLimits(pieces.table, pieces.clock)
    for mail in (None, RecordedMail()):
        made = CodeOffers(mail, secret, limits, seconds=60)
        with pytest.raises(ToolFault):
            made.offer(replace(ANNA, email=None), "s", None, "x")

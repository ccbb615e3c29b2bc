"""The Mail contract on SES, as the emulator imitates it."""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from shared.messaging.ses_mail import SesMail
from tests.contracts.mail_contract import MailContract, Outbox
from tests.support.aws import client

SENDER = "codes@parley.example"


@pytest.mark.emulator
class TestMinistack(MailContract):
    @pytest.fixture
    def ses(self, ministack: str) -> Iterator[Any]:
        with client("sesv2", ministack) as made:
            if SENDER not in {
                each["IdentityName"] for each in made.list_email_identities()["EmailIdentities"]
            }:
                made.create_email_identity(EmailIdentity=SENDER)
            yield made

    @pytest.fixture
    def mail(self, ses: Any) -> SesMail:
        return SesMail(lambda: ses, SENDER)

    @pytest.fixture
    def outbox(self, ministack: str) -> Outbox:
        def sent() -> list[dict[str, Any]]:
            with urllib.request.urlopen(
                f"{ministack}/_ministack/ses/messages", timeout=10
            ) as answer:
                found = json.load(answer)
            return [each for messages in found["messages"].values() for each in messages]

        before = len(sent())

        def outbox() -> list[tuple[str, str, str]]:
            new = sent()[before:]
            assert {each["Source"] for each in new} <= {SENDER}
            return [(to, each["Subject"], each["BodyText"]) for each in new for to in each["To"]]

        return outbox

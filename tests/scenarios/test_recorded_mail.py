"""The mail of scenarios keeps the contract of the port."""

import pytest

from shared.messaging.mail import MailUnavailable
from tests.contracts.mail_contract import ANN, MailContract, Outbox
from tests.support.recorded_mail import RecordedMail


class TestRecorded(MailContract):
    @pytest.fixture
    def mail(self) -> RecordedMail:
        return RecordedMail()

    @pytest.fixture
    def outbox(self, mail: RecordedMail) -> Outbox:
        return lambda: [(each.to, each.subject, each.text) for each in mail.sent()]


def test_each_mail_is_read_once() -> None:
    mail = RecordedMail()
    for subject in ("One", "Two"):
        mail.send(to=ANN, subject=subject, text="Hello")
    assert mail.next().subject == "One"
    assert [each.subject for each in mail.unread()] == ["Two"]
    assert mail.next().subject == "Two"
    assert mail.unread() == []


def test_a_mail_that_does_not_go_out_is_not_kept() -> None:
    mail = RecordedMail(MailUnavailable("away"))
    with pytest.raises(MailUnavailable):
        mail.send(to=ANN, subject="One", text="Hello")
    assert mail.sent() == []

"""The Mail contract on SES, as moto imitates it, and what SES may answer."""

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber
from moto.ses.models import ses_backends

from shared import logs
from shared.messaging.mail import MailRefused, MailUnavailable
from shared.messaging.ses_mail import SesMail, client_config
from tests.contracts.mail_contract import ANN, MailContract, Outbox
from tests.messaging.receivers import HOST, PATIENT, by_hand, receiver
from tests.support.aws import REGION, client

SENDER = "codes@parley.example"
SECRET_TEXT = "Your code is 123456"


class TestMoto(MailContract):
    @pytest.fixture
    def ses(self, moto: str) -> Iterator[Any]:
        with client("sesv2", moto) as made:
            made.create_email_identity(EmailIdentity=SENDER.partition("@")[2])
            yield made

    @pytest.fixture
    def mail(self, ses: Any) -> SesMail:
        return SesMail(lambda: ses, SENDER)

    @pytest.fixture
    def outbox(self) -> Outbox:
        sent: list[Any] = ses_backends["123456789012"][REGION].sent_messages
        sent.clear()

        def outbox() -> list[tuple[str, str, str]]:
            assert {each.source for each in sent} <= {SENDER}
            return [
                (to, each.subject, each.body)
                for each in sent
                for to in each.destinations["ToAddresses"]
            ]

        return outbox

    def test_a_sender_that_is_not_verified(self, ses: Any, outbox: Outbox) -> None:
        stranger = SesMail(lambda: ses, "codes@other.example")
        with pytest.raises(MailRefused, match=r"^MessageRejected$"):
            stranger.send(to=ANN, subject="Code", text=SECRET_TEXT)
        assert outbox() == []


# -- what SES answers -------------------------------------------------------------------------


@contextmanager
def at(endpoint: str, **more: Any) -> Iterator[SesMail]:
    """Mail through a client made as the deployed one is."""
    made = boto3.client(
        "sesv2",
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=client_config().merge(Config(**more)),
    )
    try:
        yield SesMail(lambda: made, SENDER)
    finally:
        made.close()


def once(**more: Any) -> Any:
    return {"retries": {"total_max_attempts": 1, "mode": "standard"}, **more}


def send(mail: SesMail) -> None:
    mail.send(to=ANN, subject="Your code", text=SECRET_TEXT)


def failure(mail: SesMail) -> Exception:
    with pytest.raises((MailRefused, MailUnavailable)) as caught:
        send(mail)
    return caught.value


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "MessageRejected", MailRefused),
        (400, "MailFromDomainNotVerifiedException", MailRefused),
        (400, "AccountSuspendedException", MailRefused),
        (400, "BadRequestException", MailRefused),
        (404, "NotFoundException", MailRefused),
        (403, "AccessDeniedException", MailRefused),
        (400, "LimitExceededException", MailUnavailable),
        (400, "SendingPausedException", MailUnavailable),
        (400, "ThrottlingException", MailUnavailable),
        (400, "Throttling", MailUnavailable),
        (400, "RequestTimeout", MailUnavailable),
        (429, "TooManyRequestsException", MailUnavailable),
        (429, "SomethingElse", MailUnavailable),
        (500, "InternalServiceErrorException", MailUnavailable),
        (503, "ServiceUnavailable", MailUnavailable),
    ],
)
def test_what_lasts_and_what_passes(status: int, code: str, kind: type[Exception]) -> None:
    made = boto3.client(
        "sesv2", region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
    )
    with Stubber(made) as stub:
        stub.add_client_error("send_email", code, f"no {ANN}: {SECRET_TEXT}", status)
        found = failure(SesMail(lambda: made, SENDER))
    made.close()
    assert (type(found), str(found)) == (kind, code)


def test_what_is_sent() -> None:
    with receiver() as server:
        server.body = b'{"MessageId":"1"}'
        with at(f"http://{HOST}:{server.port}") as mail:
            mail.send(to=ANN, subject="Für dich", text="größer\n")
    (got,) = server.got
    assert got.path == "/v2/email/outbound-emails"
    utf8 = {"Charset": "UTF-8"}
    assert json.loads(got.body) == {
        "FromEmailAddress": SENDER,
        "Destination": {"ToAddresses": [ANN]},
        "Content": {
            "Simple": {
                "Subject": {"Data": "Für dich", **utf8},
                "Body": {"Text": {"Data": "größer\n", **utf8}},
            }
        },
    }


def test_the_client_tries_again() -> None:
    with receiver() as server:
        server.status = 503
        with at(f"http://{HOST}:{server.port}") as mail:
            assert isinstance(failure(mail), MailUnavailable)
    assert len(server.got) == 3


def test_the_longest_wait_is_short() -> None:
    """A turn waits for it, and somebody for the turn."""
    config = client_config()
    attempts = config.retries["total_max_attempts"]
    assert attempts * (config.connect_timeout + config.read_timeout) <= 20


def test_where_nobody_listens() -> None:
    with receiver() as server:
        endpoint = f"http://{HOST}:{server.port}"
    with at(endpoint, **once()) as mail:
        assert str(failure(mail)) == "EndpointConnectionError"


def _silent(_connection: socket.socket, over: threading.Event) -> None:
    over.wait(PATIENT)


def test_where_nobody_answers() -> None:
    with (
        by_hand(_silent) as port,
        at(f"http://{HOST}:{port}", **once(read_timeout=0.2)) as mail,
    ):
        assert str(failure(mail)) == "ReadTimeoutError"


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b'{"MessageId":', b'{"MessageId":""}'])
def test_an_answer_that_is_none(body: bytes) -> None:
    with receiver() as server:
        server.body = body
        with at(f"http://{HOST}:{server.port}", **once()) as mail:
            found = failure(mail)
    assert (type(found), str(found)) == (MailUnavailable, "no MessageId")


@pytest.fixture
def logged() -> Iterator[Callable[[], str]]:
    """What the log has of everything from here on."""
    stream = StringIO()
    logger, root = logging.getLogger(logs.LOGGER), logging.root
    before = [(each, each.handlers[:], each.level) for each in (logger, root)]
    propagate = logger.propagate
    logs.configure("test", "DEBUG", stream)
    try:
        yield stream.getvalue
    finally:
        logger.propagate = propagate
        for each, handlers, level in before:
            each.handlers = handlers
            each.setLevel(level)


def test_no_log_has_the_address_or_the_code(logged: Callable[[], str]) -> None:
    with receiver() as server:
        server.status = 400
        server.headers = {"x-amzn-ErrorType": "MessageRejected"}
        server.body = json.dumps({"message": f"{ANN} is not verified: {SECRET_TEXT}"}).encode()
        with at(f"http://{HOST}:{server.port}", **once()) as mail:
            try:
                send(mail)
            except MailRefused as refused:
                logging.getLogger(logs.LOGGER).exception("no code was sent: %s", refused)
    assert "no code was sent: MessageRejected" in logged()
    assert "aws_code=MessageRejected" in logged()
    for word in (ANN, "example.org", "123456", "Your code"):
        assert word not in logged()

"""What carries codes: SES on AWS if it has a sender, the terminal on a laptop."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import aws
from shared.errors import ConfigurationError, RateLimited
from shared.identity.code_limits import PER_SESSION
from shared.messaging.ses_mail import client_config
from shared.settings import Settings
from shared.wiring import Deployment
from tests.messaging.receivers import HOST, receiver

AWS = {
    "TABLE_NAME": "parley-table",
    "BUCKET_NAME": "parley-bucket",
    "QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/1/parley",
    "CONNECTIONS_URL": "https://abc.execute-api.eu-central-1.amazonaws.com/prod",
}
SENDER = "codes@parley.example"
SECRET = "the-signing-secret-of-these-tests"


@pytest.fixture
def _fresh_clients() -> Iterator[None]:
    aws.mail_client.cache_clear()
    yield
    aws.mail_client.cache_clear()


def deployment(**environ: str) -> Deployment:
    return Deployment(Settings.load(environ, loopback=not environ.get("TABLE_NAME")))


def test_without_a_sender_a_deployment_has_no_mail() -> None:
    assert deployment(**AWS).mail is None
    assert deployment(**AWS, OTP_SENDER=" ").mail is None


@pytest.mark.usefixtures("_fresh_clients")
def test_with_a_sender_it_sends_through_ses(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as server:
        server.body = b'{"MessageId":"1"}'
        for name, value in {
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_ENDPOINT_URL_SESV2": f"http://{HOST}:{server.port}",
        }.items():
            monkeypatch.setenv(name, value)
        mail = deployment(**AWS, OTP_SENDER=SENDER).mail
        assert mail is not None
        mail.send(to="ann@example.org", subject="Your code", text="123456")
        made = aws.mail_client()
        made.close()
    (got,) = server.got
    assert SENDER.encode() in got.body
    wanted = client_config()
    assert made.meta.config.read_timeout == wanted.read_timeout
    assert made.meta.config.connect_timeout == wanted.connect_timeout


@pytest.mark.parametrize("sender", ["", SENDER])
def test_on_a_laptop_it_is_shown(sender: str, capsys: pytest.CaptureFixture[str]) -> None:
    mail = deployment(OTP_SENDER=sender).mail
    assert mail is not None
    mail.send(to="ann@example.org", subject="Your code", text="123456")
    assert "| 123456\n" in capsys.readouterr().err


def test_codes_need_the_secret_that_guards_them() -> None:
    with pytest.raises(ConfigurationError, match="SIGNING_SECRET is needed here"):
        _ = deployment().codes
    one, two = deployment(SIGNING_SECRET=SECRET).codes, deployment(SIGNING_SECRET=SECRET).codes
    code, stored = one.make()
    assert two.matches(stored, code)


def test_limits_are_counted_in_the_table_of_the_deployment(tmp_path: Path) -> None:
    one, two = (deployment(WORKSPACE_BASE=str(tmp_path)) for _ in range(2))
    for _ in range(PER_SESSION):
        one.code_limits.take("acme", "s1", "ann@example.org")
    with pytest.raises(RateLimited):
        two.code_limits.take("acme", "s1", "ann@example.org")
    one.close()
    two.close()

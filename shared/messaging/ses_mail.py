"""Mail through Amazon SES, version 2 of its API."""

from collections.abc import Callable
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared.messaging.mail import MailRefused, MailUnavailable, check_mail

_SERVER_FAULT: Final = 500
_TOO_MANY: Final = 429
# Quotas that fill up again and pauses that end; SES answers them with 400.
_LATER: Final = frozenset(
    {
        "LimitExceededException",
        "RequestTimeout",
        "SendingPausedException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


def client_config() -> Config:
    """How the client given to `SesMail` is to be made.

    It tries again by itself: a mail that comes twice does no harm. Short time-outs: somebody waits
    for the end of it.
    """
    return Config(
        retries={"total_max_attempts": 3, "mode": "standard"},
        connect_timeout=2,
        read_timeout=4,
    )


class SesMail:
    """Sends through a boto3 `sesv2` client (see `client_config`) from one address, which must be
    an identity verified in SES, or belong to a domain that is one.

    The client is made at the first mail: most processes never send one.
    """

    def __init__(self, client: Callable[[], Any], sender: str) -> None:
        self._client = client
        self._sender = sender

    def send(self, *, to: str, subject: str, text: str) -> None:
        check_mail(to=to, subject=subject, text=text)
        content = {"Subject": _utf8(subject), "Body": {"Text": _utf8(text)}}
        try:
            answer = self._client().send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [to]},
                Content={"Simple": content},
            )
        except ClientError as error:
            raise _from_answer(error) from error
        except BotoCoreError as error:
            raise MailUnavailable(type(error).__name__) from error
        if not answer.get("MessageId"):
            # Somebody else answered, or not all of it came.
            raise MailUnavailable("no MessageId")


def _utf8(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}


def _from_answer(error: ClientError) -> Exception:
    """Only the code: what SES says beside it names addresses."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", _SERVER_FAULT)
    reason = str(error.response.get("Error", {}).get("Code", status))
    if reason in _LATER or status == _TOO_MANY or status >= _SERVER_FAULT:
        return MailUnavailable(reason)
    return MailRefused(reason)

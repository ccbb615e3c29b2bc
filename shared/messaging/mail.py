"""The Mail port: a short text to one address.

Adapters: SES (`ses_mail.py`), a frame on the terminal of a laptop (`console_mail.py`).
"""

import re
from typing import Protocol

MAX_ADDRESS = 254
MAX_SUBJECT = 200
MAX_TEXT = 10_000
"""Characters."""

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*", re.ASCII)

_CONTROLS = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
_NOT_IN_TEXT = re.compile(f"[{_CONTROLS}]")
_NOT_IN_SUBJECT = re.compile(rf"[\t\n{_CONTROLS}]")


class MailRefused(Exception):
    """It was not sent, and will not be if it is tried again: the address is none, it was rejected,
    or the sender may not send. The message is the reason, for the log."""


class MailUnavailable(Exception):
    """It may not have been sent; try again later. The message is the reason, for the log."""


class Mail(Protocol):
    """May be used by several threads at once. Neither logs nor exceptions' messages have anything
    of a mail in them."""

    def send(self, *, to: str, subject: str, text: str) -> None:
        """Hand over a mail to one address; whether it arrives nobody knows. Rarely, one is sent
        twice.

        Raises:
            MailRefused: not sent, and trying again does not help.
            MailUnavailable: perhaps not sent; later it may work.
            ValueError: the subject or the text is too long or cannot stand in a mail.
        """
        ...


def check_mail(*, to: str, subject: str, text: str) -> None:
    """What every adapter asks before it sends anything. Raises like `Mail.send`.

    An address is a plain one in ASCII, without a name, quotes or comments: what services read in
    those differs, and one text must never be several addresses.
    """
    if len(to) > MAX_ADDRESS or not _ADDRESS.fullmatch(to):
        raise MailRefused("not an address")
    if not 0 < len(subject) <= MAX_SUBJECT or _NOT_IN_SUBJECT.search(subject):
        raise ValueError(f"a subject is one line of 1 to {MAX_SUBJECT} characters")
    if not 0 < len(text) <= MAX_TEXT or _NOT_IN_TEXT.search(text):
        raise ValueError(f"a text has 1 to {MAX_TEXT} characters, none of them a control character")

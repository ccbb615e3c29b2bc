"""Mail that goes nowhere and can be read by a test."""

import threading
from typing import NamedTuple

from shared.messaging.mail import check_mail
from tests.support.gateway import PATIENCE


class Sent(NamedTuple):
    """One mail."""

    to: str
    subject: str
    text: str


class RecordedMail:
    """Keeps what was sent, in its order. With a `fault`, each mail raises it instead."""

    def __init__(self, fault: Exception | None = None) -> None:
        self._fault = fault
        self._changed = threading.Condition()
        self._sent: list[Sent] = []
        self._read = 0

    def send(self, *, to: str, subject: str, text: str) -> None:
        check_mail(to=to, subject=subject, text=text)
        if self._fault is not None:
            raise self._fault
        with self._changed:
            self._sent.append(Sent(to, subject, text))
            self._changed.notify_all()

    def sent(self) -> list[Sent]:
        """All mails."""
        with self._changed:
            return list(self._sent)

    def next(self) -> Sent:
        """The first mail that nobody has read; waits for one. Raises AssertionError: none comes."""
        with self._changed:
            came = self._changed.wait_for(lambda: len(self._sent) > self._read, PATIENCE)
            assert came, "waited in vain for a mail"
            self._read += 1
            return self._sent[self._read - 1]

    def unread(self) -> list[Sent]:
        """The mails that nobody has read."""
        with self._changed:
            return self._sent[self._read :]

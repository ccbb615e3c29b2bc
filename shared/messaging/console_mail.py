"""Mail on a laptop: it is shown in the terminal, and goes nowhere."""

import sys
from typing import TextIO

from shared.messaging.mail import MailUnavailable, check_mail

_TITLE = "+-- This mail would have been sent "
_WIDTH = 72


class ConsoleMail:
    """Writes to `stream`, or else to whatever standard error is at the moment. It is no log: it
    shows the mail, as the person before it is the one that it is for."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def send(self, *, to: str, subject: str, text: str) -> None:
        check_mail(to=to, subject=subject, text=text)
        lines = [f"To:      {to}", f"Subject: {subject}", "", *text.split("\n")]
        shown = [_TITLE.ljust(_WIDTH, "-"), *(f"| {line}".rstrip() for line in lines)]
        # In one piece: others write to the terminal too.
        frame = "\n".join(["", *shown, "+".ljust(_WIDTH, "-"), ""])
        stream = self._stream or sys.stderr
        try:
            stream.write(frame)
            stream.flush()
        except (OSError, ValueError) as fault:
            # Full, closed, or unable to show these characters.
            raise MailUnavailable(type(fault).__name__) from fault

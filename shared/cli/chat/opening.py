"""How a turn is made known to the server: by its message, or, when it is there already, not at all.

A message is sent again whenever it is not sure that it arrived, with its own request id and in
its own session: there a repeat is the same turn.
"""

from collections.abc import Mapping

from shared.cli.chat.connection import Event
from shared.cli.chat.prompts import Frame
from shared.cli.chat.shapes import mapping, string
from shared.ids import new_id

MAX_SENDS = 3
"""How often a message is sent that nobody acknowledges."""


class Opening:
    """`session` and `request` are those of the turn. It has a `message`, or else the `answer` that
    says how the turn stands. `is_due`: the server is to be told, or asked, again."""

    def __init__(
        self,
        session: str,
        request: str,
        *,
        message: Frame | None = None,
        answer: Event | None = None,
    ) -> None:
        self.session = session
        self.request = request
        self.answer = answer
        self.is_due = message is not None
        self.is_acknowledged = message is None
        self._message = message
        self._sends = 0

    @property
    def is_given_up(self) -> bool:
        """Whether the message was sent as often as it is sent at all."""
        return self._sends >= MAX_SENDS

    def again(self) -> None:
        """The connection, or its credential, is another one: begin from the beginning."""
        self.is_due, self._sends = True, 0

    def due(self) -> Frame | None:
        """The message, if it is to be sent; from then on it counts as sent."""
        self.is_due = False
        self.is_acknowledged = self._message is None
        self._sends += 1
        return self._message


def begun(session: str, message: str, fields: Mapping[str, str]) -> Opening:
    """A turn that begins with this message; `fields` are others of `send_message`."""
    request = new_id()
    about = {"action": "send_message", "requestId": request, "sessionId": session}
    return Opening(session, request, message={**about, "message": message, **fields})


def taken_up(session: str, answer: Event) -> Opening:
    """The turn that this answer to `resume_turn` is about. It was asked for in that session, and
    may be another one's."""
    its = string(mapping(answer, "data"), "sessionId")
    return Opening(its or session, string(answer, "requestId"), answer=answer)

"""Asking what a conversation is at, when it is come back to."""

from shared.cli.chat.client import Client, is_expired
from shared.cli.chat.connection import Event
from shared.cli.chat.events import back, error_of, is_queued
from shared.cli.chat.faults import NoAnswer, Refused
from shared.cli.chat.shapes import string

_NOTHING = frozenset({"TURN_NOT_FOUND", "UNSUPPORTED_ACTION"})
"""Errors that mean that there is no such turn, or that the server knows of none."""

_SILENT = "The server does not say whether the agent is at work here. /resume asks once more."


def turn_under_way(client: Client, session: str) -> Event | None:
    """The answer to `resume_turn` for the turn that the session's conversation is at, whoever began
    it; None: it is at none. What the turn says next comes behind it. A credential that has run
    out is renewed first.

    Raises:
        Refused: the server answered with another error.
        Expired: the credential has run out for good.
        NoAnswer: it did not answer in time.
        ConnectionLost, Interrupted
    """
    event = _asked(client, session)
    if is_expired(event):
        client.renew()
        event = _asked(client, session)
    if event.get("type") != "error":
        return event
    code, message = error_of(event)
    if code in _NOTHING:
        return None
    raise Refused(code, message)


def _asked(client: Client, session: str) -> Event:
    """The answer, or the error that came in its place: it has no request id, like the frame."""
    client.send({"action": "resume_turn", "sessionId": session, "received": 0})
    for event in client.answers():
        if event.get("type") == "error" and event.get("requestId") is None:
            return event
        if string(event, "requestId") and (back(event) is not None or is_queued(event)):
            return event
    raise NoAnswer(_SILENT)

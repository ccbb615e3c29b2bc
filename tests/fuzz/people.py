"""What turns ask people while frames are played, and what must hold of their answers."""

import re
from collections.abc import Mapping
from typing import Any

from tests.fuzz.clients import Client, Event, code_of
from tests.support.recorded_mail import RecordedMail

TOOLS = [
    {"python": "shop:refund", "approval": "required"},
    {"python": "shop:pay", "verified": True},
    {"builtin": "request_user_input"},
]
FILE = '''
def refund(order: str) -> str:
    """Refund an order."""
    return f"refunded {order}"


def pay() -> str:
    """Pay."""
    return "paid"
'''
CALLS: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "refund": ({"name": "refund", "input": {"order": "1"}},),
    "both": (
        {"name": "refund", "input": {"order": "1"}},
        {"name": "refund", "input": {"order": "2"}},
    ),
    "pay": ({"name": "pay", "input": {}},),
    "form": ({"name": "request_identity_intake", "input": {"fields": [{"key": "email"}]}},),
    "question": ({"name": "request_user_input", "input": {"question": "Which?"}},),
}
"""What the model calls when it is told this word."""

ANSWERS = ("confirm_tool_action", "submit_interaction", "verify_otp")
SUPPORTS = ["identity_form"]

_CODE = re.compile(r"\b\d{6}\b")


class Codes:
    """The codes that were sent, by their addresses."""

    def __init__(self, mail: RecordedMail) -> None:
        self._mail = mail
        self._sent: dict[str, str] = {}

    def of(self, client: Client) -> str:
        """The last one that the client's user was sent."""
        while self._mail.unread():
            sent = self._mail.next()
            [self._sent[sent.to]] = _CODE.findall(sent.text)
        return self._sent.get(address_of(client.connection), "no code")


def address_of(connection: str) -> str:
    return f"{connection}@example.org"


def asked_of(client: Client) -> dict[str, str]:
    """The ids by which the client can answer what it was asked last."""
    found = {"approval": "none", "form": "none"}
    for event in client.got:
        match event:
            case {"data": {"state": {"pendingWriteConfirmation": {"approvalId": str(known)}}}}:
                found["approval"] = known
            case {"type": "interaction_required", "data": {"data": {"interactionId": str(known)}}}:
                found["form"] = known
            case _:
                pass
    return found


def check_answer(name: str | None, answers: list[Event], *, lives: bool) -> None:
    """An answer to a turn is answered once: under its own request id, unless that is one of a turn
    that goes on (`lives`) and this is an error, which would look like its end."""
    [answer] = answers
    if answer["type"] == "interaction_invalid":
        return  # it has the request id of the turn that asks
    hidden = lives and code_of(answer) not in (None, "INTERACTION_MISMATCH")
    assert answer.get("requestId") == (None if hidden else name)

"""A scripted server whose turns wait for forms."""

from typing import Any

from shared.cli.chat.events import Finished
from shared.protocol import prompts
from tests.cli.chat.person import Step, asking, lines, notices
from tests.cli.chat.prompting import Pending
from tests.cli.chat.scripted_server import AT, Frame, Handler, Peer, ScriptedServer

IDENTITY = {
    "fields": [
        {"key": "email", "required": True},
        {"key": "name", "required": False, "label": "Full\x1b name"},
    ]
}
CHOICES = {
    "questions": [
        {
            "question": "Which plan?",
            "header": "Plan",
            "options": [{"label": "Basic"}, {"label": "Pro", "description": "with support"}],
        },
        {
            "question": "What for?",
            "header": "Use",
            "options": [{"label": "Home"}, {"label": "Work"}, {"label": "School"}],
            "multiSelect": True,
        },
    ]
}


class Forms:
    """A server whose turns wait for one form; `says` are its answers, one after the other. The
    turn goes on behind the last one."""

    def __init__(self, kind: str, spec: dict[str, Any], *says: Handler) -> None:
        self.turn = Pending()
        self._kind = kind
        self._spec = spec
        self._says = list(says) or [taken]
        self.server = ScriptedServer(send_message=self._send, submit_interaction=self._submit)

    def _send(self, peer: Peer, frame: Frame) -> None:
        self.turn.begin(peer, frame)
        self.turn.form(self._kind, self._spec)

    def _submit(self, peer: Peer, frame: Frame) -> None:
        self._says.pop(0)(peer, frame)
        if not self._says:
            self.turn.decided_elsewhere()


def taken(peer: Peer, frame: Frame) -> None:
    peer.answer(frame, {"sessionId": frame["sessionId"], "interactionId": frame["interactionId"]})


def invalid(*faults: tuple[str, str]) -> Handler:
    def says(peer: Peer, frame: Frame) -> None:
        about = (frame["requestId"], frame["interactionId"], frame["kind"], faults)
        peer.send(prompts.interaction_invalid(*about, "Some fields need attention.", at=AT))

    return says


def submitted(forms: Forms, *steps: Step) -> tuple[list[Frame], list[str], list[str], list[str]]:
    """The answers that are sent, the lines and the notices that are shown, and the questions."""
    with asking(forms.server, *steps) as (session, person, _):
        said = list(session.say("A quote, please"))
    assert isinstance(said[-1], Finished)
    sent = [each for each in forms.server.arrived() if each["action"] == "submit_interaction"]
    return sent, lines(said), notices(said), [question.label for question in person.asked]

"""A scripted server whose conversation is at a turn that another session began."""

from typing import Any

from shared.cli.chat.events import TurnEvent
from shared.cli.chat.session import Session
from tests.cli.chat.prompting import Approvals, approval_prompt
from tests.cli.chat.scripted_server import Frame, Handler, Peer


class Elsewhere(Approvals):
    """Is at the turn "q9" of the session "theirs", which has said "Let me" and waits as `how`
    says."""

    def __init__(self, how: dict[str, Any] | None = None, **handlers: Handler) -> None:
        super().__init__(**{"resume_turn": self.resume, **handlers})
        self.turn.frame = {"requestId": "q9", "message": "Refund 42"}
        self.how = how or {"status": "awaiting_approval", "prompt": approval_prompt(self.turn)}
        self.asked: list[Frame] = []

    def resume(self, peer: Peer, frame: Frame) -> None:
        self.asked.append(frame)
        self.turn.peer = peer
        peer.token(self.turn.frame, "before the answer")
        self.say()

    def say(self) -> None:
        """Tell how the turn stands."""
        assert self.turn.peer is not None
        received = self.asked[-1]["received"]
        text = {"begin": received, "text": "Let me"[received:]}
        data = {"requestId": "q9", "sessionId": "theirs", **text, **self.how}
        self.turn.peer.answer(self.turn.frame, data)


def taken_up(session: Session) -> list[TurnEvent]:
    session.resume("c")
    return list(session.take_up())

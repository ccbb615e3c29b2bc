"""A server's side of turns that wait for people."""

from collections.abc import Mapping
from typing import Any

from shared.protocol import events, prompts
from tests.cli.chat.scripted_server import AT, Frame, Handler, Peer, ScriptedServer

LATE = "2100-01-01T10:00:00.000+00:00"
LATER = "2100-01-01T11:00:00.000+00:00"
DESCRIPTION = 'Refund an order. issue_refund(id: "42")'
ARGUMENTS = {"id": "42", "amount": 12.5}


class Pending:
    """A turn of a scripted server that waits; the last one that was begun."""

    def __init__(self) -> None:
        self.frame: Frame = {}
        self.peer: Peer | None = None

    def begin(self, peer: Peer, frame: Frame) -> None:
        """Accept the message."""
        self.peer, self.frame = peer, frame
        peer.accept(frame)

    def back(self, peer: Peer, frame: Frame, status: str, **data: Any) -> None:
        """Answer `resume_turn`."""
        self.peer = peer
        peer.answer(frame, {"status": status, "begin": 0, "text": "", **data})

    @property
    def id(self) -> str:
        return str(self.frame["requestId"])

    def send(self, event: Mapping[str, Any]) -> None:
        assert self.peer is not None
        self.peer.send(event)

    def approval(self, name: str = "approval_1", *, until: str = LATE, **more: Any) -> None:
        """Ask for an approval, with both events."""
        self.send(prompts.write_confirmation_required(self.id, "issue_refund", DESCRIPTION, at=AT))
        call = {"id": "2-0", "name": "issue_refund", "arguments": "{}"}
        state = {"rawResponse": {"toolCall": call}, **pending(name, until, **more)}
        self.send(events.stream_chunk(self.id, "issue_refund", state, at=AT))

    def form(self, kind: str, spec: Mapping[str, Any], name: str = "i-1") -> None:
        """Ask with a form, and say which call it is."""
        self.send(
            prompts.interaction_required(self.id, name, kind, spec, "to send the quote", at=AT)
        )
        state = {"rawResponse": {"toolCall": {"id": "1-0", "name": "ask", "arguments": "{}"}}}
        self.send(events.stream_chunk(self.id, "ask", state, at=AT))

    def code(self) -> None:
        """Ask for a code."""
        self.send(prompts.otp_verification_required(self.id, "pay", "Pay it", at=AT))
        self.send(prompts.otp_sent(self.id, "email", "a***@x.org", at=AT))

    def go_on(
        self, *, failed: bool = False, result: str = "ok", name: str = "issue_refund"
    ) -> None:
        """The tool has answered."""
        answered = {"id": "2-0", "name": name, "isError": failed, "result": result}
        state = {"rawResponse": {"toolResult": answered}}
        self.send(events.stream_chunk(self.id, name, state, at=AT))

    def finish(self, text: str = "Done.") -> None:
        """The rest of the turn."""
        assert self.peer is not None
        self.peer.finish(self.frame, text)

    def hang_up(self) -> None:
        assert self.peer is not None
        self.peer.hang_up()

    def decided_elsewhere(self) -> None:
        self.go_on()
        self.finish()


def pending(name: str, until: str, **more: Any) -> dict[str, Any]:
    """What identifies an approval."""
    about = {"approvalId": name, "toolId": "issue_refund", "arguments": ARGUMENTS, **more}
    return {"pendingWriteConfirmation": {**about, "expiresAt": until}}


def approval_prompt(turn: Pending, name: str = "approval_1", until: str = LATE) -> Frame:
    """The approval for a client that has come back."""
    asked = prompts.write_confirmation_required(turn.id, "issue_refund", DESCRIPTION, at=AT)
    return {**asked, **pending(name, until)}


class Approvals:
    """A server whose turns wait for one approval. `says` is its answer to a decision; the turn
    goes on behind it."""

    def __init__(self, says: Handler | None = None, **handlers: Handler) -> None:
        self.turn = Pending()
        self._says = says or taken
        self.server = ScriptedServer(
            **{"send_message": self._send, "confirm_tool_action": self.confirm, **handlers}
        )

    def _send(self, peer: Peer, frame: Frame) -> None:
        self.turn.begin(peer, frame)
        self.turn.approval()

    def confirm(self, peer: Peer, frame: Frame) -> None:
        """Answer a decision."""
        self._says(peer, frame)
        self.turn.go_on(failed=not frame["approved"])
        self.turn.finish()

    def decisions(self) -> list[Frame]:
        """All that came and nobody took."""
        return [each for each in self.server.arrived() if each["action"] == "confirm_tool_action"]


def taken(peer: Peer, frame: Frame) -> None:
    peer.answer(frame, {name: frame[name] for name in ("sessionId", "approvalId", "approved")})

"""A client whose user is asked for approvals, and decides whenever the client is asked: it may be
asked again for what has been decided already, as nobody knows what died with a process."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.audit import NOT_CALLED, Audit, runs
from tests.faults.returning import Client, Returning
from tests.support.frames_client import Event


@dataclass
class Deciding(Returning):
    """Approves of everything but what `denied` names, by the ids of the approvals."""

    denied: frozenset[str] = frozenset()
    """Tools."""
    wanted: dict[str, bool] = field(default_factory=dict[str, bool])
    """What it said, by approval."""
    answers: list[Event] = field(default_factory=list[Event])
    """What it was answered."""
    asked: int = 0
    _client: Client | None = None

    def _guarded(self, follow: Callable[[], None]) -> None:
        super()._guarded(follow)
        if self._client is not None:
            mine = [e for e in self._client.received if str(e.get("requestId")).startswith("d-")]
            self.answers += [event for event in mine if event not in self.answers]

    def _send(self, client: Client, pieces: int | None) -> None:
        self._client = client
        super()._send(client, pieces)

    def _resume(self, client: Client, pieces: int | None) -> None:
        self._client = client
        super()._resume(client, pieces)

    def _apply(self, event: Event) -> None:
        super()._apply(event)
        match event:
            case {"type": "stream_chunk", "data": {"state": {"pendingWriteConfirmation": asked}}}:
                self._decide(asked)
            case {"data": {"prompt": {"pendingWriteConfirmation": asked}}}:
                self._decide(asked)

    def _decide(self, asked: Event) -> None:
        assert self._client is not None
        self.asked += 1
        approved = asked["toolId"] not in self.denied
        assert self.wanted.setdefault(asked["approvalId"], approved) == approved
        frame = {
            "action": "confirm_tool_action",
            "requestId": f"d-{self.asked}",
            "sessionId": self.session,
            "approvalId": asked["approvalId"],
            "approved": approved,
        }
        self._client.send(frame)

    def check(self, audit: Audit, ledger: Path) -> None:
        """Each decision was used once, and by the call that it was about."""
        for answer in self.answers:
            assert answer["type"] == "immediate_response", answer
            assert self.wanted[answer["data"]["approvalId"]] == answer["data"]["approved"]
        job = audit.job(self)
        kept = {str((item.body or {})["key"]): item for item in audit.approvals()}
        results = {each["call"]: each for each in audit.log() if each["role"] == "tool"}
        assert kept.keys() == results.keys() == job.attrs["decisions"].keys()
        for call, item in kept.items():
            decision, body = job.decision(call), item.body or {}
            assert decision is not None
            approved = body["tool"] not in self.denied
            assert decision["what"] == ("approved" if approved else "denied")
            assert item.attrs["what"] == decision["what"]
            assert "#decided#" in item.attrs["owned_by"]
            assert results[call]["text"].startswith(NOT_CALLED) == (not approved)
            ran = [run for run in runs(ledger) if str(run["key"]).endswith(f".{call}")]
            assert all(run["arguments"] == body["content"]["arguments"] for run in ran)
            assert approved or not ran
        assert len(self.wanted) == len(kept), "something was asked that nobody waited for"


@dataclass
class DenyingLooks(Deciding):
    """Somebody who approves of payments only."""

    denied: frozenset[str] = frozenset({"look"})

"""Stopping turns: which one a request means, and asking its holder to end it.

Only the holder of a mailbox ends a turn. Asking is a write and a ring of the bell; that the turn
has stopped is said by its terminal event, `cancelled`.
"""

from shared.conversations.items import Connection, Session, session_key, turn_ref, turn_session
from shared.conversations.turns import TurnRequests, TurnView
from shared.identity.access import may
from shared.identity.principal import Principal
from shared.mailbox.box import Box, BoxKey
from shared.mailbox.requests import Requests
from shared.storage.table import Table


class Stops:
    """Finds the turn that is meant and asks to stop it. Who may not is told nothing."""

    def __init__(self, table: Table, requests: Requests, turns: TurnRequests) -> None:
        self._table = table
        self._requests = requests
        self._turns = turns

    def turn(self, principal: Principal, turn: str) -> TurnView:
        """Ask to stop one turn; how it stood then. One that has ended stays as it is.

        Raises:
            NotFound: no such turn, or not the principal's to stop: the same answer.
        """
        box, ref, view = self._turns.find(principal, turn, "stop")
        if view.done or self._stop(principal, box, ref):
            return view
        # It has ended meanwhile, or somebody had asked before.
        return self._turns.view(principal, turn)

    def request(self, principal: Principal, session: Session, request_id: str) -> None:
        """Stop the turn of this request of the session, if there is one that has not ended."""
        if _may_stop(principal, session):
            self._stop(principal, session.box, turn_ref(session.id, request_id))

    def current(self, principal: Principal, session: Session) -> None:
        """Stop the turn that the session's conversation is at, whichever session asked for it.
        The turns that wait behind it stay."""
        if not _may_stop(principal, session):
            return
        head = self._heads([session.box])[session.box]
        if head is not None and turn_session(head):
            self._stop(principal, session.box, head)

    def anywhere(self, connection: Connection, request_id: str | None) -> None:
        """The same where no session is named: among the sessions that the connection uses, the
        turn of this request, or else the turns that are theirs and that their conversations are
        at."""
        sessions = self._sessions(connection)
        if request_id is not None:
            self._requested(connection.principal, sessions, request_id)
            return
        mine = {session.id for session in sessions}
        heads = self._heads([session.box for session in sessions])
        for box, head in heads.items():
            if head is not None and turn_session(head) in mine:
                self._stop(connection.principal, box, head)

    def _requested(self, principal: Principal, sessions: list[Session], request_id: str) -> None:
        refs = [(session.box, turn_ref(session.id, request_id)) for session in sessions]
        items = self._table.get([box.job(ref) for box, ref in refs])
        for (box, ref), item in zip(refs, items, strict=True):
            if item is not None:
                self._stop(principal, box, ref)

    def _stop(self, principal: Principal, box: BoxKey, ref: str) -> bool:
        """Ask, and wake whoever may have to do it; False if there was nothing to ask for."""
        asked = self._requests.cancel(box, ref, who=principal.user)
        if asked:
            self._turns.wake(box)
        return asked

    def _sessions(self, connection: Connection) -> list[Session]:
        names = list(connection.attached)
        items = self._table.get([session_key(name) for name in names])
        found = [Session.read(name, item) for name, item in zip(names, items, strict=True) if item]
        return [session for session in found if _may_stop(connection.principal, session)]

    def _heads(self, boxes: list[BoxKey]) -> dict[BoxKey, str | None]:
        """What each mailbox is at."""
        distinct = list(dict.fromkeys(boxes))
        items = self._table.get([box.item for box in distinct])
        return {
            box: Box.read(box, item).head if item else None
            for box, item in zip(distinct, items, strict=True)
        }


def _may_stop(principal: Principal, session: Session) -> bool:
    return may(principal, "stop", session.thing)

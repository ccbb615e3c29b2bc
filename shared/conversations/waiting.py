"""The turn that a session's conversation waits with, for whoever answers it."""

from shared.conversations.items import Connection, Session, session_key, turn_ref, turn_session
from shared.conversations.pages import Pages
from shared.identity.access import may
from shared.mailbox.box import Box, Job
from shared.storage.table import Table


class Waiting:
    """Finds sessions, and what they wait for. What is not there and what is somebody else's is
    None alike."""

    def __init__(self, table: Table, pages: Pages) -> None:
        self._table = table
        self._pages = pages

    def session(self, opened: Connection, session: str) -> Session | None:
        """The session, if it is one of the connection's tenant and the page may use its agent. Who
        may do what with it is for the caller to ask."""
        item = self._table.get([session_key(session)])[0]
        if item is None:
            return None
        found = Session.read(session, item)
        if found.tenant != opened.principal.tenant:
            return None
        return found if self._pages.admit(found.agent, found.tenant, opened.origin) else None

    def own(self, opened: Connection, session: str) -> Session | None:
        """The same, if the connection's client may take part in it."""
        found = self.session(opened, session)
        return found if found and may(opened.principal, "write", found.thing) else None

    def current(self, session: Session) -> Job | None:
        """The turn that the session's conversation is at, if it has begun and has not ended."""
        box = session.box
        item = self._table.get([box.item])[0]
        head = Box.read(box, item).head if item else None
        if head is None or not turn_session(head):
            return None
        job = self._table.get([box.job(head)])[0]
        found = Job.read(box, head, job) if job else None
        return found if found and not (found.done or found.stopped) else None

    def is_turn(self, session: Session, request_id: str) -> bool:
        """Whether this is the request of a turn of the session."""
        key = session.box.job(turn_ref(session.id, request_id))
        return self._table.get([key])[0] is not None

    def goes_on(self, opened: Connection, session: str, request_id: str) -> bool:
        """Whether this is the request of a turn of the session that has not ended."""
        found = self.own(opened, session)
        if found is None:
            return False
        item = self._table.get([found.box.job(turn_ref(found.id, request_id))])[0]
        return item is not None and item.attrs.get("state") == "queued"

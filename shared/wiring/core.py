"""The parts of the core that several functions share, on their adapters."""

from typing import TYPE_CHECKING

from shared.wiring.identity import Identity
from shared.wiring.once import once

if TYPE_CHECKING:
    from shared.conversations.approvals import Approvals
    from shared.conversations.audit import Deletions
    from shared.conversations.closing import Closing
    from shared.conversations.connections import Connections
    from shared.conversations.deleting import Deleting
    from shared.conversations.erasures import Erasures
    from shared.conversations.history_state import Histories
    from shared.conversations.listing import Conversations
    from shared.conversations.recording import Recording
    from shared.conversations.retention import Retention
    from shared.conversations.sessions import Sessions
    from shared.conversations.stops import Stops
    from shared.conversations.stream import Poster
    from shared.conversations.turns import TurnRequests
    from shared.conversations.uploads import Uploads
    from shared.conversations.usage import Ledger
    from shared.conversations.usage_reports import UsageReports
    from shared.mailbox.box import Timing
    from shared.mailbox.dead_letters import DeadLetters
    from shared.mailbox.records import Records
    from shared.mailbox.requests import Requests


class Core(Identity):
    """Conversations and mailboxes."""

    @once
    def timing(self) -> "Timing":
        from shared.mailbox.box import Timing

        return Timing(
            lease=int(self.settings.lease_sec * 1000),
            heartbeat=int(self.settings.heartbeat_sec * 1000),
        )

    @once
    def requests(self) -> "Requests":
        from shared.mailbox.requests import Requests

        return Requests(self.table, self.clock)

    @once
    def connections(self) -> "Connections":
        from shared.conversations.connections import Connections

        return Connections(
            self.table,
            self.clock,
            self.requests,
            self.limits,
            per_minute=self.settings.rate_limit_per_minute,
            grace=self.settings.auth_grace_sec,
        )

    @once
    def sessions(self) -> "Sessions":
        from shared.conversations.sessions import Sessions

        return Sessions(
            self.table,
            self.clock,
            self.requests,
            self.connections,
            skill=self.skill_text,
            keep=self.keep,
        )

    @once
    def turns(self) -> "TurnRequests":
        from shared.conversations.turns import TurnRequests

        backlog = self.settings.session_backlog
        return TurnRequests(self.table, self.clock, self.requests, self.wakes, backlog=backlog)

    @once
    def stops(self) -> "Stops":
        from shared.conversations.stops import Stops

        return Stops(self.table, self.requests, self.turns)

    @once
    def approvals(self) -> "Approvals":
        from shared.conversations.approvals import Approvals

        return Approvals(self.table, self.clock, self.requests)

    @once
    def conversations(self) -> "Conversations":
        from shared.conversations.listing import Conversations

        return Conversations(self.table)

    @once
    def dead_letters(self) -> "DeadLetters":
        from shared.mailbox.dead_letters import DeadLetters

        return DeadLetters(self.table, self.requests)

    @once
    def ledger(self) -> "Ledger":
        from shared.conversations.usage import Ledger

        limit = self.settings.tenant_nano_usd_per_day
        return Ledger(self.clock, limit=limit, table=self.table)

    @once
    def usage(self) -> "UsageReports":
        from shared.conversations.usage_reports import UsageReports

        return UsageReports(self.table, self.clock)

    @once
    def records(self) -> "Records":
        from shared.mailbox.records import Records

        bound = self.settings.history_queue_max_size
        return Records(self.table, self.requests, self.clock, bound=bound)

    @once
    def recording(self) -> "Recording | None":
        """What tells the backend of conversations; None: nobody keeps the history of them."""
        if not self.settings.records_history:
            return None
        from shared.conversations.recording import Recording

        return Recording(self.records, self.clock, idle=int(self.settings.history_idle_sec * 1000))

    @once
    def histories(self) -> "Histories":
        from shared.conversations.history_state import Histories

        drain = self.settings.history_finalize_drain_timeout_sec
        return Histories(self.table, self.clock, drain=int(drain * 1000))

    @once
    def closing(self) -> "Closing":
        from shared.conversations.closing import Closing

        return Closing(self.table, self.clock, self.requests, self.wakes, self.recording)

    @once
    def deleting(self) -> "Deleting":
        from shared.conversations.deleting import Deleting

        return Deleting(self.table, self.clock, self.requests, self.wakes)

    @once
    def erasures(self) -> "Erasures":
        from shared.conversations.erasures import Erasures

        return Erasures(self.table, self.clock, self.requests, self.wakes)

    @once
    def deletions(self) -> "Deletions":
        from shared.conversations.audit import Deletions

        return Deletions(self.table)

    @property
    def keep(self) -> int | None:
        """For how long (ms) a conversation is kept that nobody uses; None: for ever."""
        days = self.settings.retention_days
        return None if days is None else days * 24 * 3600 * 1000

    @once
    def retention(self) -> "Retention | None":
        """What removes conversations that nobody uses; None: nothing does."""
        if self.keep is None:
            return None
        from shared.conversations.retention import Retention

        return Retention(self.table, self.clock, self.deleting, keep=self.keep)

    @once
    def uploads(self) -> "Uploads":
        from shared.conversations.uploads import Uploads

        return Uploads(
            self.artifacts, self.table, self.sessions, self.clock, max_bytes=self.upload_bytes
        )

    @once
    def poster(self) -> "Poster":
        from shared.conversations.stream import Poster

        return Poster(self.push, self.clock)

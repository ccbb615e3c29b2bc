"""A deployment: the core on its adapters, and one part for each function."""

from typing import TYPE_CHECKING, Any

from shared.wiring.adapters import Adapters
from shared.wiring.once import once

if TYPE_CHECKING:
    from shared.conversations.admission import Admission
    from shared.conversations.connections import Connections
    from shared.conversations.dispatch import Frames
    from shared.conversations.sessions import Sessions
    from shared.conversations.stream import Poster
    from shared.conversations.turns import TurnRequests
    from shared.identity.tickets import Tickets
    from shared.mailbox.box import Timing
    from shared.mailbox.drain import Drain
    from shared.mailbox.handler import Handler
    from shared.mailbox.requests import Requests
    from shared.mailbox.sweep import Sweep


class Deployment(Adapters):
    """Everything one process needs. Tests replace parts by assigning to them before use."""

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
    def tickets(self) -> "Tickets":
        from shared.identity.tickets import Tickets

        return Tickets(self.table, self.clock)

    @once
    def connections(self) -> "Connections":
        from shared.conversations.connections import Connections

        per_minute = self.settings.rate_limit_per_minute
        return Connections(self.table, self.clock, self.requests, per_minute=per_minute)

    @once
    def sessions(self) -> "Sessions":
        from shared.conversations.sessions import Sessions

        return Sessions(self.table, self.clock, self.requests, self.connections)

    @once
    def turns(self) -> "TurnRequests":
        from shared.conversations.turns import TurnRequests

        backlog = self.settings.session_backlog
        return TurnRequests(self.table, self.clock, self.requests, self.wakes, backlog=backlog)

    @once
    def poster(self) -> "Poster":
        from shared.conversations.stream import Poster

        return Poster(self.push, self.clock)

    # -- one builder for each function -----------------------------------------------------

    @once
    def admission(self) -> "Admission":
        """For ws_connect."""
        from shared.conversations.admission import Admission

        return Admission(self.table, self.settings, self.tickets, self.connections)

    @once
    def frames(self) -> "Frames":
        """For send_message."""
        from shared.conversations.dispatch import Frames
        from shared.conversations.messages import Messages

        return Frames(
            clock=self.clock,
            connections=self.connections,
            sessions=self.sessions,
            messages=Messages(self.table),
            turns=self.turns,
            requests=self.requests,
            agents=self.agents,
            poster=self.poster,
        )

    @once
    def drain(self) -> "Drain":
        """For worker."""
        from shared.mailbox.drain import Drain
        from shared.mailbox.holder import Holder

        holder = Holder(self.table, self.clock, self.timing)
        return Drain(holder, self.wakes, self.clock, self.timing, self._handlers(), self.instance)

    def _handlers(self) -> "dict[str, Handler]":
        from shared.conversations.items import KIND as CONVERSATION
        from shared.mailbox.deliveries import KIND as DELIVERY

        return {CONVERSATION: self._turn_handler(), DELIVERY: self._delivery_handler()}

    def _turn_handler(self) -> "Handler":
        from shared.conversations.generation import Limits
        from shared.conversations.messages import Memory
        from shared.conversations.usage import Ledger
        from shared.conversations.work import Turns

        return Turns(
            table=self.table,
            clock=self.clock,
            requests=self.requests,
            agents=self.agents.get,
            model=self.model,
            memory=Memory(self.table, budget=self.settings.history_token_budget),
            ledger=Ledger(self.clock),
            poster=self.poster,
            limits=Limits(
                turn_seconds=self.settings.turn_seconds,
                push_window=self.settings.push_window_ms / 1000,
                tenant_nano_usd=self.settings.tenant_nano_usd_per_day,
            ),
        )

    def _delivery_handler(self) -> "Handler":
        from shared.mailbox.deliveries import Deliveries
        from shared.messaging.http_post import GuardedHttpPost

        secret = self.settings.require_signing_secret().get_secret_value()
        return Deliveries(self.table, GuardedHttpPost(self.guard), secret)

    @once
    def sweep(self) -> "Sweep":
        """For sweep."""
        from shared.mailbox.sweep import Sweep

        return Sweep(self.table, self.wakes, self.clock)

    @once
    def http(self) -> Any:
        """For executor: the FastAPI app."""
        from shared.web.app import create_app
        from shared.web.services import Services

        return create_app(
            Services(
                settings=self.settings,
                clock=self.clock,
                tickets=self.tickets,
                sessions=self.sessions,
                turns=self.turns,
                agents=self.agents,
                guard=self.guard,
            )
        )

"""A deployment: the core on its adapters, and one part for each function."""

from typing import TYPE_CHECKING, Any

from shared.wiring.identity import Identity
from shared.wiring.once import once

if TYPE_CHECKING:
    from shared.conversations.admission import Admission
    from shared.conversations.approvals import Approvals
    from shared.conversations.asking import People
    from shared.conversations.closing import Closing
    from shared.conversations.connections import Connections
    from shared.conversations.dispatch import Frames
    from shared.conversations.history_state import Histories
    from shared.conversations.listing import Conversations
    from shared.conversations.recording import Recording
    from shared.conversations.sessions import Sessions
    from shared.conversations.stops import Stops
    from shared.conversations.stream import Poster
    from shared.conversations.turns import TurnRequests
    from shared.conversations.usage import Ledger
    from shared.conversations.work import Turns
    from shared.mailbox.box import Timing
    from shared.mailbox.dead_letters import DeadLetters
    from shared.mailbox.drain import Drain
    from shared.mailbox.handler import Handler
    from shared.mailbox.records import Records
    from shared.mailbox.requests import Requests
    from shared.mailbox.sweep import Sweep
    from shared.runner.port import Runner


HISTORY_CAP = 300.0
"""Seconds between two attempts to deliver a record, at most."""


class Deployment(Identity):
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
            self.table, self.clock, self.requests, self.connections, skill=self.skill_text
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

        return Ledger(self.clock, limit=self.settings.tenant_nano_usd_per_day)

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

        return Recording(self.records, idle=int(self.settings.history_idle_sec * 1000))

    @once
    def histories(self) -> "Histories":
        from shared.conversations.history_state import Histories

        drain = self.settings.history_finalize_drain_timeout_sec
        return Histories(self.table, self.clock, drain=int(drain * 1000))

    @once
    def closing(self) -> "Closing":
        from shared.conversations.closing import Closing

        return Closing(self.table, self.clock, self.requests, self.wakes, self.recording)

    def runner(self, agent_id: str) -> "Runner":
        """For programs: talk to this agent, whose turns the workers run.

        Raises:
            NoAgent: there is no such agent.
        """
        from shared.conversations.mailbox_runner import MailboxRunner

        return MailboxRunner(
            agent_id=agent_id,
            tenant=self.settings.home_tenant,
            agents=self.agents.get,
            table=self.table,
            clock=self.clock,
            sessions=self.sessions,
            turns=self.turns,
        )

    @once
    def poster(self) -> "Poster":
        from shared.conversations.stream import Poster

        return Poster(self.push, self.clock)

    # -- one builder for each function -----------------------------------------------------

    @once
    def admission(self) -> "Admission":
        """For ws_connect."""
        from shared.conversations.admission import Admission

        return Admission(
            self.table,
            self.authenticator,
            self.tickets,
            self.connections,
            self.limits,
            local_pages=self.settings.loopback,
        )

    @once
    def frames(self) -> "Frames":
        """For send_message."""
        from shared.conversations.authentication import Authentication
        from shared.conversations.dispatch import Frames
        from shared.conversations.messages import Messages

        return Frames(
            table=self.table,
            clock=self.clock,
            connections=self.connections,
            authentication=Authentication(
                self.table,
                self.connections,
                self.authenticator,
                self.tickets,
                lambda: self.contexts,
            ),
            sessions=self.sessions,
            conversations=self.conversations,
            messages=Messages(self.table),
            turns=self.turns,
            stops=self.stops,
            requests=self.requests,
            approvals=self.approvals,
            codes=lambda: self.codes,
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
        from shared.conversations.closing import Ends
        from shared.conversations.items import KIND as CONVERSATION
        from shared.conversations.jobs import ConversationJobs
        from shared.conversations.titles import KIND as TITLE
        from shared.mailbox.deliveries import KIND as DELIVERY
        from shared.mailbox.records import KIND as HISTORY

        ends = Ends(self.table, self.clock, self.recording)
        return {
            CONVERSATION: ConversationJobs(self.turn_handler, ends),
            DELIVERY: self._delivery_handler(),
            HISTORY: self._history_handler(),
            TITLE: self._title_handler(),
        }

    @once
    def turn_handler(self) -> "Turns":
        """What runs turns."""
        from shared.conversations.endings import Endings
        from shared.conversations.memory import Memory
        from shared.conversations.notices import Notices
        from shared.conversations.services import Limits, Services
        from shared.conversations.work import Turns

        titles = bool(self.settings.title_model)
        notices = Notices(self.clock, self.requests, titles=titles, recording=self.recording)
        return Turns(
            clock=self.clock,
            requests=self.requests,
            agents=self.equip,
            recorded=self.equip_recorded,
            services=Services(
                table=self.table,
                artifacts=self.artifacts,
                model=self.model,
                memory=Memory(self.table, budget=self.settings.history_token_budget),
                rates=self.rates,
                people=self._people(),
                may_spend=self.ledger.check,
            ),
            ledger=self.ledger,
            endings=Endings(self.clock, self.ledger, notices),
            poster=self.poster,
            until=self.connections.until,
            limits=Limits(
                turn_seconds=self.settings.turn_seconds,
                push_window=self.settings.push_window_ms / 1000,
                push_buffer=self.settings.push_buffer_events,
            ),
        )

    def _people(self) -> "People":
        from shared.conversations.asking import People
        from shared.conversations.code_offers import CodeOffers

        codes = CodeOffers(
            self.mail, lambda: self.codes, self.code_limits, seconds=self.settings.otp_ttl_sec
        )
        return People(codes=codes, seconds=self.settings.approval_timeout_sec)

    def _title_handler(self) -> "Handler":
        from shared.conversations.titles import Titles

        model_id = self.settings.title_model
        return Titles(self.table, self.model, model_id, self.ledger, self.rates)

    def _delivery_handler(self) -> "Handler":
        from shared.mailbox.deliveries import Deliveries
        from shared.messaging.http_post import GuardedHttpPost

        secret = self.settings.require_signing_secret().get_secret_value()
        return Deliveries(self.table, GuardedHttpPost(self.guard), secret)

    def _history_handler(self) -> "Handler":
        from shared.backends.history import History, HistoryPolicy
        from shared.mailbox.deliveries import DeliveryPolicy

        settings = self.settings
        policy = HistoryPolicy(
            pauses=DeliveryPolicy(base=settings.history_retry_backoff_sec, cap=HISTORY_CAP),
            refusals=settings.history_retry_max_attempts,
        )
        plane = self.control_plane if settings.records_history else None
        return History(self.table, self.records, plane, policy)

    @once
    def sweep(self) -> "Sweep":
        """For sweep."""
        from shared.mailbox.sweep import Sweep

        return Sweep(self.table, self.wakes, self.clock)

    @once
    def http(self) -> Any:
        """For executor: the FastAPI app."""
        from shared.conversations.messages import Messages
        from shared.web.app import create_app
        from shared.web.services import Services

        return create_app(
            Services(
                settings=self.settings,
                clock=self.clock,
                authenticator=self.authenticator,
                limits=self.limits,
                tickets=self.tickets,
                sessions=self.sessions,
                turns=self.turns,
                stops=self.stops,
                approvals=self.approvals,
                conversations=self.conversations,
                closing=self.closing,
                histories=self.histories,
                messages=Messages(self.table),
                agents=self.agents,
                dead_letters=self.dead_letters,
                guard=self.guard,
            )
        )

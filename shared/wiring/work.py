"""What a worker runs: one handler for each kind of mailbox."""

from typing import TYPE_CHECKING

from shared.wiring.core import Core
from shared.wiring.once import once

if TYPE_CHECKING:
    from shared.conversations.asking import People
    from shared.conversations.notices import Follower
    from shared.conversations.removing import Removals
    from shared.conversations.work import Turns
    from shared.mailbox.drain import Drain
    from shared.mailbox.handler import Handler

HISTORY_CAP = 300.0
"""Seconds between two attempts to deliver a record, at most."""


class Work(Core):
    """The worker's part."""

    @once
    def drain(self) -> "Drain":
        """For worker."""
        from shared.mailbox.drain import Drain
        from shared.mailbox.holder import Holder

        holder = Holder(self.table, self.clock, self.timing)
        return Drain(holder, self.wakes, self.clock, self.timing, self._handlers(), self.instance)

    def _handlers(self) -> "dict[str, Handler]":
        from shared.conversations.closing import Ends
        from shared.conversations.erasing import Erasing
        from shared.conversations.erasures import KIND as ERASURE
        from shared.conversations.items import KIND as CONVERSATION
        from shared.conversations.jobs import ConversationJobs
        from shared.conversations.judging import KIND as JUDGE
        from shared.conversations.summarising import KIND as MEMORY
        from shared.conversations.titles import KIND as TITLE
        from shared.mailbox.deliveries import KIND as DELIVERY
        from shared.mailbox.records import KIND as HISTORY

        ends = Ends(self.table, self.clock, self.recording, keep=self.keep)
        jobs = ConversationJobs(self.turn_handler, ends, self._removals(), self.retention)
        return {
            CONVERSATION: jobs,
            DELIVERY: self._delivery_handler(),
            ERASURE: Erasing(self.table, self.artifacts, self.deleting, self.clock),
            HISTORY: self._history_handler(),
            JUDGE: self._judge_handler(),
            TITLE: self._title_handler(),
            MEMORY: self._summary_handler(),
        }

    @once
    def turn_handler(self) -> "Turns":
        """What runs turns."""
        from shared.conversations.attachments import Attachments
        from shared.conversations.endings import Endings
        from shared.conversations.memory import Memory
        from shared.conversations.notices import Notices
        from shared.conversations.pictures import Pictures
        from shared.conversations.services import Limits, Services
        from shared.conversations.work import Turns
        from shared.messaging.http_client import GuardedHttpClient

        notices = Notices(self.clock, self.requests, followers=self._followers())
        return Turns(
            clock=self.clock,
            requests=self.requests,
            agents=self.equip,
            recorded=self.equip_recorded,
            services=Services(
                table=self.table,
                artifacts=self.artifacts,
                attachments=Attachments(
                    self.artifacts,
                    GuardedHttpClient(self.attachment_guard),
                    self.clock,
                    max_bytes=self.upload_bytes,
                ),
                pictures=Pictures(self.artifacts),
                model=self.model,
                memory=Memory(self.table, budget=self.settings.history_token_budget),
                rates=self.rates,
                people=self._people(),
                may_spend=self.ledger.check,
                ledger=self.ledger,
                priced=self.priced,
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

    def _followers(self) -> "list[Follower]":
        """Who does something after each turn."""
        found: list[Follower] = []
        if self.settings.title_model:
            from shared.conversations.titles import Titling

            found.append(Titling(self.clock, self.requests))
        found.append(self._summarising())
        from shared.conversations.judging import Judging

        found.append(Judging(self.clock, self.requests))
        if self.recording is not None:
            found.append(self.recording)
        if self.retention is not None:
            # Behind whoever else sets a time at which the conversation is looked at.
            found.append(self.retention)
        return found

    def _removals(self) -> "Removals":
        from shared.conversations.beside import KINDS
        from shared.conversations.removing import Removals

        settle = self.timing.lease + 2 * self.timing.grace
        return Removals(self.table, self.artifacts, self.clock, kinds=KINDS, settle=settle)

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

    def _judge_handler(self) -> "Handler":
        from shared.conversations.judging import Judge

        model_id = self.settings.judge_model
        return Judge(self.table, self.model, model_id, self.ledger, self.rates)

    def _summarising(self) -> "Follower":
        from shared.conversations.summarising import Summarising

        settings = self.settings
        return Summarising(
            self.clock,
            self.requests,
            budget=settings.history_token_budget,
            model_id=settings.summary_model,
        )

    def _summary_handler(self) -> "Handler":
        from shared.conversations.summarising import Summaries

        budget = self.settings.history_token_budget
        return Summaries(self.table, self.model, self.ledger, self.rates, budget=budget)

    def _delivery_handler(self) -> "Handler":
        from shared.mailbox.deliveries import Deliveries
        from shared.messaging.http_post import GuardedHttpPost

        secret = self.settings.require_signing_secret().get_secret_value()
        return Deliveries(self.table, GuardedHttpPost(self.guard), secret)

    def _history_handler(self) -> "Handler":
        from shared.backends.breaker import Breaker
        from shared.backends.history import History, HistoryPolicy
        from shared.mailbox.deliveries import DeliveryPolicy

        settings = self.settings
        policy = HistoryPolicy(
            pauses=DeliveryPolicy(base=settings.history_retry_backoff_sec, cap=HISTORY_CAP),
            refusals=settings.history_retry_max_attempts,
        )
        plane = self.control_plane if settings.records_history else None
        return History(self.table, self.records, plane, Breaker(self.clock), policy)

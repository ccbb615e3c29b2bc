"""A deployment: the core on its adapters, and one part for each function."""

from typing import TYPE_CHECKING, Any

from shared.wiring.once import once
from shared.wiring.work import Work

if TYPE_CHECKING:
    from shared.conversations.admission import Admission
    from shared.conversations.dispatch import Frames
    from shared.mailbox.sweep import Sweep
    from shared.runner.port import Runner


class Deployment(Work):
    """Everything one process needs. Tests replace parts by assigning to them before use."""

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
    def sweep(self) -> "Sweep":
        """For sweep."""
        from shared.mailbox.sweep import Sweep

        return Sweep(self.table, self.wakes, self.clock)

    @once
    def http(self) -> Any:
        """For executor: the FastAPI app."""
        from shared.conversations.exporting import Exports
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
                deleting=self.deleting,
                deletions=self.deletions,
                erasures=self.erasures,
                exports=Exports(self.table, self.artifacts),
                histories=self.histories,
                messages=Messages(self.table),
                uploads=self.uploads,
                artifacts=self.artifacts,
                agents=self.agents,
                dead_letters=self.dead_letters,
                usage=self.usage,
                guard=self.guard,
            )
        )

"""What the HTTP API stands on, as the wiring gives it."""

from dataclasses import dataclass

from shared.backends.agents import AgentSource
from shared.clock import Clock
from shared.conversations.approvals import Approvals
from shared.conversations.audit import Deletions
from shared.conversations.closing import Closing
from shared.conversations.deleting import Deleting
from shared.conversations.erasures import Erasures
from shared.conversations.exporting import Exports
from shared.conversations.history_state import Histories
from shared.conversations.listing import Conversations
from shared.conversations.messages import Messages
from shared.conversations.sessions import Sessions
from shared.conversations.stops import Stops
from shared.conversations.turns import TurnRequests
from shared.conversations.uploads import Uploads
from shared.conversations.usage_reports import UsageReports
from shared.identity.credentials import Authenticator
from shared.identity.limits import RateLimits
from shared.identity.tickets import Tickets
from shared.mailbox.dead_letters import DeadLetters
from shared.messaging.addresses import AddressGuard
from shared.settings import Settings
from shared.storage.artifacts import Artifacts


@dataclass(frozen=True, kw_only=True)
class Services:
    settings: Settings
    clock: Clock
    authenticator: Authenticator
    limits: RateLimits
    tickets: Tickets
    sessions: Sessions
    turns: TurnRequests
    stops: Stops
    approvals: Approvals
    conversations: Conversations
    closing: Closing
    deleting: Deleting
    deletions: Deletions
    erasures: Erasures
    exports: Exports
    histories: Histories
    messages: Messages
    uploads: Uploads
    artifacts: Artifacts
    agents: AgentSource
    dead_letters: DeadLetters
    usage: UsageReports
    guard: AddressGuard

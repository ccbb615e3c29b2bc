"""The control plane: the port behind which somebody's product owns agents and history.

It gives out the agents' configuration, takes the records of calls, searches knowledge and defines
tools. A call is a stretch of a conversation: it begins with the first turn and is finalized when
the conversation has ended; what is said later is another call.

Every request names the tenant. What is written carries a key: the same key again, with the same
content, is the same record, which the other side must recognise.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from shared.errors import BackendUnavailable, NotFound, ParleyError
from shared.protocol.faults import Fault

Speaker = Literal["human", "ai"]
CallStatus = Literal["connected", "failed"]
"""Whether somebody was answered."""


class ControlPlaneFault(Exception):
    """The other side did not do what it was asked. The text is for the log, and holds neither a
    secret nor what the other side has said."""


class NotThere(ControlPlaneFault):
    """There is no such thing on the other side."""


class Unavailable(ControlPlaneFault):
    """No answer, or none that counts: not connected, timed out, overloaded, broken. It may have
    been done. `retry_after`: seconds that the other side asked for."""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Refused(ControlPlaneFault):
    """The other side understood and says no; the same again will be refused again."""


class CredentialRefused(Refused):
    """The other side does not accept the credential of this deployment: that is what has to be
    mended, not what was asked."""


class Malformed(ControlPlaneFault):
    """There is an answer, but not one that this port knows. It may have been done."""


class Source(Protocol):
    """Where a configuration came from, for its author."""

    def where(self, fault: Fault) -> str:
        """The place of a fault: a file and a line, or an agent and a field."""
        ...


@dataclass(frozen=True, kw_only=True)
class AgentConfig:
    """One agent's configuration as it was read, not validated. The same `version` is the same
    configuration, with the same tools in it."""

    id: str
    version: str
    values: Mapping[Any, Any]
    source: Source


@dataclass(frozen=True, kw_only=True)
class AgentPage:
    """Ids of agents, in a fixed order; `cursor` is there when there are more."""

    ids: Sequence[str]
    cursor: str | None = None


@dataclass(frozen=True, kw_only=True)
class CallRecord:
    """The beginning of a call. Times are in milliseconds since 1970. `id` is our name for it; the
    other side may answer with its own."""

    id: str
    tenant: str
    conversation: str
    user: str
    agent: str
    source: str
    started_at: int


@dataclass(frozen=True, kw_only=True)
class TranscriptSegment:
    """One thing said in a call, which `call` names as `begin_call` answered. `index` counts what
    people see of the conversation from 0; `user` is who asked; `start_ms` and `end_ms` are since
    the call began."""

    tenant: str
    call: str
    index: int
    user: str
    speaker: Speaker
    content: str
    start_ms: int
    end_ms: int
    message_id: str
    turn_id: str
    stopped: bool = False


@dataclass(frozen=True, kw_only=True)
class Escalation:
    """An agent asks for a person to take over, with what it says in `message_id`. `user` is who
    asked; `at` is in milliseconds since 1970."""

    tenant: str
    call: str
    user: str
    reason: str
    turn_id: str
    message_id: str
    at: int


@dataclass(frozen=True, kw_only=True)
class Finalized:
    """The end of a call. `missing` counts the records of it that were given up."""

    tenant: str
    call: str
    status: CallStatus
    duration_seconds: float
    ended_at: int
    missing: int = 0


@dataclass(frozen=True, kw_only=True)
class Snippet:
    """A piece of a document that was found; `score` is higher for what fits better."""

    id: str
    title: str
    text: str
    url: str | None = None
    score: float = 0.0
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])


class AgentConfigs(Protocol):
    """Agents' configuration."""

    def agent(self, agent_id: str, *, tenant: str) -> AgentConfig:
        """The configuration of the agent with exactly this id.

        Raises:
            NotThere, Unavailable, Refused, Malformed.
            ConfigurationError: it cannot be read; with its place and the reason.
        """
        ...

    def agents(self, *, tenant: str, limit: int, cursor: str | None = None) -> AgentPage:
        """A page of the agents' ids. Raises like `agent`."""
        ...


class CallHistory(Protocol):
    """The record of calls. Each may be repeated with its key."""

    def begin_call(self, record: CallRecord, *, key: str) -> str:
        """Note that a call has begun; the id by which the other side knows it.

        Raises:
            Unavailable, Refused, Malformed.
        """
        ...

    def add_transcript(self, segment: TranscriptSegment, *, key: str) -> None:
        """Add what was said. Raises NotThere for a call that is not known, or like `begin_call`."""
        ...

    def escalate(self, escalation: Escalation, *, key: str) -> None:
        """Hand the call over to a person. Raises like `add_transcript`."""
        ...

    def finalize_call(self, end: Finalized, *, key: str) -> None:
        """Note that the call has ended. Raises like `add_transcript`."""
        ...


class KnowledgeSearch(Protocol):
    def search(
        self,
        knowledge_id: str,
        query: str,
        *,
        tenant: str,
        user: str,
        groups: Collection[str],
        limit: int = 5,
    ) -> Sequence[Snippet]:
        """What fits the query best, the best first, of what this user, who belongs to these groups,
        may read; nothing found is an empty list. The other side sees to that.

        Raises:
            NotThere, Unavailable, Refused, Malformed.
        """
        ...


class ToolResources(Protocol):
    def tool(self, tool_id: str, *, tenant: str) -> Mapping[str, Any]:
        """The definition of a tool that agents share, as it would stand in `tools`.

        Raises:
            NotThere, Unavailable, Refused, Malformed.
            ConfigurationError: it cannot be read; with its place and the reason.
        """
        ...


class ControlPlane(AgentConfigs, CallHistory, KnowledgeSearch, ToolResources, Protocol):
    """All of it, as one product offers it. May be used by several threads at once."""


def for_caller(fault: ControlPlaneFault) -> ParleyError:
    """What a caller is told who asked for an agent: that there is none, or to come again."""
    if isinstance(fault, NotThere):
        return NotFound("There is no such agent.", code="AGENT_NOT_FOUND")
    return BackendUnavailable()


def for_operator(fault: ControlPlaneFault, backend: str) -> str:
    """What is wrong with the backend at this URL, for whoever has set it."""
    if isinstance(fault, CredentialRefused):
        return f"The backend at {backend} does not accept BACKEND_TOKEN. Set the right one."
    return f"The backend at {backend} does not list its agents: {fault}."

"""The control plane of a deployment that has none: nothing is known, and nothing is kept."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from shared.backends.control_plane import (
    AgentConfig,
    AgentPage,
    CallRecord,
    Escalation,
    Finalized,
    NotThere,
    Snippet,
    TranscriptSegment,
)


class NullControlPlane:
    """No agents, no tools, nothing to search. Records of calls are accepted and forgotten."""

    def agent(self, agent_id: str, *, tenant: str) -> AgentConfig:
        raise NotThere("there is no backend")

    def agents(self, *, tenant: str, limit: int, cursor: str | None = None) -> AgentPage:
        return AgentPage(ids=[])

    def tool(self, tool_id: str, *, tenant: str) -> Mapping[str, Any]:
        raise NotThere("there is no backend")

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
        return []

    def begin_call(self, record: CallRecord, *, key: str) -> str:
        return record.id

    def add_transcript(self, segment: TranscriptSegment, *, key: str) -> None:
        """Forget it."""

    def escalate(self, escalation: Escalation, *, key: str) -> None:
        """Forget it."""

    def finalize_call(self, end: Finalized, *, key: str) -> None:
        """Forget it."""

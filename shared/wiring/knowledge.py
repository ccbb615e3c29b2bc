"""What agents look things up in: documents, a knowledge base of the backend, one of Bedrock."""

from functools import partial
from typing import TYPE_CHECKING

from shared.wiring.adapters import Adapters
from shared.wiring.once import once

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.backends.agents import Agent
    from shared.backends.control_plane import ControlPlane
    from shared.knowledge.documents import Source
    from shared.knowledge.port import Knowledge
    from shared.knowledge.shelf import Shelf
    from shared.tools.port import Tool

MAX_SHELVES = 32
"""Places whose documents are kept indexed at once."""


class Lookup(Adapters):
    """Knowledge, one for all agents that name the same place."""

    control_plane: "ControlPlane"

    def knowledge_of(self, agent: "Agent") -> "Knowledge | None":
        """What this agent can look up; None: it has nothing to."""
        section = agent.knowledge
        if section is None:
            return None
        if section.documents is not None:
            return self.shelf(section.documents)
        if section.bedrock is not None:
            from shared import aws
            from shared.knowledge.bedrock import BedrockKnowledge

            return BedrockKnowledge(aws.retrieval_client, section.bedrock)
        from shared.backends.knowledge_search import BackendKnowledge

        return BackendKnowledge(self.control_plane, section.id or "")

    def search_tool(self, agent: "Agent", knowledge: "Knowledge") -> "Tool":
        """`knowledge_search` for this agent."""
        from shared.runner.knowledge import KnowledgeSearch

        return KnowledgeSearch(knowledge, agent.knowledge.top_k if agent.knowledge else 1)

    def knowledge_faults(self, agent: "Agent") -> "Sequence[str]":
        """A sentence for each document of this agent that nobody can look up, read now."""
        section = agent.knowledge
        if section is None or section.documents is None:
            return []
        return self.shelf(section.documents).faults()

    def shelf(self, path: str) -> "Shelf":
        """The documents of this place, which has been checked."""
        path = path.removesuffix("/")
        with self.making:
            if path not in self._shelves:
                while len(self._shelves) >= MAX_SHELVES:
                    del self._shelves[next(iter(self._shelves))]
                self._shelves[path] = self._new_shelf(path)
            return self._shelves[path]

    @once
    def _shelves(self) -> "dict[str, Shelf]":
        return {}

    def _new_shelf(self, path: str) -> "Shelf":
        from shared.backends.documents import parse_document
        from shared.knowledge.shelf import Shelf
        from shared.knowledge.sqlite_terms import SqliteTerms

        return Shelf(
            self._source(path),
            parse_document,
            SqliteTerms,
            self.clock,
            refresh=self.settings.knowledge_refresh_sec,
        )

    def _source(self, path: str) -> "Source":
        if path.startswith("s3://"):
            from shared import aws
            from shared.knowledge.s3 import S3Folder

            return S3Folder(partial(aws.client, "s3"), path)
        from shared.knowledge.folder import Folder

        return Folder(self.settings.assistant_local_config_dir, path)

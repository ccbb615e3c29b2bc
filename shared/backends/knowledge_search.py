"""A knowledge base of the backend, as what an agent looks things up in."""

from collections.abc import Sequence

from shared.backends import control_plane
from shared.knowledge.port import KnowledgeUnavailable, Passage, Reader, asked


class BackendKnowledge:
    """See `Knowledge`. The backend is told who asks, and gives only what that user may read."""

    def __init__(self, plane: control_plane.KnowledgeSearch, knowledge_id: str) -> None:
        self._plane = plane
        self._id = knowledge_id

    def search(self, query: str, *, reader: Reader, limit: int) -> Sequence[Passage]:
        query = asked(query)
        if not query.strip() or limit < 1:
            return []
        try:
            found = self._plane.search(
                self._id,
                query,
                tenant=reader.tenant,
                user=reader.user,
                groups=reader.groups,
                limit=limit,
            )
        except control_plane.ControlPlaneFault as fault:
            raise KnowledgeUnavailable(f"the knowledge base of the backend: {fault}") from fault
        return [
            Passage(id=each.id, title=each.title, text=each.text, url=each.url, score=each.score)
            for each in found[:limit]
        ]

"""The knowledge port: what fits a question, of what the person who asks may see."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

MAX_QUERY = 2_000
"""Characters of a question that count; what is said after them is not looked up."""

MAX_PASSAGES = 20
"""The most that one search gives."""


@dataclass(frozen=True, kw_only=True)
class Reader:
    """On whose behalf something is looked up. There is no search without one.

    Roles do not count: an administrator reads no more than what lists them, too.
    """

    tenant: str
    user: str
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A piece of a document. `id` is the document's; `score` is higher for what fits better, and
    says nothing beside those of the same search."""

    id: str
    title: str
    text: str
    url: str | None = None
    score: float = 0.0


class KnowledgeUnavailable(Exception):
    """Nothing can be looked up now. The text is for the log, and holds neither what was asked nor
    what stands in a document."""


class Knowledge(Protocol):
    """What one agent can look up. Safe for use by several threads."""

    def search(self, query: str, *, reader: Reader, limit: int) -> Sequence[Passage]:
        """The pieces that fit the query best, of documents that the reader may see, the best first;
        at most `limit`. Nothing found is an empty list.

        What the reader may not see has no influence: neither on what is found, nor on its order,
        nor on the scores. The query is what people have written, and never a query language.

        Raises:
            KnowledgeUnavailable: it cannot be had now.
        """
        ...


def asked(query: str) -> str:
    """The query as it is looked up: what counts of it, and no halves of characters."""
    return query[:MAX_QUERY].encode("utf-8", "replace").decode("utf-8")

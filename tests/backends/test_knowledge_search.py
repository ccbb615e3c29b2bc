"""What agents look up in a knowledge base of the backend."""

from collections.abc import Iterator

import pytest

from shared.backends.http_control_plane import HttpControlPlane
from shared.backends.knowledge_search import BackendKnowledge
from shared.knowledge.port import MAX_QUERY, KnowledgeUnavailable, Passage, Reader
from tests.support.clock import FakeClock
from tests.support.reference_backend import ReferenceBackend

ANN = Reader(tenant="acme", user="ann", groups=frozenset({"support"}))
SNIPPETS = [
    {"id": "1", "title": "A", "text": "returns", "url": "https://example.com/1"},
    {"id": "2", "title": "B", "text": "returns in days", "acl": ["support"]},
    {"id": "3", "title": "C", "text": "returns in days", "acl": ["bob"]},
]


@pytest.fixture
def backend() -> Iterator[ReferenceBackend]:
    with ReferenceBackend() as made:
        made.books.put_knowledge("book", SNIPPETS, "acme")
        yield made


@pytest.fixture
def knowledge(backend: ReferenceBackend) -> Iterator[BackendKnowledge]:
    plane = HttpControlPlane(backend.url, FakeClock(), timeout=5)
    yield BackendKnowledge(plane, "book")
    plane.close()


def test_snippets_are_passages_of_what_the_reader_may_see(knowledge: BackendKnowledge) -> None:
    assert knowledge.search("returns days", reader=ANN, limit=5) == [
        Passage(id="2", title="B", text="returns in days", score=1.0),
        Passage(id="1", title="A", text="returns", url="https://example.com/1", score=0.5),
    ]
    assert len(knowledge.search("returns days", reader=ANN, limit=1)) == 1
    bob = Reader(tenant="acme", user="bob")
    assert [each.id for each in knowledge.search("days", reader=bob, limit=5)] == ["3"]


def test_another_tenant_has_other_knowledge(knowledge: BackendKnowledge) -> None:
    stranger = Reader(tenant="other", user="ann", groups=frozenset({"support"}))
    with pytest.raises(KnowledgeUnavailable):
        knowledge.search("returns", reader=stranger, limit=5)


def test_a_long_question_is_cut(knowledge: BackendKnowledge) -> None:
    assert knowledge.search("x" * MAX_QUERY + " returns", reader=ANN, limit=5) == []


@pytest.mark.parametrize(("query", "limit"), [(" ", 5), ("returns", 0)])
def test_where_nothing_is_asked_nobody_is(
    backend: ReferenceBackend, knowledge: BackendKnowledge, query: str, limit: int
) -> None:
    backend.stop()
    assert knowledge.search(query, reader=ANN, limit=limit) == []


def test_a_backend_that_does_not_answer(
    backend: ReferenceBackend, knowledge: BackendKnowledge
) -> None:
    backend.stop()
    with pytest.raises(KnowledgeUnavailable, match="knowledge base of the backend") as fault:
        knowledge.search("returns", reader=ANN, limit=5)
    assert "returns" not in str(fault.value)

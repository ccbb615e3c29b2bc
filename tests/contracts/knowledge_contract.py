"""What every place of documents must do."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import pytest

from shared.knowledge import documents
from shared.knowledge.documents import MAX_DOCUMENT, Source
from shared.knowledge.port import KnowledgeUnavailable


class SourceContract(ABC):
    """Subclasses say how documents come to a place, and how they leave it."""

    @abstractmethod
    def put(self, files: Mapping[str, bytes]) -> None: ...

    @abstractmethod
    def remove(self, name: str) -> None: ...

    @pytest.fixture
    @abstractmethod
    def source(self) -> Source: ...

    def test_it_lists_the_documents_by_their_paths(self, source: Source) -> None:
        self.put({"b.md": b"B", "a/c.md": b"Cc", "a.txt": b"no", ".hidden.md": b"no"})
        self.put({".git/x.md": b"no", "a/d.MD": b"no"})
        assert [(each.id, each.size) for each in source.listed()] == [("a/c.md", 2), ("b.md", 1)]

    def test_it_reads_what_was_listed_in_order(self, source: Source) -> None:
        self.put({f"{n:02}.md": f"text {n}".encode() for n in range(20)})
        listed = source.listed()
        assert list(source.read(listed)) == [f"text {n}".encode() for n in range(20)]
        assert list(source.read(listed[3:4])) == [b"text 3"]
        assert list(source.read([])) == []

    def test_the_same_content_has_the_same_version(self, source: Source) -> None:
        self.put({"a.md": b"one", "b.md": b"two"})
        before = source.listed()
        assert source.listed() == before
        self.put({"a.md": b"another"})
        after = source.listed()
        assert after[0].version != before[0].version
        assert after[1] == before[1]

    def test_no_more_is_read_than_a_document_may_have(self, source: Source) -> None:
        self.put({"a.md": b"x" * (MAX_DOCUMENT + 10)})
        [data] = source.read(source.listed())
        assert len(data) == MAX_DOCUMENT + 1

    def test_one_that_is_gone_cannot_be_read(self, source: Source) -> None:
        self.put({"a.md": b"one"})
        listed = source.listed()
        self.remove("a.md")
        with pytest.raises(KnowledgeUnavailable):
            list(source.read(listed))

    def test_a_name_that_cannot_be_shown_is_a_fault(self, source: Source) -> None:
        self.put({"a\x01.md": b"one"})
        [listed] = source.listed()
        assert listed.fault is not None
        assert "printable" in listed.fault

    def test_too_many_are_refused(self, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(documents, "MAX_DOCUMENTS", 1)
        self.put({"a.md": b"one", "b.md": b"two"})
        with pytest.raises(KnowledgeUnavailable, match="more than 1 documents"):
            source.listed()

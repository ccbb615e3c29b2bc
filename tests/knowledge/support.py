"""What the tests of knowledge share."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from shared.knowledge.access import EVERYBODY, Acl
from shared.knowledge.documents import Document, Listed
from shared.knowledge.index import Index
from shared.knowledge.port import KnowledgeUnavailable, Passage, Reader
from shared.knowledge.sqlite_terms import SqliteTerms

ANN = Reader(tenant="t", user="ann", groups=frozenset({"support"}))
BOB = Reader(tenant="t", user="bob")


def document(text: str, document_id: str = "a.md", acl: Acl = EVERYBODY) -> Document:
    return Document(id=document_id, title=document_id, text=text, acl=acl)


def index(*documents: Document) -> Index:
    return Index(documents, SqliteTerms)


def ids(found: Iterable[Passage]) -> list[str]:
    return [each.id for each in found]


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


class Place:
    """Documents that a test changes. `unavailable`: why they cannot be had. `reads` counts what
    was read, by id, and `looks` how often it was listed."""

    shown = "place"

    def __init__(self, **texts: str) -> None:
        self.texts = {f"{name}.md": text for name, text in texts.items()}
        self.unavailable: str | None = None
        self.reads: list[str] = []
        self.looks = 0

    def listed(self) -> Sequence[Listed]:
        self.looks += 1
        if self.unavailable:
            raise KnowledgeUnavailable(self.unavailable)
        return [
            Listed(id=name, version=text, size=len(text.encode()))
            for name, text in sorted(self.texts.items())
        ]

    def read(self, wanted: Sequence[Listed]) -> Iterator[bytes]:
        for each in wanted:
            self.reads.append(each.id)
            yield self.texts[each.id].encode()

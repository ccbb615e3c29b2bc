"""Documents, where they lie, and how much of them there may be."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.knowledge.access import EVERYBODY, Acl
from shared.knowledge.port import KnowledgeUnavailable

SUFFIX = ".md"
MAX_DOCUMENTS = 10_000
MAX_DOCUMENT = 1024 * 1024
"""Bytes of one document."""

MAX_BYTES = 32 * 1024 * 1024
"""Bytes of all documents of one folder together."""

MAX_ID = 512
"""Characters."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """One document: Markdown without its front matter. `id` is its path below its folder."""

    id: str
    title: str
    text: str
    url: str | None = None
    acl: Acl = EVERYBODY


class DocumentFault(ValueError):
    """A document is not valid, so nobody gets to see it. The text is for its author and goes on
    where the name of the file ends; `line` counts from 1 and is None where it is about all of it.
    """

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.line = line


class Parse(Protocol):
    """Reads a document. `data` is what the file holds."""

    def __call__(self, document_id: str, data: bytes) -> Document:
        """Raises DocumentFault."""
        ...


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A document that lies somewhere; the same `version` is the same content. `fault` says why it
    cannot be one."""

    id: str
    version: str
    size: int
    fault: str | None = None


class Source(Protocol):
    """Where documents lie. `shown` is what people call that place."""

    @property
    def shown(self) -> str: ...

    def listed(self) -> Sequence[Listed]:
        """All documents there, by their ids in order.

        Raises:
            KnowledgeUnavailable: they cannot be listed, or there are too many.
        """
        ...

    def read(self, wanted: Sequence[Listed]) -> Iterator[bytes]:
        """What these hold, in this order. No more than `MAX_DOCUMENT` + 1 bytes are read of each.

        Raises:
            KnowledgeUnavailable: one of them cannot be read, or is another one by now.
        """
        ...


def check_count(count: int, shown: str) -> None:
    """Raises KnowledgeUnavailable: there are more documents than an index may have."""
    if count > MAX_DOCUMENTS:
        raise KnowledgeUnavailable(
            f"{shown} has more than {MAX_DOCUMENTS:,} documents. Remove some, or divide them "
            "among agents."
        )


def check_size(size: int, shown: str) -> None:
    """Raises KnowledgeUnavailable: they are larger together than an index may be."""
    if size > MAX_BYTES:
        raise KnowledgeUnavailable(
            f"The documents in {shown} are larger than {MAX_BYTES // 1024**2} MB together. Remove "
            "some, or divide them among agents."
        )


def id_fault(document_id: str) -> str | None:
    """Why a path can be no document's id; None: it can."""
    if len(document_id) > MAX_ID or not document_id.isprintable():
        return f"its path must have up to {MAX_ID} printable characters; rename it"
    return None

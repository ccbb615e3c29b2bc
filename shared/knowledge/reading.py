"""Documents read from where they lie: only what has changed, and nothing that is not valid."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.knowledge.documents import (
    MAX_DOCUMENT,
    Document,
    DocumentFault,
    Listed,
    Parse,
    Source,
    check_count,
    check_size,
)


@dataclass(frozen=True)
class _Read:
    """What came of one version of a document: it, or what is wrong with it."""

    version: str
    document: Document | None
    fault: str | None


class Reading:
    """The documents of one source, as they were last read. One thread at a time."""

    def __init__(self, source: Source, parse: Parse) -> None:
        self._source = source
        self._parse = parse
        self._read: dict[str, _Read] = {}
        self._begun: dict[str, _Read] = {}
        self._seen: Sequence[Listed] | None = None

    def refresh(self) -> bool:
        """Read what has changed; whether anything has.

        Raises:
            KnowledgeUnavailable: it cannot be read, or is too much; what was read before stands.
        """
        listed = self._source.listed()
        if listed == self._seen:
            return False
        check_count(len(listed), self._source.shown)
        check_size(sum(each.size for each in listed if not _refused(each)), self._source.shown)
        known = {**self._read, **self._begun}
        kept = {
            each.id: known[each.id]
            for each in listed
            if each.id in known and known[each.id].version == each.version
        }
        found = {each.id: _Read(each.version, None, _refused(each)) for each in listed}
        wanted = [each for each in listed if each.id not in kept and not _refused(each)]
        for each, data in zip(wanted, self._source.read(wanted), strict=True):
            # If one of the next ones cannot be read, this one need not be read again.
            found[each.id] = self._begun[each.id] = self._parsed(each, data)
        self._read = {**found, **kept}
        self._begun = {}
        self._seen = listed
        return True

    def documents(self) -> Sequence[Document]:
        """Those that are valid."""
        return [read.document for read in self._read.values() if read.document is not None]

    def faults(self) -> Sequence[str]:
        """A sentence for each that is not."""
        return [self._sentence(name, read.fault) for name, read in self._read.items() if read.fault]

    def _parsed(self, listed: Listed, data: bytes) -> _Read:
        if len(data) > MAX_DOCUMENT:
            return _Read(listed.version, None, f": {_too_large()}")
        try:
            return _Read(listed.version, self._parse(listed.id, data), None)
        except DocumentFault as wrong:
            where = "" if wrong.line is None else f", line {wrong.line}"
            return _Read(listed.version, None, f"{where}: {wrong}")

    def _sentence(self, name: str, fault: str) -> str:
        shown = "".join(each if each.isprintable() else "�" for each in name)
        return f"{self._source.shown}/{shown}{fault.rstrip('.')}."


def _refused(listed: Listed) -> str | None:
    """Why it is not even read."""
    if listed.fault is not None:
        return f": {listed.fault}"
    return f": {_too_large()}" if listed.size > MAX_DOCUMENT else None


def _too_large() -> str:
    return f"larger than {MAX_DOCUMENT // 1024**2} MB; divide it"

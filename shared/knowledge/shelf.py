"""The documents of one place, looked up in an index that is made again when they change."""

import logging
from collections.abc import Sequence
from threading import Lock

from shared.clock import Clock
from shared.knowledge.documents import Parse, Source
from shared.knowledge.index import Index, MakeTerms
from shared.knowledge.port import KnowledgeUnavailable, Passage, Reader
from shared.knowledge.reading import Reading

log = logging.getLogger("parley")

PAUSE = 5.0
"""Seconds for which documents that could not be read are left alone, at most."""

MAX_AGE = 3600.0
"""Seconds for which what was read is used while it cannot be read again. Somebody may have taken
away an access meanwhile, which must hold some day."""


class Shelf:
    """See `Knowledge`. Whether documents have changed is looked at every `refresh` seconds.

    One thread looks and reads; others go on with what there was. Where reading fails, that stays
    in use for `MAX_AGE`, and the log says so. Without any index all wait for the first one.
    """

    def __init__(
        self, source: Source, parse: Parse, make_terms: MakeTerms, clock: Clock, *, refresh: float
    ) -> None:
        self._source = source
        self._make_terms = make_terms
        self._clock = clock
        self._refresh = refresh
        self._reading = Reading(source, parse)
        self._loading = Lock()
        self._index: Index | None = None
        self._due = self._read = clock.monotonic()
        self._failed: KnowledgeUnavailable | None = None
        self._said: frozenset[str] = frozenset()

    def search(self, query: str, *, reader: Reader, limit: int) -> Sequence[Passage]:
        return self._current().search(query, reader=reader, limit=limit)

    def faults(self) -> Sequence[str]:
        """What is wrong with the documents, read now: a sentence for each that nobody can look up,
        or one that says why nobody can look up any."""
        with self._loading:
            try:
                self._reading.refresh()
            except KnowledgeUnavailable as wrong:
                return [str(wrong)]
            return self._reading.faults()

    def _current(self) -> Index:
        index = self._index
        if index is not None and self._clock.monotonic() < self._due:
            return index
        if not self._loading.acquire(blocking=index is None):
            assert index is not None  # noqa: S101 - else it was waited for
            return index
        try:
            if self._clock.monotonic() >= self._due:
                self._look()
            if self._index is None:
                raise KnowledgeUnavailable(str(self._failed)) from self._failed
            return self._index
        finally:
            self._loading.release()

    def _look(self) -> None:
        try:
            if self._reading.refresh() or self._index is None:
                self._index = Index(self._reading.documents(), self._make_terms)
                self._say(self._reading.faults())
            self._failed = None
            self._read = self._clock.monotonic()
            self._due = self._clock.monotonic() + self._refresh
        except KnowledgeUnavailable as wrong:
            self._failed = wrong
            self._due = self._clock.monotonic() + min(self._refresh, PAUSE)
            if self._index is not None:
                self._keep(wrong)

    def _keep(self, wrong: KnowledgeUnavailable) -> None:
        """What was read stays in use; not for ever."""
        if self._clock.monotonic() - self._read < MAX_AGE:
            said = "documents cannot be read again; those read before are used"
            log.warning(said, extra={"reason": str(wrong)}, exc_info=wrong)
            return
        self._index = None
        said = "documents could not be read again for too long; nobody can look them up"
        log.error(said, extra={"reason": str(wrong)}, exc_info=wrong)

    def _say(self, faults: Sequence[str]) -> None:
        """Into the log, each once for as long as it stands."""
        for each in faults:
            if each not in self._said:
                log.error("a document is not valid; nobody can look it up", extra={"reason": each})
        self._said = frozenset(faults)

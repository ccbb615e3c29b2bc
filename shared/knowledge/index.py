"""An index of documents: what fits a question, ranked by BM25.

A reader gets exactly what an index of only the documents that they may see would give: what is
counted for the ranking (how many pieces there are, how long they are, how many have a term) is
counted among those. So neither an answer nor a score tells anything about a document that is not
theirs, not even that there is one.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from shared.knowledge.access import Acl
from shared.knowledge.chunks import chunks
from shared.knowledge.documents import Document
from shared.knowledge.port import Passage, Reader, asked
from shared.knowledge.stop_words import STOP_WORDS

MAX_TERMS = 64
"""Different terms of a question that count."""

K1, B = 1.2, 0.75

FEW = 8
"""Up to so many pieces, each term tells something."""

COMMON = 0.5
"""A term that more of the pieces have than this share tells nothing by itself."""

NOISE = 0.1
"""What has less than this share of the best score is left out."""


class Terms(Protocol):
    """The terms of texts, which are known by their positions, from 0. Safe for several threads."""

    @property
    def lengths(self) -> Sequence[int]:
        """How many terms each text has."""
        ...

    def of(self, text: str) -> Sequence[str]:
        """The different terms of another text, in the order in which they come first."""
        ...

    def places(self, term: str) -> Iterable[tuple[int, int]]:
        """The texts that have this term, and how often."""
        ...


MakeTerms = Callable[[Iterable[str]], Terms]


class _Piece(NamedTuple):
    document: Document
    text: str
    access: int


class _Seen(NamedTuple):
    """What a reader may see: which kinds of access, and of that how many pieces and terms."""

    access: frozenset[int]
    pieces: int
    terms: int


class Index:
    """The documents of one moment. Several threads may search it at once."""

    def __init__(self, documents: Iterable[Document], make_terms: MakeTerms) -> None:
        known: dict[Acl, int] = {}
        pieces = [
            _Piece(document, chunk.told, known.setdefault(document.acl, len(known)))
            for document in sorted(documents, key=lambda each: each.id)
            for chunk in chunks(document.text)
        ]
        self._terms = make_terms(f"{each.document.title}\n\n{each.text}" for each in pieces)
        self._pieces: Sequence[_Piece] = pieces
        self._acls: Sequence[Acl] = list(known)
        self._sizes = [[0, 0] for _ in known]
        for piece, length in zip(pieces, self._terms.lengths, strict=True):
            self._sizes[piece.access][0] += 1
            self._sizes[piece.access][1] += length
        self._empty = frozenset(self._terms.of(" ".join(STOP_WORDS)))

    def search(self, query: str, *, reader: Reader, limit: int) -> Sequence[Passage]:
        """See `Knowledge.search`."""
        seen = self._seen(reader)
        if not seen.pieces:
            return []
        terms = [term for term in self._terms.of(asked(query)) if term not in self._empty]
        scores = self._scores(terms[:MAX_TERMS], seen)
        # Among equals the order of the documents counts, which is that of their ids.
        ranked = sorted(scores.items(), key=lambda each: (-each[1], each[0]))
        least = ranked[0][1] * NOISE if ranked else 0.0
        return [
            self._passage(self._pieces[place], score)
            for place, score in ranked[: max(limit, 0)]
            if score >= least
        ]

    def _seen(self, reader: Reader) -> _Seen:
        access = frozenset(n for n, acl in enumerate(self._acls) if acl.admits(reader))
        pieces, terms = (sum(self._sizes[n][which] for n in access) for which in (0, 1))
        return _Seen(access, pieces, terms)

    def _scores(self, terms: Sequence[str], seen: _Seen) -> Mapping[int, float]:
        """The score of each piece that has one of the terms, and not only common ones."""
        found: dict[int, float] = defaultdict(float)
        telling: set[int] = set()
        some_tell = False
        mean = seen.terms / seen.pieces
        for term in terms:
            places = [
                (place, count)
                for place, count in self._terms.places(term)
                if self._pieces[place].access in seen.access
            ]
            tells = seen.pieces <= FEW or len(places) <= seen.pieces * COMMON
            some_tell |= tells and bool(places)
            idf = math.log(1 + (seen.pieces - len(places) + 0.5) / (len(places) + 0.5))
            for place, count in places:
                length = self._terms.lengths[place]
                weight = count * (K1 + 1) / (count + K1 * (1 - B + B * length / mean))
                found[place] += idf * weight
                if tells:
                    telling.add(place)
        if not some_tell:
            return found
        return {place: score for place, score in found.items() if place in telling}

    def _passage(self, piece: _Piece, score: float) -> Passage:
        document = piece.document
        return Passage(
            id=document.id,
            title=document.title,
            text=piece.text,
            url=document.url,
            score=round(score, 4),
        )

"""The terms of texts by SQLite's full-text search, in memory.

It cuts texts into words, takes what is left of English words without their endings, and ignores
case and accents. Only its terms are used: its own ranking counts all texts, whoever asks.
"""

import sqlite3
import weakref
from collections.abc import Iterable, Sequence
from threading import Lock

from shared.knowledge.port import KnowledgeUnavailable

_TABLE = (
    "CREATE VIRTUAL TABLE {0} USING fts5(text, content='', "
    "tokenize='porter unicode61 remove_diacritics 2')"
)
_TERMS = "CREATE VIRTUAL TABLE {0}_terms USING fts5vocab({0}, instance)"


class SqliteTerms:
    """See `shared.knowledge.index.Terms`."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Raises KnowledgeUnavailable: this SQLite has no full-text search, or no memory."""
        self._lock = Lock()
        # Threads take turns; the lock sees to it.
        db = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        weakref.finalize(self, db.close)
        self._db = db
        try:
            for name in ("texts", "asked"):
                db.execute(_TABLE.format(name))
                db.execute(_TERMS.format(name))
            db.execute("BEGIN")
            db.executemany("INSERT INTO texts (rowid, text) VALUES (?, ?)", enumerate(texts))
            db.execute("COMMIT")
            [count] = db.execute("SELECT count(*) FROM texts").fetchone()
            lengths = [0] * count
            for place, length in db.execute("SELECT doc, count(*) FROM texts_terms GROUP BY doc"):
                lengths[place] = length
        except sqlite3.Error as fault:
            raise KnowledgeUnavailable("SQLite cannot index the documents.") from fault
        self.lengths: Sequence[int] = lengths

    def of(self, text: str) -> Sequence[str]:
        with self._lock:
            try:
                self._db.execute("INSERT INTO asked (rowid, text) VALUES (0, ?)", (text,))
                found = self._db.execute("SELECT term FROM asked_terms ORDER BY offset").fetchall()
            finally:
                self._db.execute("INSERT INTO asked (asked) VALUES ('delete-all')")
        return list(dict.fromkeys(term for (term,) in found))

    def places(self, term: str) -> Iterable[tuple[int, int]]:
        with self._lock:
            return self._db.execute(
                "SELECT doc, count(*) FROM texts_terms WHERE term = ? GROUP BY doc", (term,)
            ).fetchall()

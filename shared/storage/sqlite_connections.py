"""SQLite connections: each used by one thread at a time, and SQLite's errors as the port's.

Idle connections are kept for the next caller, so there are as many as calls overlap, and
`close` closes them all. A connection in the middle of a call belongs to that call alone.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from shared.storage.table import Conflict, TransientError, Unavailable

Trace = Callable[[str], None]

_TRANSIENT: dict[int, type[TransientError]] = {
    sqlite3.SQLITE_BUSY: Conflict,
    sqlite3.SQLITE_LOCKED: Conflict,
    sqlite3.SQLITE_FULL: Unavailable,
    sqlite3.SQLITE_IOERR: Unavailable,
}
_PRIMARY_CODE = 0xFF

# In WAL mode NORMAL survives the death of the process at any instruction. A power cut may take
# the last transactions, whole ones, and never the file.
_SETTINGS = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL")


class Connections:
    """The open connections to one database file."""

    def __init__(self, path: Path, schema: str, busy_seconds: float, trace: Trace | None) -> None:
        self._path = path
        self._schema = schema
        self._busy_seconds = busy_seconds
        self._trace = trace
        self._idle: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._writer = threading.Lock()
        self._closed = False

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection outside a transaction: each statement sees one state of the database."""
        connection: sqlite3.Connection | None = None
        try:
            connection = self._take()
            yield connection
        except sqlite3.Error as error:
            raise translated(error) from error
        finally:
            if connection is not None:
                self._give_back(connection)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection inside a transaction that commits at the end and rolls back on any error.

        `BEGIN IMMEDIATE`, because a transaction that begins by reading cannot wait for its turn
        to write: SQLite refuses it at once.
        """
        # Waiting here is quick and fair; SQLite's own waiting sleeps longer and longer.
        if not self._writer.acquire(timeout=self._busy_seconds):
            raise Conflict("another thread is writing")
        try:
            with self.reading() as connection:
                try:
                    connection.execute("BEGIN IMMEDIATE")
                    yield connection
                    connection.execute("COMMIT")
                finally:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
        finally:
            self._writer.release()

    def close(self) -> None:
        """Close every connection: the idle ones now, the others when their call ends."""
        with self._guard:
            idle, self._idle, self._closed = self._idle, [], True
        for connection in idle:
            connection.close()

    def _take(self) -> sqlite3.Connection:
        with self._guard:
            if self._closed:
                raise RuntimeError("the table is closed")
            if self._idle:
                return self._idle.pop()
        return self._open()

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._guard:
            # A rollback that failed leaves a connection that nobody should meet again.
            keep = not self._closed and not connection.in_transaction
            if keep:
                self._idle.append(connection)
        if not keep:
            connection.close()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path,
            timeout=self._busy_seconds,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            for statement in _SETTINGS:
                connection.execute(statement).close()
            connection.executescript(self._schema)
        except BaseException:
            with suppress(sqlite3.Error):
                connection.close()
            raise
        connection.set_trace_callback(self._trace)
        return connection


def translated(error: sqlite3.Error) -> Exception:
    """The port's error for one of SQLite's; the same error if trying again would not help."""
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE
    transient = _TRANSIENT.get(code)
    return transient(str(error)) if transient else error

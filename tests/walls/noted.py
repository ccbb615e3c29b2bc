"""What the product asks of its stores, queue, connections and log, written down as it happens."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from shared.messaging.wakes import Wake
from shared.storage.artifacts import Artifacts
from shared.storage.table import (
    ConditionFailed,
    Index,
    Item,
    Key,
    Operation,
    Page,
    Table,
    Update,
)

_INVOCATION = ("request", "connection", "box")
"""What every line of an invocation has, once another test has configured the logs."""

_PLAIN = frozenset(vars(logging.makeLogRecord({})))


class NotedTable:
    """An engine; `notes` has each call with the kinds of its items, the refused ones too."""

    def __init__(self, engine: Table, notes: list[str]) -> None:
        self._engine = engine
        self._notes = notes

    def get(self, keys: Sequence[Key], *, consistent: bool = True) -> list[Item | None]:
        self._notes.append(f"get {_kinds(keys)} {consistent}")
        return self._engine.get(keys, consistent=consistent)

    def query(self, pk: str, *, prefix: str = "", limit: int | None = None, **how: Any) -> Page:
        self._notes.append(f"query {pk.partition('#')[0]} {prefix} {limit} {sorted(how)}")
        return self._engine.query(pk, prefix=prefix, limit=limit, **how)

    def write(self, operations: Sequence[Operation]) -> None:
        done = [f"{type(each).__name__} {_kinds([each.key])}" for each in operations]
        self._notes.append(f"write {done}")
        try:
            self._engine.write(operations)
        except ConditionFailed as failed:
            self._notes.append(f"refused {sorted(failed.failures)}")
            raise

    def update(self, operation: Update) -> Item:
        self._notes.append(f"update {_kinds([operation.key])}")
        return self._engine.update(operation)

    def query_index(
        self, index: Index, value: str | int, *, limit: int | None = None, **how: Any
    ) -> Page:
        self._notes.append(f"index {index.name} {limit} {sorted(how)}")
        return self._engine.query_index(index, value, limit=limit, **how)

    def scan(self, *, limit: int | None = None, cursor: str | None = None) -> Page:
        self._notes.append(f"scan {limit} {cursor is not None}")
        return self._engine.scan(limit=limit, cursor=cursor)


def _kinds(keys: Sequence[Key]) -> str:
    return " ".join(f"{key.pk.partition('#')[0]}/{key.sk.partition('#')[0]}" for key in keys)


class NotedFiles:
    """Artifacts; `notes` has what is done with each."""

    def __init__(self, files: Artifacts, notes: list[str]) -> None:
        self._files = files
        self._notes = notes

    def __getattr__(self, name: str) -> Any:
        self._notes.append(f"file {name}")
        return getattr(self._files, name)


@dataclass
class Push:
    """The connection API."""

    sent: list[tuple[str, bytes]] = field(default_factory=list)

    def post(self, connection: str, data: bytes) -> bool:
        self.sent.append((connection, data))
        return True

    def close(self, connection: str) -> None:
        self.sent.append((connection, b"closed"))


@dataclass
class Queue:
    """The wakes: `sent` since somebody looked, `queued` until somebody works."""

    queued: list[Wake] = field(default_factory=list)
    sent: list[Wake] = field(default_factory=list)

    def send(self, wakes: Sequence[Wake]) -> None:
        self.queued += wakes
        self.sent += wakes


class _Ear(logging.Handler):
    def __init__(self, heard: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        given = {name: value for name, value in vars(record).items() if name not in _PLAIN}
        for name in ("message", *_INVOCATION):
            given.pop(name, None)
        self._heard.append(f"{record.levelname} {record.getMessage()} {given}")


@contextmanager
def listening(heard: list[str]) -> Iterator[None]:
    """What the core logs from now on, at every level, with its fields."""
    logger, ear = logging.getLogger("parley"), _Ear(heard)
    before = (logger.level, logger.propagate)
    logger.addHandler(ear)
    logger.setLevel(logging.DEBUG)
    # Whoever catches what tests log would print the same again.
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(ear)
        logger.setLevel(before[0])
        logger.propagate = before[1]


Rows = dict[tuple[str, str], Any]

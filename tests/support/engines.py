"""Ways to open a Table engine, as plain data: another process can open the same table."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from shared.storage.dynamodb import DynamoTable
from shared.storage.sqlite import SqliteTable
from shared.storage.table import Table
from tests.support.aws import client


class Opener(Protocol):
    """Opens the same table each time."""

    def open(self) -> AbstractContextManager[Table]: ...


@dataclass(frozen=True)
class SqliteOpener:
    path: Path

    @contextmanager
    def open(self) -> Iterator[Table]:
        table = SqliteTable(self.path)
        try:
            yield table
        finally:
            table.close()


@dataclass(frozen=True)
class DynamoOpener:
    endpoint: str
    name: str

    @contextmanager
    def open(self) -> Iterator[Table]:
        with client("dynamodb", self.endpoint) as made:
            yield DynamoTable(made, self.name)

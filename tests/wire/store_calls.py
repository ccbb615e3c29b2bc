"""Store calls as the engines make them, seen from outside: SQL statements, HTTP requests."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeGuard

from shared.storage.dynamodb import DynamoTable
from shared.storage.dynamodb_wire import item_to_wire
from shared.storage.sqlite import SqliteTable
from shared.storage.table import Item, Operation, Put, Table
from shared.storage.wrapper import _encoded
from tests.support.aws import client, fresh_table

_PAIR = re.compile(r"\(x'([0-9a-f]*)', x'([0-9a-f]*)'\)")


@dataclass(frozen=True)
class StoreCall:
    """One round trip: `name` is the operation and the kinds of the items that it names."""

    name: str
    size: int


class Wire(Protocol):
    """An engine, and the calls that it has made."""

    table: Table
    calls: list[StoreCall]

    def fill(self, items: Sequence[Item]) -> None:
        """Put many items, as quickly as the engine can."""
        ...


def _kind(pk: str, sk: str) -> str:
    return pk.split("#")[0] if pk.startswith("USAGE#") else sk.split("#")[0]


def _named(operation: str, kinds: Iterable[str]) -> str:
    """`BatchGet CONN SESS`; the counters of a day, which are many, once."""
    return " ".join(dict.fromkeys([operation, *kinds])) if operation else ""


@dataclass
class SqliteWire:
    """Reads its calls off the SQL: what stands between BEGIN and COMMIT is one, and so is each
    SELECT outside."""

    table: Table = field(init=False)
    calls: list[StoreCall] = field(default_factory=list)
    _open: list[str] | None = None

    def fill(self, items: Sequence[Item]) -> None:
        if items:
            self.table.write([_encoded(Put(item), {}) for item in items])

    def traced(self, statement: str) -> None:
        if statement.startswith("BEGIN"):
            self._open = []
        elif statement.startswith("COMMIT"):
            self._note(self._open or [])
            self._open = None
        elif self._open is not None:
            self._open.append(statement)
        elif statement.lstrip().startswith(("WITH", "SELECT")):
            self._note([statement])

    def _note(self, statements: list[str]) -> None:
        kinds = [
            _kind(bytes.fromhex(pk).decode(), bytes.fromhex(sk).decode())
            for pk, sk in _PAIR.findall(statements[0])
        ]
        size = sum(len(statement) for statement in statements)
        self.calls.append(StoreCall(_named(_operation(statements, len(kinds)), kinds), size))


def _operation(statements: list[str], keys: int) -> str:
    if len(statements) == 1:
        return "Query" if keys == 0 else "Get" if keys == 1 else "BatchGet"
    # An update reads back what it wrote.
    return "Update" if statements[-1].startswith("WITH") else "Transact"


@dataclass
class DynamoWire:
    """Hears every request of a boto3 client right before it is sent."""

    client: Any
    name: str
    table: Table = field(init=False)
    calls: list[StoreCall] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.table = DynamoTable(self.client, self.name)
        self.client.meta.events.register("before-send.dynamodb", self.sending)

    def fill(self, items: Sequence[Item]) -> None:
        # In transactions it would take minutes: moto copies the whole table for each.
        puts = [_encoded(Put(item), {}) for item in items]
        wired = [{"PutRequest": {"Item": item_to_wire(put.item)}} for put in puts if is_put(put)]
        for start in range(0, len(wired), 25):
            batch = wired[start : start + 25]
            self.client.batch_write_item(RequestItems={self.name: batch})

    def sending(self, request: Any, **_: Any) -> None:
        target = request.headers["X-Amz-Target"].decode().split(".")[1]
        body = json.loads(request.body)
        operation = target.removesuffix("Item").removesuffix("WriteItems")
        kinds = [_kind(key["pk"]["S"], key["sk"]["S"]) for key in _keys(body)]
        self.calls.append(StoreCall(_named(operation, kinds), len(request.body)))


def is_put(operation: Operation) -> TypeGuard[Put]:
    return isinstance(operation, Put)


def _keys(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for table in body.get("RequestItems", {}).values():
        yield from table["Keys"] if isinstance(table, dict) else ()
    for entry in body.get("TransactItems", ()):
        for operation in entry.values():
            yield operation.get("Key") or operation["Item"]
    if "Key" in body:
        yield body["Key"]


@contextmanager
def sqlite_wire(folder: Path) -> Iterator[Wire]:
    wire = SqliteWire()
    table = SqliteTable(folder / "parley.db", trace=wire.traced)
    wire.table = table
    try:
        yield wire
    finally:
        table.close()


@contextmanager
def dynamo_wire(endpoint: str) -> Iterator[Wire]:
    name = fresh_table(endpoint)
    with client("dynamodb", endpoint) as made:
        yield DynamoWire(made, name)

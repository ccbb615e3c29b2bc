"""An engine beneath the wrapper, with everything that goes to it and comes back weighed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.storage.checks import _size
from shared.storage.sizes import item_size
from shared.storage.table import Index, Item, Key, Operation, Page, Table, Update


@dataclass(frozen=True)
class Weighed:
    """One round trip: the bytes of the items, and changes of items, that went there and came
    back."""

    name: str
    written: int = 0
    read: int = 0


@dataclass
class Metered:
    """`Table` over an engine."""

    engine: Table
    trips: list[Weighed] = field(default_factory=list[Weighed])

    def get(self, keys: Sequence[Key], *, consistent: bool = True) -> list[Item | None]:
        found = self.engine.get(keys, consistent=consistent)
        self.trips.append(Weighed("get", read=_weight([item for item in found if item])))
        return found

    def query(self, pk: str, **options: Any) -> Page:
        page = self.engine.query(pk, **options)
        self.trips.append(Weighed("query", read=_weight(page.items)))
        return page

    def write(self, operations: Sequence[Operation]) -> None:
        self.engine.write(operations)
        self.trips.append(Weighed("write", written=sum(map(_size, operations))))

    def update(self, operation: Update) -> Item:
        item = self.engine.update(operation)
        self.trips.append(Weighed("update", written=_size(operation), read=_weight([item])))
        return item

    def query_index(self, index: Index, value: str | int, **options: Any) -> Page:
        page = self.engine.query_index(index, value, **options)
        self.trips.append(Weighed("query_index", read=_weight(page.items)))
        return page

    def scan(self, *, limit: int | None = None, cursor: str | None = None) -> Page:
        page = self.engine.scan(limit=limit, cursor=cursor)
        self.trips.append(Weighed("scan", read=_weight(page.items)))
        return page


def _weight(items: Sequence[Item]) -> int:
    return sum(item_size(item.key, item.attrs) for item in items)

"""The Table that the core sees: an engine, with retries, compression and spilling on top.

An engine stores `attrs` alone. This wrapper turns the rest of an item into reserved attributes:
`v` (schema version), `ttl`, and the body as `blob` (bytes) or, when it is too large for an
item, as `spilled`: the name of a file in Artifacts, written before the item that points at it.
A spilled body whose item was overwritten or deleted, or whose write failed, stays behind as an
orphan; deleting by `bodies.spill_prefix` removes whatever a partition has left.

Every `TransientError` is tried again, after `Unavailable` too: a write whose answer was lost
may then meet its own effect and fail its condition. So every condition is written such that
its own effect is recognisable, and every counter moves under a condition that its own effect
falsifies. A failed condition is never tried again.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from shared.clock import Clock
from shared.storage.artifacts import Artifacts, ArtifactsUnavailable
from shared.storage.bodies import SPILL_BYTES, pack, spill_name, unpack
from shared.storage.checks import (
    check_key,
    check_operation,
    check_operations,
    check_page,
    check_pk,
    check_sizes,
)
from shared.storage.expressions import Assign, Change, Default, Remove
from shared.storage.schema import Schema
from shared.storage.table import (
    MAX_GET_KEYS,
    RESERVED,
    SCHEMA_VERSION,
    ConditionFailed,
    Index,
    Item,
    Key,
    NewerItem,
    Operation,
    Page,
    Put,
    Table,
    TransientError,
    Unavailable,
    Update,
)

ATTEMPTS = 6
FIRST_WAIT = 0.05
LONGEST_WAIT = 1.0

FIRST_VERSION = 1
"""Of an item without one."""

Spills = dict[str, bytes]
Answer = TypeVar("Answer")


class ResilientTable:
    """`Table` over an engine. Spilled bodies go to `artifacts`; waits between attempts are the
    clock's."""

    def __init__(
        self, engine: Table, artifacts: Artifacts, clock: Clock, *, schema: Schema | None = None
    ) -> None:
        self._schema = schema or Schema()
        self._engine = engine
        self._artifacts = artifacts
        self._clock = clock

    def get(self, keys: Sequence[Key], *, consistent: bool = True) -> list[Item | None]:
        if len(keys) > MAX_GET_KEYS:
            raise ValueError(f"at most {MAX_GET_KEYS} keys at once")
        for key in keys:
            check_key(key)
        if not keys:
            return []

        def read() -> list[Item | None]:
            found = self._engine.get(keys, consistent=consistent)
            return [self._decoded(item) if item else None for item in found]

        return self._retried(read)

    def query(
        self,
        pk: str,
        *,
        prefix: str = "",
        descending: bool = False,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page:
        check_pk(pk)
        check_page(limit, prefix, cursor)

        def read() -> Page:
            page = self._engine.query(
                pk, prefix=prefix, descending=descending, limit=limit, cursor=cursor
            )
            return self._decoded_page(page)

        return self._retried(read)

    def write(self, operations: Sequence[Operation]) -> None:
        check_operations(operations)
        if not operations:
            return
        stored = self._spilled(operations)
        self._written(self._engine.write, stored)

    def update(self, operation: Update) -> Item:
        check_operation(operation)
        (stored,) = self._spilled([operation])
        assert isinstance(stored, Update)  # noqa: S101
        item = self._written(self._engine.update, stored)
        return self._retried(self._decoded, item)

    def query_index(
        self,
        index: Index,
        value: str | int,
        *,
        up_to: int | None = None,
        descending: bool = False,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page:
        check_page(limit)

        def read() -> Page:
            page = self._engine.query_index(
                index, value, up_to=up_to, descending=descending, limit=limit, cursor=cursor
            )
            return self._decoded_page(page)

        return self._retried(read)

    def scan(self, *, limit: int | None = None, cursor: str | None = None) -> Page:
        check_page(limit)
        page = self._retried(lambda: self._engine.scan(limit=limit, cursor=cursor))
        return Page([_bare(item) for item in page.items], page.cursor)

    def _retried(self, attempt: Callable[..., Answer], *args: Any) -> Answer:
        retrying = Retrying(
            retry=retry_if_exception(_is_worth_it),
            wait=wait_random_exponential(multiplier=FIRST_WAIT, max=LONGEST_WAIT),
            stop=stop_after_attempt(ATTEMPTS),
            sleep=self._clock.sleep,
            reraise=True,
        )
        return retrying(attempt, *args)

    def _written(self, attempt: Callable[..., Answer], *args: Any) -> Answer:
        """Like `_retried`; the items of a failed condition come decoded."""
        try:
            return self._retried(attempt, *args)
        except ConditionFailed as failed:
            refusal = failed
        failures = {
            position: self._retried(self._decoded, item) if item else None
            for position, item in refusal.failures.items()
        }
        raise ConditionFailed(failures) from refusal

    def _spilled(self, operations: Sequence[Operation]) -> list[Operation]:
        """The operations as the engine gets them, after their large bodies were written."""
        spills: Spills = {}
        stored = [_encoded(operation, spills) for operation in operations]
        check_sizes(stored)
        for name, data in spills.items():
            self._retried(self._spill, name, data)
        return stored

    def _spill(self, name: str, data: bytes) -> None:
        try:
            self._artifacts.put(name, data)
        except ArtifactsUnavailable as error:
            raise Unavailable("a large body could not be written") from error

    def _fetched(self, name: str) -> bytes:
        try:
            data = self._artifacts.get(name)
        except ArtifactsUnavailable as error:
            raise Unavailable("a large body could not be read") from error
        if data is None:
            # Deleted with its partition since the item was read: reading again will show that.
            raise Unavailable("a large body is missing")
        return data

    def _decoded(self, stored: Item) -> Item:
        attrs = {name: value for name, value in stored.attrs.items() if name not in RESERVED}
        blob: bytes | None = stored.attrs.get("blob")
        if "spilled" in stored.attrs:
            blob = self._fetched(stored.attrs["spilled"])
        item = Item(
            stored.key,
            attrs,
            body=None if blob is None else unpack(blob),
            ttl=stored.attrs.get("ttl"),
            version=stored.attrs.get("v", FIRST_VERSION),
        )
        return self._schema.read(item)

    def _decoded_page(self, page: Page) -> Page:
        return Page([self._decoded(item) for item in page.items], page.cursor)


def _bare(stored: Item) -> Item:
    """The item without its body."""
    attrs = {name: value for name, value in stored.attrs.items() if name not in RESERVED}
    version = stored.attrs.get("v", FIRST_VERSION)
    return Item(stored.key, attrs, ttl=stored.attrs.get("ttl"), version=version)


def _is_worth_it(fault: BaseException) -> bool:
    """Whether trying again may help."""
    return isinstance(fault, TransientError) and not isinstance(fault, NewerItem)


def _encoded(operation: Operation, spills: Spills) -> Operation:
    match operation:
        case Put(item):
            attrs: dict[str, Any] = {**item.attrs, "v": item.version}
            if item.ttl is not None:
                attrs["ttl"] = item.ttl
            if item.body is not None:
                name, value = _stored_body(item.key.pk, item.body, spills)
                attrs[name] = value
            return replace(operation, item=Item(item.key, attrs))
        case Update():
            changes = [*operation.changes, *_reserved_changes(operation, spills)]
            return replace(operation, changes=changes, body=None, ttl=None)
    return operation


def _reserved_changes(operation: Update, spills: Spills) -> list[Change]:
    # An update may make the item.
    changes: list[Change] = [Default(("v",), SCHEMA_VERSION)]
    if operation.ttl is not None:
        changes.append(Assign(("ttl",), operation.ttl))
    if operation.body is not None:
        name, value = _stored_body(operation.key.pk, operation.body, spills)
        other = "spilled" if name == "blob" else "blob"
        changes += [Assign((name,), value), Remove((other,))]
    return changes


def _stored_body(pk: str, body: Any, spills: Spills) -> tuple[str, str | bytes]:
    """The attribute that stands for the body; one that is too large is added to `spills`."""
    data = pack(body)
    if len(data) <= SPILL_BYTES:
        return "blob", data
    name = spill_name(pk)
    spills[name] = data
    return "spilled", name

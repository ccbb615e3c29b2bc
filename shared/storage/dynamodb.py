"""The Table engine on DynamoDB: one table, two sparse global indexes.

An engine below `wrapper.py`: its items have no `body` and no `ttl`; everything is in `attrs`,
the port's reserved attributes included. The table has the keys `pk` and `sk` (both S) and the
indexes `due` (due_shard N, due N; projects `until`) and `owned` (owned_by S, listed_at N; keys
only).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.config import Config

from shared.storage.cursors import (
    IndexPosition,
    index_cursor,
    index_position,
    scan_cursor,
    scan_position,
)
from shared.storage.dynamodb_errors import translated
from shared.storage.dynamodb_expressions import Expressions
from shared.storage.dynamodb_wire import (
    Wire,
    from_wire,
    item_from_wire,
    item_to_wire,
    key_to_wire,
    to_wire,
)
from shared.storage.table import (
    Check,
    Delete,
    Index,
    Item,
    Key,
    Operation,
    Page,
    Put,
    Throttled,
    Update,
)

_CONNECTIONS = 32


def client_config() -> Config:
    """How the client given to `DynamoTable` is to be made.

    One attempt: the wrapper retries what botocore does not know to be harmless (conflicts) and
    what it would retry behind the caller's back, and waits on the port's clock. Short time-outs:
    an answer comes within milliseconds, and a lease must not run out while waiting for one.
    """
    return Config(
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=2,
        read_timeout=5,
        max_pool_connections=_CONNECTIONS,
    )


class DynamoTable:
    """One DynamoDB table, through a low-level boto3 client (see `client_config`)."""

    def __init__(self, client: Any, table_name: str) -> None:
        self._client = client
        self._name = table_name

    def get(self, keys: Sequence[Key], *, consistent: bool = True) -> list[Item | None]:
        if len(keys) == 1:
            with translated():
                answer = self._client.get_item(
                    TableName=self._name, Key=key_to_wire(keys[0]), ConsistentRead=consistent
                )
            return [item_from_wire(answer["Item"]) if answer.get("Item") else None]
        found = self._get_batch(list(dict.fromkeys(keys)), consistent)
        return [found.get(key) for key in keys]

    def query(
        self,
        pk: str,
        *,
        prefix: str = "",
        descending: bool = False,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page:
        if cursor is not None and not (cursor and cursor.startswith(prefix)):
            # DynamoDB refuses to begin outside the range: all of it follows, or nothing does.
            before_all = not cursor or cursor < prefix
            if before_all == descending:
                return Page([], None)
            cursor = None
        terms = Expressions()
        condition = f"{terms.name('pk')} = {terms.value(pk)}"
        if prefix:
            condition += f" AND begins_with({terms.name('sk')}, {terms.value(prefix)})"
        start = None if cursor is None else key_to_wire(Key(pk, cursor))
        answer = self._query(terms, condition, descending, limit, start, ConsistentRead=True)
        last = answer.get("LastEvaluatedKey")
        return Page(_items(answer), last["sk"]["S"] if last else None)

    def write(self, operations: Sequence[Operation]) -> None:
        with translated():
            match operations:
                case [Put() as put]:
                    self._client.put_item(**self._put(put))
                case [Update() as update]:
                    self._client.update_item(**self._update(update))
                case [Delete() as delete]:
                    self._client.delete_item(**self._delete(delete))
                case _:
                    items = [self._transact_item(operation) for operation in operations]
                    self._client.transact_write_items(TransactItems=items)

    def update(self, operation: Update) -> Item:
        with translated():
            answer = self._client.update_item(**self._update(operation), ReturnValues="ALL_NEW")
        return item_from_wire(answer["Attributes"])

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
        terms = Expressions()
        condition = f"{terms.name(index.hash)} = {terms.value(value)}"
        if up_to is not None:
            condition += f" AND {terms.name(index.range)} <= {terms.value(up_to)}"
        start = None if cursor is None else _index_start(index, value, index_position(cursor))
        answer = self._query(terms, condition, descending, limit, start, IndexName=index.name)
        return Page(_items(answer), _index_cursor(index, answer.get("LastEvaluatedKey")))

    def scan(self, *, limit: int | None = None, cursor: str | None = None) -> Page:
        rest: dict[str, Any] = {} if limit is None else {"Limit": limit}
        if cursor is not None:
            rest["ExclusiveStartKey"] = key_to_wire(scan_position(cursor))
        with translated():
            answer = self._client.scan(TableName=self._name, ConsistentRead=True, **rest)
        last = answer.get("LastEvaluatedKey")
        after = scan_cursor(Key(last["pk"]["S"], last["sk"]["S"])) if last else None
        return Page(_items(answer), after)

    def _query(
        self,
        terms: Expressions,
        condition: str,
        descending: bool,
        limit: int | None,
        start: Wire | None,
        **rest: Any,
    ) -> Mapping[str, Any]:
        if limit is not None:
            rest["Limit"] = limit
        if start is not None:
            rest["ExclusiveStartKey"] = start
        with translated():
            answer: Mapping[str, Any] = self._client.query(
                TableName=self._name,
                KeyConditionExpression=condition,
                ScanIndexForward=not descending,
                **terms.placeholders(),
                **rest,
            )
        return answer

    def _get_batch(self, keys: Sequence[Key], consistent: bool) -> dict[Key, Item]:
        found: dict[Key, Item] = {}
        wanted = [key_to_wire(key) for key in keys]
        while wanted:
            request = {self._name: {"Keys": wanted, "ConsistentRead": consistent}}
            with translated():
                answer = self._client.batch_get_item(RequestItems=request)
            for wire in answer["Responses"].get(self._name, ()):
                item = item_from_wire(wire)
                found[item.key] = item
            left = answer.get("UnprocessedKeys", {}).get(self._name, {}).get("Keys", [])
            if len(left) == len(wanted):
                raise Throttled("no key of a batch was read")
            wanted = left
        return found

    def _transact_item(self, operation: Operation) -> dict[str, Any]:
        match operation:
            case Put():
                return {"Put": self._put(operation)}
            case Update():
                return {"Update": self._update(operation)}
            case Delete():
                return {"Delete": self._delete(operation)}
            case Check():
                return {"ConditionCheck": self._delete(operation)}

    def _put(self, put: Put) -> dict[str, Any]:
        return self._request(Expressions(), put, Item=item_to_wire(put.item))

    def _update(self, update: Update) -> dict[str, Any]:
        terms = Expressions()
        expression = terms.update(update.changes)
        key = key_to_wire(update.key)
        return self._request(terms, update, Key=key, UpdateExpression=expression)

    def _delete(self, operation: Delete | Check) -> dict[str, Any]:
        return self._request(Expressions(), operation, Key=key_to_wire(operation.key))

    def _request(self, terms: Expressions, operation: Operation, **own: Any) -> dict[str, Any]:
        if operation.condition is not None:
            own["ConditionExpression"] = terms.condition(operation.condition)
            own["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        return {"TableName": self._name, **own, **terms.placeholders()}


def _items(answer: Mapping[str, Any]) -> list[Item]:
    return [item_from_wire(wire) for wire in answer.get("Items", ())]


def _index_start(index: Index, value: str | int, position: IndexPosition) -> Wire:
    own = {index.hash: to_wire(value), index.range: to_wire(position.range)}
    return {**key_to_wire(position.key), **own}


def _index_cursor(index: Index, last: Mapping[str, Any] | None) -> str | None:
    if not last:
        return None
    key = Key(last["pk"]["S"], last["sk"]["S"])
    return index_cursor(IndexPosition(from_wire(last[index.range]), key))

"""What the Table port accepts. Everything here raises ValueError, before anything is written."""

from collections.abc import Iterable, Sequence
from typing import Any

from shared.storage.expressions import (
    All,
    AnyOf,
    Append,
    Assign,
    Attribute,
    Change,
    Compare,
    Condition,
    Default,
    Extend,
    Increment,
    Not,
    Path,
    Present,
    SizeBelow,
)
from shared.storage.sizes import item_size, value_size
from shared.storage.table import (
    DUE,
    MAX_ITEM_BYTES,
    MAX_NUMBER,
    MAX_TRANSACTION_BYTES,
    MAX_TRANSACTION_ITEMS,
    OWNED,
    RESERVED,
    Check,
    Item,
    Key,
    Operation,
    Put,
    Update,
)

MAX_PK_BYTES = 2048
MAX_SK_BYTES = 1024
MAX_DEPTH = 30
_INDEX_NUMBERS = frozenset({DUE.hash, DUE.range, OWNED.range})
_INDEX_NUMBER_LIMIT = 2**63


def check_operations(operations: Sequence[Operation]) -> None:
    """Up to 100 operations, each on an item of its own, each one well formed."""
    if len(operations) > MAX_TRANSACTION_ITEMS:
        raise ValueError(f"a transaction may have {MAX_TRANSACTION_ITEMS} operations")
    if len({operation.key for operation in operations}) < len(operations):
        raise ValueError("a transaction names an item twice")
    for operation in operations:
        check_operation(operation)


def check_operation(operation: Operation) -> None:
    check_key(operation.key)
    if operation.condition is not None:
        _check_condition(operation.condition)
    elif isinstance(operation, Check):
        raise ValueError("a check needs a condition")
    if isinstance(operation, Put):
        _check_item(operation.item)
    elif isinstance(operation, Update):
        _check_update(operation)


def check_sizes(operations: Sequence[Operation]) -> None:
    """Each item, and all together, as they go to the engine.

    What an update finds in the table is not known here; the engine checks the item it makes.
    """
    sizes = [_size(operation) for operation in operations]
    if max(sizes) > MAX_ITEM_BYTES:
        raise ValueError(f"the attributes of an item have more than {MAX_ITEM_BYTES} bytes")
    if sum(sizes) > MAX_TRANSACTION_BYTES:
        raise ValueError(f"a transaction has more than {MAX_TRANSACTION_BYTES} bytes")


def _size(operation: Operation) -> int:
    if isinstance(operation, Put):
        return item_size(operation.key, operation.item.attrs)
    changes = operation.changes if isinstance(operation, Update) else ()
    values: list[Any] = []
    for change in changes:
        match change:
            case Assign(_, value) | Append(_, value):
                values.append(value)
            case Extend(_, many):
                values += many
    return item_size(operation.key, {}) + sum(map(value_size, values))


def check_key(key: Key) -> None:
    check_pk(key.pk)
    if not 1 <= len(_utf8(key.sk)) <= MAX_SK_BYTES:
        raise ValueError(f"a sort key has 1 to {MAX_SK_BYTES} bytes")


def check_pk(pk: str) -> None:
    if not 1 <= len(_utf8(pk)) <= MAX_PK_BYTES:
        raise ValueError(f"a partition key has 1 to {MAX_PK_BYTES} bytes")


def check_page(limit: int | None, *texts: str | None) -> None:
    """The limit of a page, and the prefix and cursor of a query."""
    if limit is not None and limit < 1:
        raise ValueError("a page has at least one item")
    for text in texts:
        if text is not None and len(_utf8(text)) > MAX_SK_BYTES:
            raise ValueError("a prefix or cursor is longer than any sort key")


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("a text has a lone surrogate") from error


def _check_value(value: Any, depth: int = 0) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"a value is nested more than {MAX_DEPTH} deep")
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, str):
        _utf8(value)
    elif isinstance(value, int):
        if abs(value) > MAX_NUMBER:
            raise ValueError("a number has more than 38 digits")
    elif isinstance(value, list):
        for element in value:
            _check_value(element, depth + 1)
    elif isinstance(value, dict):
        for name, element in value.items():
            _check_name(name)
            _check_value(element, depth + 1)
    else:
        raise ValueError(f"an attribute cannot be {type(value).__name__}; that goes in the body")  # noqa: TRY004


def _check_name(name: Any) -> None:
    if not isinstance(name, str) or not name:
        raise ValueError("a name in an attribute must be a text that is not empty")
    _utf8(name)


def _check_item(item: Item) -> None:
    for name, value in item.attrs.items():
        _check_attr(name, value)
    _check_value([item.ttl, item.version])


def _check_attr(name: str, value: Any) -> None:
    _check_name(name)
    if name in RESERVED:
        raise ValueError(f"the attribute {name} is the port's own")
    _check_value(value)
    if name in _INDEX_NUMBERS:
        number = isinstance(value, int) and not isinstance(value, bool)
        if not number or abs(value) >= _INDEX_NUMBER_LIMIT:
            raise ValueError(f"{name} is in an index and must be a number of 64 bits")
    if name == OWNED.hash and not (
        isinstance(value, str) and 1 <= len(_utf8(value)) <= MAX_PK_BYTES
    ):
        raise ValueError(f"{name} is in an index and must be a text like a partition key")


def _check_update(operation: Update) -> None:
    if not operation.changes and operation.body is None and operation.ttl is None:
        raise ValueError("an update must change something; a Check changes nothing")
    for change in operation.changes:
        _check_change(change)
    check_apart([change.path for change in operation.changes])


def _check_change(change: Change) -> None:
    _check_path(change.path)
    if change.path[0] in RESERVED:
        raise ValueError(f"the attribute {change.path[0]} is the port's own")
    match change:
        case Assign(path, value) if len(path) == 1:
            _check_attr(str(path[0]), value)
        case Assign(path, value) | Default(path, value) | Append(path, value):
            _check_value(value)
        case Extend(path, values):
            _check_value(list(values))
        case Increment(path, by):
            _check_value(by)


def _check_path(path: Path) -> None:
    if not path or not isinstance(path[0], str):
        raise ValueError("a path begins with the name of an attribute")
    for step in path:
        if isinstance(step, str):
            _check_name(step)
        elif isinstance(step, bool) or step < 0:
            raise ValueError("a path has names and list indexes from 0")


def check_apart(paths: Sequence[Path]) -> None:
    """No path is inside another one, and none treats as a list what another treats as a map."""
    for position, path in enumerate(paths):
        for other in paths[position + 1 :]:
            apart = [(one, two) for one, two in zip(path, other, strict=False) if one != two]
            if not apart or type(apart[0][0]) is not type(apart[0][1]):
                raise ValueError(f"the changes of {path} and {other} overlap")


def _check_condition(condition: Condition) -> None:
    match condition:
        case All(parts) | AnyOf(parts):
            _check_parts(parts)
        case Not(part):
            _check_condition(part)
        case Present(path):
            _check_path(path)
        case SizeBelow(path, limit):
            _check_path(path)
            _check_value(limit)
        case Compare(path):
            _check_path(path)
            _check_operand(condition)
        case _:
            raise ValueError(f"not a condition: {condition!r}")


def _check_parts(parts: Iterable[Condition]) -> None:
    listed = list(parts)
    if not listed:
        raise ValueError("a condition without parts")
    for part in listed:
        _check_condition(part)


def _check_operand(compare: Compare) -> None:
    operand = compare.operand
    if isinstance(operand, Attribute):
        _check_path(operand.path)
        return
    _check_value(operand)
    ordered = isinstance(operand, str | int) and not isinstance(operand, bool)
    if compare.operator not in ("=", "<>") and not ordered:
        raise ValueError("only texts and numbers have an order")

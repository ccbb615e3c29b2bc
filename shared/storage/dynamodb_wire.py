"""Values as DynamoDB's JSON spells them. Numbers are integers on both sides, never Decimal."""

from collections.abc import Mapping
from typing import Any

from shared.storage.table import Item, Key

Wire = dict[str, Any]


def to_wire(value: Any) -> Wire:
    """`{"N": "1"}` and the like. Bool is tested first, because Python takes it for an int."""
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(int(value))}
        case str():
            return {"S": value}
        case bytes():
            return {"B": value}
        case list():
            return {"L": [to_wire(element) for element in value]}
        case dict():
            return {"M": {name: to_wire(element) for name, element in value.items()}}
    raise TypeError(f"DynamoDB cannot hold {type(value).__name__}")


def from_wire(wire: Mapping[str, Any]) -> Any:
    """The value that `to_wire` was given."""
    ((kind, value),) = wire.items()
    match kind:
        case "NULL":
            return None
        case "N":
            return int(value)
        case "L":
            return [from_wire(element) for element in value]
        case "M":
            return {name: from_wire(element) for name, element in value.items()}
        case "B":
            return bytes(value)
    return value


def key_to_wire(key: Key) -> Wire:
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def item_to_wire(item: Item) -> Wire:
    attrs = {name: to_wire(value) for name, value in item.attrs.items()}
    return {**key_to_wire(item.key), **attrs}


def item_from_wire(wire: Mapping[str, Any]) -> Item:
    attrs = {name: from_wire(value) for name, value in wire.items()}
    return Item(Key(attrs.pop("pk"), attrs.pop("sk")), attrs)

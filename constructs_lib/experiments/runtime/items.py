"""Values as DynamoDB's low-level client has them. Its high-level one takes longer to load than to work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, TypeAlias

Attribute: TypeAlias = dict[str, Any]
Item: TypeAlias = dict[str, Attribute]


def encoded(value: object) -> Attribute:
    """A value as an attribute."""
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case int() | Decimal():
            return {"N": str(value)}
        case float():
            return {"N": repr(value)}
        case str():
            return {"S": value}
        case Mapping():
            return {"M": item(value)}
        case list() | tuple():
            return {"L": [encoded(each) for each in value]}
    raise TypeError(f"no attribute can hold {value!r}")


def item(values: Mapping[str, object]) -> Item:
    """Named values as an item, or as a map."""
    return {name: encoded(value) for name, value in values.items()}


def decoded(attribute: Mapping[str, Any]) -> Any:
    """The value of an attribute; a number is a Decimal."""
    ((kind, value),) = attribute.items()
    match kind:
        case "N":
            return Decimal(value)
        case "M":
            return values(value)
        case "L":
            return [decoded(each) for each in value]
        case "NULL":
            return None
        case "S" | "BOOL":
            return value
    raise TypeError(f"no attribute of the ledger is of type {kind}")


def values(of: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The values of an item."""
    return {name: decoded(attribute) for name, attribute in of.items()}


def found(client: Any, table: str, partition: str, *, since: str = "", until: str = "") -> Iterator[Item]:
    """The items of a partition with `since` ≤ sk < `until` in their order, page by page, as they are now."""
    asked = {
        "TableName": table,
        "ConsistentRead": True,
        "KeyConditionExpression": "pk = :pk AND sk >= :since",
        "ExpressionAttributeValues": {":pk": {"S": partition}, ":since": {"S": since or " "}},
    }
    for page in client.get_paginator("query").paginate(**asked):
        for each in page["Items"]:
            if until and each["sk"]["S"] >= until:
                return
            yield each

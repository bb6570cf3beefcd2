"""A DynamoDB table in memory, behind real boto3 clients: they check and serialize each request as ever.

It knows the expressions that the functions of experiments use, and refuses every other.
"""

from __future__ import annotations

import json
from decimal import Context, Decimal, Inexact, Overflow
from functools import cache
from typing import Any

import boto3
from botocore.model import OperationModel

Params = dict[str, Any]
Item = dict[str, dict[str, Any]]

_NUMBERS = Context(prec=38, Emin=-130, Emax=125, traps=[Inexact, Overflow])
"""What a number of DynamoDB holds; a sum that it would round is an error here."""


class Refusal(Exception):
    """DynamoDB refuses the call."""

    def __init__(self, code: str, **more: Any) -> None:
        super().__init__(code)
        self.answer = {"Error": {"Code": code, "Message": code}, **more}


class MemoryTable:
    """What is in it, and what was called."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Item] = {}
        self.calls: list[str] = []
        self.sizes: list[int] = []
        """Bytes of each call's parameters, roughly."""

    def client(self) -> Any:
        """A client of its own, so that hooks on it touch no other."""
        client = _session().client("dynamodb")
        client.meta.events.register("provide-client-params.dynamodb.*", self._remember)
        client.meta.events.register_last("before-call.dynamodb.*", self._short_circuit)
        return client

    def partition(self, pk: str) -> dict[str, Item]:
        """The items of a partition."""
        return {sk: item for (each, sk), item in sorted(self.items.items()) if each == pk}

    def _remember(self, params: Params, context: Params, **_: object) -> None:
        context["given"] = params

    def _short_circuit(self, model: OperationModel, context: Params, **_: object) -> tuple[Any, Params]:
        self.calls.append(model.name)
        status, parsed = 200, {}
        try:
            parsed = getattr(self, f"_{model.name}")(**context["given"])
        except Refusal as refusal:
            status, parsed = 400, refusal.answer
        metadata = {"HTTPStatusCode": status}
        return type("Response", (), {"status_code": status}), {**parsed, "ResponseMetadata": metadata}

    # --- operations -----------------------------------------------------------------------------------

    def _GetItem(self, Key: Item, **_: object) -> Params:  # noqa: N802, N803
        found = self.items.get(_key(Key))
        return {} if found is None else {"Item": found}

    def _PutItem(self, **put: Any) -> Params:  # noqa: N802
        self._check(put)
        self._write("Put", put)
        return {}

    def _UpdateItem(self, **update: Any) -> Params:  # noqa: N802
        self._check(update)
        self._write("Update", update)
        return {}

    def _BatchGetItem(self, RequestItems: Params) -> Params:  # noqa: N802, N803
        ((table, asked),) = RequestItems.items()
        keys = [_key(key) for key in asked["Keys"]]
        if len(keys) > 100 or len(set(keys)) < len(keys):
            raise Refusal("ValidationException")
        # One key is left for later, so that whoever does not ask again is found out.
        now, later = (keys[:-1], asked["Keys"][-1:]) if len(keys) > 1 else (keys, [])
        left = {"UnprocessedKeys": {table: {"Keys": later, "ConsistentRead": True}}} if later else {}
        return {"Responses": {table: [self.items[key] for key in now if key in self.items]}, **left}

    def _Query(self, **query: Any) -> Params:  # noqa: N802
        assert query["KeyConditionExpression"] == "pk = :pk AND sk >= :since"
        values = query["ExpressionAttributeValues"]
        start = query.get("ExclusiveStartKey", {}).get("sk", {}).get("S", "")
        found = [
            item
            for sk, item in self.partition(values[":pk"]["S"]).items()
            if sk >= values[":since"]["S"] and sk > start
        ]
        page = found[:2]  # short pages, for the same reason
        last = {"LastEvaluatedKey": {name: page[-1][name] for name in ("pk", "sk")}} if len(found) > 2 else {}
        return {"Items": page, "Count": len(page), "ScannedCount": len(page), **last}

    def _TransactWriteItems(self, TransactItems: list[Params], **_: object) -> Params:  # noqa: N802, N803
        writes = [next(iter(each.items())) for each in TransactItems]
        keys = [_key(write.get("Item") or write["Key"]) for _, write in writes]
        if len(keys) > 100 or len(set(keys)) < len(keys):
            raise Refusal("ValidationException")
        reasons = [self._refusal(write) for _, write in writes]
        if any(reason["Code"] != "None" for reason in reasons):
            raise Refusal("TransactionCanceledException", CancellationReasons=reasons)
        self.sizes.append(len(json.dumps(TransactItems)))
        for kind, write in writes:
            self._write(kind, write)
        return {}

    # --- expressions ----------------------------------------------------------------------------------

    def _check(self, write: Params) -> None:
        if self._refusal(write)["Code"] != "None":
            raise Refusal("ConditionalCheckFailedException", **self._old(write))

    def _refusal(self, write: Params) -> Params:
        condition = write.get("ConditionExpression")
        if condition is None or any(self._holds(each, write) for each in condition.split(" OR ")):
            return {"Code": "None"}
        return {
            "Code": "ConditionalCheckFailed",
            "Message": "The conditional request failed",
            **self._old(write),
        }

    def _old(self, write: Params) -> Params:
        old = self.items.get(_key(write.get("Item") or write["Key"]))
        wanted = write.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        return {"Item": old} if old is not None and wanted else {}

    def _holds(self, condition: str, write: Params) -> bool:
        old = self.items.get(_key(write.get("Item") or write["Key"]))
        if condition == "attribute_not_exists(pk)":
            return old is None
        name, sign, placeholder = condition.split()
        have = None if old is None else old.get(name)
        given = write["ExpressionAttributeValues"][placeholder]
        match sign:
            case "=":
                return have is not None and _value(have) == _value(given)
            case "<>":
                return have is None or _value(have) != _value(given)
            case "<=":
                return have is not None and _value(have) <= _value(given)
        raise AssertionError(condition)

    def _write(self, kind: str, write: Params) -> None:
        if kind == "Put":
            _check_numbers(write["Item"])
            self.items[_key(write["Item"])] = write["Item"]
            return
        assert kind == "Update"
        verb, _, assignments = write["UpdateExpression"].partition(" ")
        item = dict(self.items.get(_key(write["Key"]), write["Key"]))
        names, values = write.get("ExpressionAttributeNames", {}), write["ExpressionAttributeValues"]
        for assignment in assignments.split(", "):
            name, *equals, placeholder = assignment.split()
            assert equals == ([] if verb == "ADD" else ["="])
            name = names.get(name, name)
            if verb == "ADD":
                have = _value(item.get(name, {"N": "0"}))
                item[name] = {"N": str(_NUMBERS.add(have, _value(values[placeholder])))}
            else:
                assert verb == "SET"
                item[name] = values[placeholder]
        self.items[_key(item)] = item


@cache
def _session() -> boto3.Session:
    return boto3.Session("test", "test", region_name="eu-west-1")


def _key(item: Item) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _value(attribute: dict[str, Any]) -> Any:
    ((kind, value),) = attribute.items()
    return _NUMBERS.create_decimal(value) if kind == "N" else value


def _check_numbers(item: Item) -> None:
    for attribute in item.values():
        if "N" in attribute:
            number = Decimal(attribute["N"])
            assert number == 0 or -130 <= number.adjusted() <= 125
            assert number.is_finite()
            _value(attribute)

"""The private names of ministack's Glue that partitions need; emulator.py's companion."""

from __future__ import annotations

import contextvars
import json
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core import iam_actions, iam_evaluator, responses
from ministack.services import glue

from .emulator import Response

Request = Mapping[str, Any]
Table = Mapping[str, Any]
Partition = Mapping[str, Any]
_needed: contextvars.ContextVar[tuple[str, ...]] = contextvars.ContextVar("needed_of_glue", default=())
Check = Callable[[Table | None, Request], tuple[str, str] | None]


def check(operations: tuple[str, ...], refuse: Check) -> None:
    """Let `refuse` (the table if there is one, request) say the code and the message of a refusal."""
    for name in operations:
        setattr(glue, name, _checked(getattr(glue, name), refuse))


def _checked(plain: Callable[[Request], Response], refuse: Check) -> Callable[[Request], Response]:
    def perform(data: Request) -> Response:
        table = glue._tables.get(f"{data.get('DatabaseName')}/{data.get('TableName')}")
        why = refuse(table, data)
        if why is None:
            return plain(data)
        response: Response = responses.error_response_json(*why, 400)
        return response

    return perform


def choose_partitions(choose: Callable[[list[Partition], Table, str], list[Partition]]) -> None:
    """Let `choose` (partitions, table, expression) answer GetPartitions with an expression."""
    plain = glue._get_partitions

    def get(data: Request) -> Response:
        response: Response = plain(data)
        expression = data.get("Expression")
        if not expression or response[0] != 200:
            return response
        table = glue._tables[f"{data['DatabaseName']}/{data['TableName']}"]
        found = json.loads(response[2])["Partitions"]
        chosen: Response = responses.json_response({"Partitions": choose(found, table, expression)})
        return chosen

    glue._get_partitions = get


def ask_for_all(resources: Callable[[Request, str], list[str]]) -> None:
    """Let `resources` (request, the beginning of ARNs) say all that a request needs the right on."""
    extract, enforce = iam_actions.extract_resource_arn, iam_evaluator.enforce

    def extracted(service: str, *given: Any) -> str:
        _needed.set(())
        if service == "glue":
            body, region, account = given[3], given[5], given[6]
            _needed.set(tuple(resources(_parsed(body), f"arn:aws:glue:{region}:{account}:")))
        return _needed.get()[0] if _needed.get() else str(extract(service, *given))

    def enforced(key: str, action: str, service: str, region: str, **named: Any) -> Any:
        denied = enforce(key, action, service, region, **named)
        for arn in _needed.get()[1:] if service == "glue" else ():
            denied = denied or enforce(key, action, service, region, **{**named, "resource_arn": arn})
        return denied

    iam_actions.extract_resource_arn, iam_evaluator.enforce = extracted, enforced


def _parsed(body: bytes) -> Request:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}

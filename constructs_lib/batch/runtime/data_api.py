"""Calls of the RDS Data API: values as it takes them, and trying again while a cluster wakes up."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

Fields = list[dict[str, Any]]
"""Named parameters of a statement."""

_WAITS = (1, 2, 4, 8, 8, 8, 8, 8)
"""Seconds between tries: a paused cluster resumes in about 15, or 30 after a day."""
_AGAIN = frozenset(
    (
        "DatabaseResumingException",
        "DatabaseUnavailableException",
        "InternalServerErrorException",
        "ServiceUnavailableError",
        "ThrottlingException",
    )
)
_AGAIN_WHEN_TOLD = ("Communications link failure", "is resuming", "deadlock detected", "SQLState: 40")
"""In the message of any error. 40 is the class of transactions that were rolled back."""


def execute(client: Any, asked: Mapping[str, Any], before: Callable[[], None]) -> dict[str, Any]:
    """Run a statement, again and again while the cluster is on its way; its other errors are raised.

    :param before: called before each try; it raises when there is no time left.
    """
    for wait in (*_WAITS, None):
        before()
        try:
            told: dict[str, Any] = client.execute_statement(**asked)
        except ClientError as error:
            if wait is None or not is_passing(error):
                raise
            time.sleep(wait)
        else:
            return told
    raise AssertionError("the last try returns or raises")


def is_passing(error: ClientError) -> bool:
    """Whether a statement that failed may go through when it is run again as it is.

    A paused cluster says so in one of several ways (*inferred* from reports of others: the older ones are a
    BadRequestException that begins with "Communications link failure"). A statement that took too long would
    take too long again.
    """
    told = error.response["Error"]
    if told["Code"] == "StatementTimeoutException":
        return False
    return told["Code"] in _AGAIN or any(each in told.get("Message", "") for each in _AGAIN_WHEN_TOLD)


def field(name: str, value: str | int | float | bool | None) -> dict[str, Any]:
    """A value as a parameter."""
    if value is None:
        return {"name": name, "value": {"isNull": True}}
    kind = {str: "stringValue", bool: "booleanValue", int: "longValue", float: "doubleValue"}[type(value)]
    return {"name": name, "value": {kind: value}}


def plain(given: Mapping[str, Any]) -> Any:
    """A value as a row of an answer has it."""
    ((kind, value),) = given.items()
    return None if kind == "isNull" else value

"""How a custom resource answers CloudFormation."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from typing import Any

_LONGEST_ANSWER = 4096  # bytes; a longer one is none, and CloudFormation waits until its timeout
_LONGEST_REASON = 1500


def answer(
    event: Mapping[str, Any],
    *,
    physical_id: str,
    failure: str = "",
    attributes: Mapping[str, str] | None = None,
) -> None:
    """Tell CloudFormation how it went; an empty `failure` is success.

    :param attributes: what ``Fn::GetAtt`` gives: small, since an answer has 4 KB.
    """
    told: dict[str, Any] = {
        "Status": "FAILED" if failure else "SUCCESS",
        "PhysicalResourceId": physical_id,
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    if attributes:
        told["Data"] = dict(attributes)
    request = urllib.request.Request(  # noqa: S310 - the address is CloudFormation's own
        event["ResponseURL"], data=_body(told, failure), method="PUT", headers={"Content-Type": ""}
    )
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        pass


def _body(told: Mapping[str, Any], failure: str) -> bytes:
    """The answer as JSON, its reason as long as there is room: a character may take twelve bytes."""
    reason = failure[:_LONGEST_REASON]
    while True:
        body = json.dumps({**told, "Reason": reason or "done"}).encode()
        if len(body) <= _LONGEST_ANSWER or not reason:
            return body
        reason = reason[: len(reason) // 2]

"""How a custom resource answers CloudFormation."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from typing import Any

_LONGEST_REASON = 1500  # the whole answer may have 4,096 bytes


def answer(event: Mapping[str, Any], *, physical_id: str, failure: str = "") -> None:
    """Tell CloudFormation how it went; an empty `failure` is success."""
    told = {
        "Status": "FAILED" if failure else "SUCCESS",
        "Reason": failure[:_LONGEST_REASON] or "done",
        "PhysicalResourceId": physical_id,
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    request = urllib.request.Request(  # noqa: S310 - the address is CloudFormation's own
        event["ResponseURL"], data=json.dumps(told).encode(), method="PUT", headers={"Content-Type": ""}
    )
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        pass

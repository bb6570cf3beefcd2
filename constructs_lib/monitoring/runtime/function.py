"""The monitor as a Lambda function: looks at windows on a schedule or on demand, and makes the baseline.

Events:

- the schedule's, with its ``time``: all windows that are due and have no result yet;
- ``{"at": "2026-11-28T14:00:00Z"}``: the window that lies at this time, once more. Where it is not over yet, the
  result says how it stands so far, lies apart, and nobody is told;
- ``{"baseline": "again"}``: make the baseline from its data once more;
- CloudFormation's, while a stack deploys: make the baseline.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from typing import Any

from ...core.runtime.custom_resource import answer
from ...core.runtime.windows import seconds
from .run.description import Description
from .run.looking import Looker
from .run.preparing import make_again, prepare

log = logging.getLogger()
log.setLevel(logging.INFO)


def handle(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Entry point of the function."""
    monitor = Description.from_environment()
    if "RequestType" in event:
        _deploy(monitor, event)
        return {}
    if "baseline" in event:
        return {"baseline": make_again(monitor)}
    if "at" in event:
        return Looker(monitor).once_more(seconds(event["at"]), time.time())
    results = Looker(monitor).all_due(seconds(event["time"]))
    return {"looked": {each["window"]["start"]: each["text"] for each in results}}


def _deploy(monitor: Description, event: Mapping[str, Any]) -> None:
    """Answer CloudFormation. What was made stays when the stack goes: it is the user's data."""
    place = monitor.baseline_place.uri()
    before = event.get("PhysicalResourceId", place)
    if event["RequestType"] == "Delete":
        answer(event, physical_id=before)
        return
    try:
        prepare(monitor, json.loads(event["ResourceProperties"]["Spec"]), time.time())
    except Exception as error:  # whatever it is: CloudFormation waits for an answer
        log.exception("failed")
        answer(event, physical_id=before, failure=f"{type(error).__name__}: {error}")
        return
    answer(event, physical_id=place)

"""Deployed functions, called by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tools.demo.stage import Stage, must


def call(stage: Stage, function: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """What a function answers, with no right but those of its role."""
    called = stage.aws.client("lambda").invoke(FunctionName=function, Payload=json.dumps(dict(event)))
    answered = json.loads(called["Payload"].read())
    must("FunctionError" not in called, f"{function}: {answered}")
    return dict(answered)

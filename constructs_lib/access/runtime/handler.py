"""The functions behind an API, one for each way of answering."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3

from .front import Front, ping
from .invoking import Invoking, sagemaker_runtime
from .settings import Settings
from .submitting import Submitting

_PREDICT, _PING, _RESULT = "POST /invocations", "GET /ping", "GET /results/{inferenceId}"


@cache
def _front() -> Front:
    settings = Settings.from_environment()
    runtime = sagemaker_runtime(settings)
    if settings.places is None:
        return Front(settings, {_PREDICT: Invoking(settings, runtime=runtime).answer, _PING: ping})
    submitting = Submitting(settings, settings.places, runtime=runtime, s3=boto3.client("s3"))
    return Front(settings, {_PREDICT: submitting.answer, _RESULT: submitting.result, _PING: ping})


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer a request."""
    return _front().handle(event)

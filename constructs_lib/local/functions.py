"""The errors of Lambda functions in Python by their names, as Step Functions' Retry and Catch know them.

Source: https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import emulator_lambda


def install() -> None:
    """Let a function that raises answer the class of its exception."""
    emulator_lambda.tell_error_types(_payload)


def _payload(error: Mapping[str, Any]) -> dict[str, Any] | None:
    if "error_type" not in error:
        return None
    return {
        "errorMessage": error["error"],
        "errorType": error["error_type"],
        "requestId": error["request_id"],
        "stackTrace": error["frames"],
    }

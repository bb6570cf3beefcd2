"""boto3 clients that rather ask again than wait: what they are asked is quick, or it went wrong."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

_IMPATIENT = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 4})


def client(service: str) -> Any:
    """A client of a service in the function's region."""
    return boto3.client(service, config=_IMPATIENT)  # type: ignore[call-overload]

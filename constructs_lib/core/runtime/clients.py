"""Clients of AWS, made once: the calls of one environment share their connections."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3
from botocore.config import Config

PATIENT = Config(
    max_pool_connections=40,
    connect_timeout=5,
    read_timeout=20,
    retries={"mode": "standard", "total_max_attempts": 6},
)
"""As many connections as a function's threads use at once."""


@cache
def client(service: str, config: Config = PATIENT) -> Any:
    """The client of a service: made when it is first needed, and kept for the next event."""
    return boto3.client(service, config=config)  # type: ignore[call-overload]

"""How patiently a client asks."""

from __future__ import annotations

import math
from dataclasses import dataclass

MEBIBYTE = 1024 * 1024
REAL_TIME_BYTES = 6 * MEBIBYTE
"""Source: https://docs.aws.amazon.com/sagemaker/latest/dg/hosting-faqs.html"""
SERVERLESS_BYTES = 4 * MEBIBYTE
"""Source: https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints-invoke.html"""
API_BYTES = 6 * MEBIBYTE // 4 * 3
"""A function is given at most 6 MB, and bytes come to it in base64, which makes four of three.

Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""
ASYNC_BYTES = 1024 * MEBIBYTE
"""Source: https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html"""
ASYNC_INLINE_BYTES = 128_000
"""Of a request to an asynchronous endpoint that carries its input, instead of naming an object in S3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """Attempts, time-outs and limits of a client.

    :raises ValueError: a number is out of its range.
    """

    attempts: int = 3
    """How often a request is sent at most, 1–10."""
    backoff: float = 0.1
    """Seconds: before the n-th repetition the client sleeps between 0 and `backoff` × 2ⁿ⁻¹ (full jitter)."""
    max_backoff: float = 5.0
    """Seconds, at most, of one such sleep. A longer `Retry-After` of the service is honoured."""
    connect_timeout: float = 2.0
    """Seconds to find the service."""
    read_timeout: float = 65.0
    """Seconds without a byte of the answer. A real-time endpoint gives its model 60."""
    deadline: float | None = None
    """Seconds for a whole call, with all attempts and sleeps, where the call names no other."""
    connections: int = 10
    """How many connections are kept to be used again; one for each thread that asks at the same time."""
    max_payload_bytes: int | None = None
    """What a request may weigh; default: 6 MB to an endpoint, 4.5 MB to an API. Serverless: `SERVERLESS_BYTES`."""
    poll: float = 0.5
    """Seconds before an asynchronous result is looked for the first time; it grows by half each time."""
    max_poll: float = 10.0
    """Seconds, at most, between two looks."""

    def __post_init__(self) -> None:
        """Check."""
        if not 1 <= self.attempts <= 10:
            raise ValueError(f"attempts is {self.attempts}: 1 to 10.")
        for name in ("connect_timeout", "read_timeout", "poll", "max_poll"):
            _positive(name, getattr(self, name))
        for name in ("backoff", "max_backoff"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}: seconds, at least 0.")
        if self.connections < 1:
            raise ValueError(f"connections is {self.connections}: at least 1.")
        if self.deadline is not None:
            _positive("deadline", self.deadline)
        if self.max_payload_bytes is not None:
            _positive("max_payload_bytes", self.max_payload_bytes)


def _positive(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise ValueError(f"{name} is {value}: a number greater than 0.")

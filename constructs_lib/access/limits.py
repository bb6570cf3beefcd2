"""How large and how slow a request may be: the least that any part on its way allows, worked out here alone.

docs/api.md shows the same numbers as a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..core.rules import API_REFERENCE, DEVELOPER_GUIDE

MIB = 1024 * 1024

SEND_SECONDS = 2
"""Of the time that the API gives, what is kept for all but the model: starting, checking, telling."""
ENVELOPE = 64 * 1024
"""Of what a function may be given or answer, what headers and the request's context may take: API Gateway
takes 10 KB of headers, which are told twice."""


class Part(StrEnum):
    """Parts on the way of a request."""

    REALTIME = "real-time endpoint"
    SERVERLESS = "serverless endpoint"
    ASYNC = "asynchronous endpoint"
    HTTP_API = "HTTP API"
    REST_API = "REST API"
    FUNCTION = "Lambda function"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """What one part allows."""

    part: Part
    request_bytes: int
    answer_bytes: int
    seconds: int
    source: str


def _as_base64(most: int) -> int:
    """Bytes that fit into `most` of them once they are written in base64."""
    return most // 4 * 3


_FUNCTION_BYTES = 6 * MIB

CEILINGS = {
    each.part: each
    for each in (
        Ceiling(
            part=Part.REALTIME,
            request_bytes=6 * MIB,
            answer_bytes=6 * MIB,
            seconds=60,
            source=API_REFERENCE + "API_runtime_InvokeEndpoint.html",
        ),
        Ceiling(
            part=Part.SERVERLESS,
            request_bytes=4 * MIB,
            answer_bytes=4 * MIB,
            seconds=60,
            source=DEVELOPER_GUIDE + "serverless-endpoints-invoke.html",
        ),
        Ceiling(
            # The request goes to S3, and is answered there: only its receipt is waited for.
            part=Part.ASYNC,
            request_bytes=1024 * MIB,
            answer_bytes=1024 * MIB,
            seconds=60,
            source=DEVELOPER_GUIDE + "async-inference.html",
        ),
        Ceiling(
            part=Part.HTTP_API,
            request_bytes=10 * MIB,
            answer_bytes=10 * MIB,
            seconds=30,
            source="https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html",
        ),
        Ceiling(
            part=Part.REST_API,
            request_bytes=10 * MIB,
            answer_bytes=10 * MIB,
            seconds=29,
            source="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html",
        ),
        Ceiling(
            part=Part.FUNCTION,
            request_bytes=_as_base64(_FUNCTION_BYTES - ENVELOPE),
            answer_bytes=_as_base64(_FUNCTION_BYTES - ENVELOPE),
            seconds=900,
            source="https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
        ),
    )
}
"""What each part allows."""


@dataclass(frozen=True, slots=True)
class Way:
    """The parts that requests pass, the endpoint first."""

    parts: tuple[Part, ...]

    @property
    def request(self) -> Ceiling:
        """Of the part that takes the smallest requests."""
        return min((CEILINGS[part] for part in self.parts), key=lambda each: each.request_bytes)

    @property
    def answer(self) -> Ceiling:
        """Of the part that takes the smallest answers."""
        return min((CEILINGS[part] for part in self.parts), key=lambda each: each.answer_bytes)

    @property
    def time(self) -> Ceiling:
        """Of the part that waits least."""
        return min((CEILINGS[part] for part in self.parts), key=lambda each: each.seconds)

    @property
    def model_seconds(self) -> int:
        """What is left for the model."""
        return self.time.seconds - SEND_SECONDS

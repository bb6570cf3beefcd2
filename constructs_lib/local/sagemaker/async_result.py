"""What comes of an asynchronous request, and how SNS tells it."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .async_backlog import AsyncRequest
from .async_config import AsyncSettings

_LARGEST_INCLUDED = 128 * 1024
_MORE = "Check S3 path location(if configured) or Cloudwatch for additional details."
_DEFAULT_CONTENT_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A result or a failure."""

    content: bytes = b""
    """The model's answer, also when it is an error."""
    content_type: str = _DEFAULT_CONTENT_TYPE
    failure_reason: str | None = None
    counted_as: str | None = None
    """The metric that counts failures of this kind, beside InvocationFailures."""

    @property
    def failed(self) -> bool:
        """Whether it is a failure."""
        return self.failure_reason is not None

    @property
    def failure_object(self) -> bytes:
        """What is written to the failure location: the model's answer, or why there is none."""
        return self.content or str(self.failure_reason).encode()


def model_failure(status: int, content: bytes, content_type: str) -> Outcome:
    """The model answered with an error status. The wording for 5xx is AWS's, that for 4xx its analogue."""
    side = "client" if status < 500 else "server"
    return Outcome(
        content=content,
        content_type=content_type,
        failure_reason=f"ClientError: Received {side} error ({status}) from model. "
        "See the SageMaker Endpoint logs in your account for more information.",
    )


def topic_of(outcome: Outcome, settings: AsyncSettings) -> str | None:
    """Who is told."""
    return settings.error_topic if outcome.failed else settings.success_topic


def notification(
    request: AsyncRequest, outcome: Outcome, settings: AsyncSettings, *, endpoint: str, region: str
) -> str:
    """The message, in the form that AWS's messages have."""
    message: dict[str, Any] = {
        "awsRegion": region,
        "eventTime": _timestamp(datetime.now(UTC)),
        "receivedTime": _timestamp(datetime.fromtimestamp(request.received, UTC)),
        "invocationStatus": "Failed" if outcome.failed else "Completed",
    }
    if outcome.failed:
        message["failureReason"] = outcome.failure_reason
    message["requestParameters"] = _request_parameters(request, endpoint)
    if not outcome.failed:
        message["responseParameters"] = {
            "contentType": outcome.content_type,
            "outputLocation": request.output_location,
        }
    elif request.failure_location is not None:
        message["responseParameters"] = {"outputLocation": request.failure_location}
    if _includes_response(outcome, settings):
        content = base64.b64encode(outcome.content).decode()
        message["responseBody"] = {"content": content, "message": _MORE, "encoding": "BASE64"}
    return json.dumps(
        {
            **message,
            "inferenceId": request.inference_id,
            "eventVersion": "1.0",
            "eventSource": "aws:sagemaker",
            "eventName": "InferenceResult",
        }
    )


def _request_parameters(request: AsyncRequest, endpoint: str) -> dict[str, str]:
    """What was asked for; what was not given is left out."""
    parameters = {
        "accept": request.headers.get("accept"),
        "contentType": request.headers.get("content-type"),
        "customAttributes": request.headers.get("x-amzn-sagemaker-custom-attributes"),
        "endpointName": endpoint,
        "inputLocation": request.input_location,
    }
    return {name: value for name, value in parameters.items() if value is not None}


def _includes_response(outcome: Outcome, settings: AsyncSettings) -> bool:
    kind = "ERROR_NOTIFICATION_TOPIC" if outcome.failed else "SUCCESS_NOTIFICATION_TOPIC"
    return kind in settings.response_in and 0 < len(outcome.content) <= _LARGEST_INCLUDED


def _timestamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

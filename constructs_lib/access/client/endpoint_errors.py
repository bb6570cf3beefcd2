"""What boto3 says went wrong.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html#API_runtime_InvokeEndpoint_Errors
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    IncompleteReadError,
    NoAuthTokenError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
    TokenRetrievalError,
)

from .api_errors import seconds
from .deadline import Deadline
from .errors import (
    BadRequest,
    DeadlineExceeded,
    InferenceError,
    ModelError,
    NotAuthorised,
    NotFound,
    NotReady,
    PayloadTooLarge,
    Throttled,
    TimedOut,
    Unavailable,
)

_THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "SlowDown",
}
_UNKNOWN_CALLER = re.compile(
    r"AccessDenied|UnrecognizedClient|ExpiredToken|InvalidClientTokenId|InvalidAccessKeyId"
    r"|SignatureDoesNotMatch|InvalidSignature|IncompleteSignature|MissingAuthenticationToken"
)
_NO_ENDPOINT = re.compile(r"Endpoint \S+ of account \S+ not found")
"""*Inferred*: the wording of a ValidationError that means so; another is a `BadRequest`."""
_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    NoAuthTokenError,
    TokenRetrievalError,
)
_NEVER_SENT = (EndpointConnectionError, ConnectTimeoutError, ProxyConnectionError)


def error_of(
    error: BotoCoreError | ClientError, deadline: Deadline, inference_id: str | None
) -> InferenceError:
    """The error as an application should see it."""
    if isinstance(error, ClientError):
        return answered(error, inference_id)
    if isinstance(error, _CREDENTIALS):
        return NotAuthorised(f"There are no AWS credentials to sign with: {error}", inference_id=inference_id)
    if isinstance(error, ParamValidationError):
        return BadRequest(str(error), inference_id=inference_id)
    if isinstance(error, SSLError):
        return InferenceError(f"The connection is not safe: {error}", inference_id=inference_id)
    if not isinstance(error, HTTPClientError | IncompleteReadError):
        return InferenceError(str(error), inference_id=inference_id)
    never_sent = isinstance(error, _NEVER_SENT)
    if deadline.remaining() <= 0:
        message = f"The deadline has passed: {error}"
        return DeadlineExceeded(message, inference_id=inference_id, maybe_taken=not never_sent)
    if isinstance(error, ReadTimeoutError):
        message = "No answer came within the read time-out."
        return TimedOut(message, inference_id=inference_id, maybe_taken=True)
    return Unavailable(
        f"The connection failed: {error}", inference_id=inference_id, maybe_taken=not never_sent
    )


def answered(error: ClientError, inference_id: str | None) -> InferenceError:
    """The error that a service answered."""
    response: Mapping[str, object] = error.response
    told = error.response.get("Error", {})
    about = error.response.get("ResponseMetadata", {})
    code, status = told.get("Code", ""), about.get("HTTPStatusCode")
    message = told.get("Message") or str(error)
    if code == "ModelError":
        original = response.get("OriginalStatusCode")
        return ModelError(
            message,
            inference_id=inference_id,
            status=status,
            original_status=original if isinstance(original, int) else None,
            original_message=_text(response.get("OriginalMessage")),
            log_stream=_text(response.get("LogStreamArn")),
        )
    kind = _kind(code, status or 0, message)
    return kind(
        message,
        inference_id=inference_id,
        status=status,
        code=code or None,
        retry_after=seconds(about.get("HTTPHeaders", {}).get("retry-after")),
        maybe_taken=(status or 0) >= 500,
    )


def _kind(code: str, status: int, message: str) -> type[InferenceError]:
    if code == "ModelNotReadyException":
        return NotReady
    if code in _THROTTLED or status == 429:
        return Throttled
    if _UNKNOWN_CALLER.match(code) or status in (401, 403):
        return NotAuthorised
    if status == 413:
        return PayloadTooLarge
    if status == 404 or _NO_ENDPOINT.search(message):
        return NotFound
    return Unavailable if status >= 500 else BadRequest


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None

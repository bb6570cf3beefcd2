"""What can go wrong when an application asks a model, each kind a type of its own.

`except InferenceError` catches all of it. What is worth another attempt says so (`retryable`); the client makes
those attempts itself, so whoever catches such an error has had them already.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html#API_runtime_InvokeEndpoint_Errors
"""

# ruff: noqa: N818  they read as what happened

from __future__ import annotations


class InferenceError(Exception):
    """A prediction that was not to be had.

    `status` is the HTTP status, where there was an answer; `code` what the service calls the error; `allowed` what
    it would have taken.
    """

    retryable = False
    """Whether the same request may succeed a moment later."""
    code = "InferenceError"

    def __init__(
        self,
        message: str,
        *,
        inference_id: str | None = None,
        status: int | None = None,
        code: str | None = None,
        allowed: str | None = None,
        retry_after: float | None = None,
        maybe_taken: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.inference_id = inference_id
        self.status = status
        if code is not None:
            self.code = code
        self.allowed = allowed
        self.retry_after = retry_after
        """Seconds that the service asked to be left alone for."""
        self.maybe_taken = maybe_taken
        """Whether the service may have acted on the request all the same."""

    def __str__(self) -> str:
        about = [f"inference id {self.inference_id}"] if self.inference_id is not None else []
        if self.allowed is not None:
            about.insert(0, f"allowed: {self.allowed}")
        return f"{self.message} ({'; '.join(about)})" if about else self.message


class BadRequest(InferenceError):
    """The request is wrong as it stands (400, 422): sending it again does not help."""

    code = "BadRequest"


class PayloadTooLarge(BadRequest):
    """The request is larger than the endpoint or the API takes (413); mostly found before it is sent."""

    code = "PayloadTooLarge"


class UnsupportedContentType(BadRequest):
    """The content type is not one that is served (415)."""

    code = "UnsupportedContentType"


class NotFound(BadRequest):
    """There is no such endpoint, route or result (404)."""

    code = "NotFound"


class NotAuthorised(InferenceError):
    """Who asks is not known, or may not (401, 403)."""

    code = "NotAuthorised"


class ModelError(InferenceError):
    """The model itself answered with an error (424). It is never asked again: it would mostly say the same."""

    code = "ModelError"

    def __init__(
        self,
        message: str,
        *,
        inference_id: str | None = None,
        status: int | None = None,
        original_status: int | None = None,
        original_message: str | None = None,
        log_stream: str | None = None,
    ) -> None:
        super().__init__(message, inference_id=inference_id, status=status)
        self.original_status = original_status
        """The HTTP status of the model's container."""
        self.original_message = original_message
        """What the model's container said."""
        self.log_stream = log_stream
        """ARN of the log that has more."""


class Throttled(InferenceError):
    """More requests than are allowed (429)."""

    code = "Throttled"
    retryable = True


class Unavailable(InferenceError):
    """No answer came: connection refused or cut, or a fault of the service (5xx)."""

    code = "Unavailable"
    retryable = True


class NotReady(Unavailable):
    """The model is still being loaded: a serverless endpoint that starts, a model of many that was not used."""

    code = "NotReady"


class TimedOut(InferenceError):
    """The answer took longer than the read time-out, or than the API waits (504)."""

    code = "TimedOut"


class DeadlineExceeded(TimedOut):
    """The caller's own deadline passed."""

    code = "DeadlineExceeded"


class StreamInterrupted(InferenceError):
    """A stream ended before its end; what had come by then has been given out, so nothing is asked again."""

    code = "StreamInterrupted"


class BadAnswer(InferenceError):
    """The answer is not in the format that was asked for."""

    code = "BadAnswer"


class AnswerTooLarge(InferenceError):
    """The model answered more than the API can hand on: ask for less at once."""

    code = "AnswerTooLarge"

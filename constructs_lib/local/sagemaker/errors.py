"""The errors that SageMaker answers with."""

from __future__ import annotations


class ApiError(Exception):
    """An error of the API: its code, its message, its HTTP status."""

    code = "InternalFailure"
    status = 500

    @property
    def message(self) -> str:
        """What the caller is told."""
        return str(self)


class RefusedError(ApiError):
    """The request is invalid, or the resource is not in a state for it."""

    code = "ValidationException"
    status = 400


class MissingError(ApiError):
    """There is no such resource, where AWS has an error of its own for that."""

    code = "ResourceNotFound"
    status = 400


class NameTakenError(ApiError):
    """A job of that name is there, or was: names of jobs are never free again."""

    code = "ResourceInUse"
    status = 400


class AccessDeniedError(ApiError):
    """IAM does not let the caller."""

    code = "AccessDeniedException"
    status = 400


class LimitError(ApiError):
    """There is no room for what was asked."""

    code = "ResourceLimitExceeded"
    status = 400


class UnknownOperationError(ApiError):
    """SageMaker has no such operation, or this emulator has it not."""

    code = "UnknownOperationException"
    status = 400


class NotEmulatedError(RefusedError):
    """AWS can do it and this emulator cannot: refused, rather than accepted and ignored."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is not emulated by constructs_lib.local (see docs/local.md)")


class RoutingError(ApiError):
    """The call cannot be routed."""

    code = "ValidationError"
    status = 400


class UnavailableError(ApiError):
    """No instance is there to answer."""

    code = "ServiceUnavailable"
    status = 503


class ThrottlingError(ApiError):
    """More requests at once than the variant may answer. AWS says no more than that: its message is null."""

    code = "ThrottlingException"
    status = 400


class ModelNotReadyError(ApiError):
    """A model is still being loaded, or a serverless variant cannot get a process for the request."""

    code = "ModelNotReadyException"
    status = 429


class ModelError(ApiError):
    """The model answered with an error, or not at all."""

    code = "ModelError"
    status = 424

    def __init__(
        self, message: str, *, original_status: int, original_message: str, log_stream_arn: str
    ) -> None:
        super().__init__(message)
        self.details = {
            "OriginalStatusCode": original_status,
            "OriginalMessage": original_message,
            "LogStreamArn": log_stream_arn,
        }

"""What went wrong at SageMaker, as the caller is told. Pure.

Names and account ids that SageMaker's messages may hold are not passed on; what the model said is, as
SageMaker itself would: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""

from __future__ import annotations

import logging
import re

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ParamValidationError,
    ReadTimeoutError,
)

from .refusals import Code, Refusal

_NO_COMPONENT_CAPACITY = "has no capacity"
"""In SageMaker's message when a component has no copy (*inferred* from messages of users)."""
_NO_MODEL = "download model data"
"""In SageMaker's message when a multi-model endpoint finds no archive of the model that a request names."""
_OURS = re.compile(r"arn:[^\s,;)]+|s3://[^\s,;)]+|\b\d{12}\b")
"""Names of resources, places and accounts."""
_TIMED_OUT = "timed out"
_UNKNOWN_ENDPOINT = "endpoint"
_SIMPLE: dict[str, tuple[Code, str]] = {
    "ThrottlingException": ("Throttled", "there are too many requests at once"),
    "Throttling": ("Throttled", "there are too many requests at once"),
    "ModelNotReadyException": ("ModelNotReady", "the model is being loaded"),
    "ServiceUnavailable": ("Unavailable", "the endpoint cannot answer now"),
    "ServiceUnavailableException": ("Unavailable", "the endpoint cannot answer now"),
    "InternalFailure": ("Unavailable", "SageMaker failed"),
    "InternalDependencyException": ("Unavailable", "SageMaker failed"),
}
_LONGEST = 2048

log = logging.getLogger(__name__)


def refusal_of(error: Exception) -> Refusal:
    """How an error of SageMaker's, or of the way there, is told."""
    if isinstance(error, ReadTimeoutError):
        return Refusal("Timeout", "the model did not answer in time")
    if isinstance(error, ClientError):
        return _of_answer(error)
    if isinstance(error, ParamValidationError):
        return Refusal("InvalidRequest", str(error))  # names and lengths that were in the request
    if isinstance(error, BotoCoreError):
        log.error("%s", error)
        return Refusal("Unavailable", "the endpoint could not be reached")
    raise error


def _of_answer(error: ClientError) -> Refusal:
    told = error.response["Error"]
    code, message = told["Code"], told.get("Message", "")
    if code == "ModelError":
        return _of_model(error)
    if code in _SIMPLE:
        return Refusal(*_SIMPLE[code])
    if code == "ValidationError":
        return _of_validation(message)
    # Not allowed to, or not there: nothing that a caller can mend, and nothing of their concern.
    log.error("%s: %s", code, message)
    return Refusal("InternalError", "the endpoint could not be asked")


def _of_model(error: ClientError) -> Refusal:
    said = str(error.response.get("OriginalMessage") or error.response["Error"].get("Message", ""))[:_LONGEST]
    given = error.response.get("OriginalStatusCode")
    status = given if isinstance(given, int) else None
    if _TIMED_OUT in said or status == 504:
        return Refusal("Timeout", "the model did not answer in time")
    return Refusal("ModelError", said or "the model failed", original_status=status)


def _of_validation(message: str) -> Refusal:
    lowered = message.lower()
    if _NO_COMPONENT_CAPACITY in lowered:
        return Refusal("NoCapacity", "no copy of the model is running yet")
    if lowered.startswith(_UNKNOWN_ENDPOINT) and "not found" in lowered:
        log.error("%s", message)
        return Refusal("Unavailable", "the endpoint is not in service")
    if _NO_MODEL in lowered:
        return Refusal("NotFound", "there is no such model")
    return Refusal("InvalidRequest", _OURS.sub("…", message))

"""What an `InferenceApi`, or API Gateway before it, says went wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from .errors import (
    AnswerTooLarge,
    BadRequest,
    InferenceError,
    ModelError,
    NotAuthorised,
    NotFound,
    NotReady,
    PayloadTooLarge,
    Throttled,
    TimedOut,
    Unavailable,
    UnsupportedContentType,
)

_BY_CODE: Mapping[str, type[InferenceError]] = {"AnswerTooLarge": AnswerTooLarge, "ModelNotReady": NotReady}
"""Codes that say more than their status does."""
_BY_STATUS: Mapping[int, type[InferenceError]] = {
    401: NotAuthorised,
    403: NotAuthorised,
    404: NotFound,
    413: PayloadTooLarge,
    415: UnsupportedContentType,
    429: Throttled,
    504: TimedOut,
}
_LONGEST = 1000
"""Characters that are quoted of an answer that is no JSON."""


def error_of(
    status: int, headers: Mapping[str, str], body: bytes, inference_id: str | None
) -> InferenceError:
    """The error that an answer stands for."""
    told = _told(body)
    message = (
        _text(told.get("message")) or body[:_LONGEST].decode(errors="replace") or f"HTTP status {status}"
    )
    id = _text(told.get("inference_id")) or inference_id
    if status == 424:
        original = told.get("original_status")
        return ModelError(
            message,
            inference_id=id,
            status=status,
            original_status=original if isinstance(original, int) else None,
            original_message=message,
        )
    code = _text(told.get("code"))
    return _kind(status, code)(
        message,
        inference_id=id,
        status=status,
        code=code,
        allowed=_text(told.get("allowed")),
        retry_after=seconds(headers.get("Retry-After")),
        maybe_taken=status >= 500,
    )


def seconds(retry_after: str | None) -> float | None:
    """What a Retry-After header asks for; it is a number or a date."""
    if retry_after is None:
        return None
    try:
        if retry_after.strip().isdecimal():
            return float(retry_after)
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def _kind(status: int, code: str | None) -> type[InferenceError]:
    found = _BY_CODE.get(code or "", _BY_STATUS.get(status))
    if found is not None:
        return found
    return Unavailable if status >= 500 else BadRequest


def _told(body: bytes) -> Mapping[str, object]:
    """``{"error": {…}}`` of the API's function, or ``{"message": …}`` of API Gateway itself."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(said, dict):
        return {}
    error = said.get("error", said)
    return error if isinstance(error, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None

"""Why a request is not answered: a code to branch on, a status, and a sentence for a person."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal, TypeAlias

Code: TypeAlias = Literal[
    "InvalidRequest",
    "TargetNotAllowed",
    "NotFound",
    "PayloadTooLarge",
    "UnsupportedMediaType",
    "InvalidInput",
    "ModelError",
    "Throttled",
    "ModelNotReady",
    "InternalError",
    "AnswerTooLarge",
    "Unavailable",
    "NoCapacity",
    "Timeout",
]

STATUS: dict[Code, int] = {
    "InvalidRequest": 400,
    "TargetNotAllowed": 403,
    "NotFound": 404,
    "PayloadTooLarge": 413,
    "UnsupportedMediaType": 415,
    "InvalidInput": 422,
    "ModelError": 424,
    "Throttled": 429,
    "ModelNotReady": 429,
    "InternalError": 500,
    "AnswerTooLarge": 502,
    "Unavailable": 503,
    "NoCapacity": 503,
    "Timeout": 504,
}
"""The HTTP status of each code."""

RETRY_AFTER: dict[Code, int] = {"Throttled": 1, "ModelNotReady": 5, "Unavailable": 2, "NoCapacity": 30}
"""Seconds after which to ask again, for those codes where that may help."""


@dataclass(eq=False)
class Refusal(Exception):  # noqa: N818  it is an answer, and none of our errors
    """A request that is not answered."""

    code: Code
    message: str
    allowed: str | None = None
    """What would have been answered."""
    original_status: int | None = None
    """That of the model, where it was the model that failed."""

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    @property
    def status(self) -> int:
        """Its HTTP status."""
        return STATUS[self.code]

    @property
    def headers(self) -> dict[str, str]:
        """When to come again."""
        after = RETRY_AFTER.get(self.code)
        return {} if after is None else {"Retry-After": str(after)}

    def body(self, inference_id: str | None) -> bytes:
        """``{"error": {…}}``."""
        told = {
            "code": self.code,
            "message": self.message,
            "allowed": self.allowed,
            "original_status": self.original_status,
            "inference_id": inference_id,
        }
        return json.dumps({"error": {name: each for name, each in told.items() if each is not None}}).encode()

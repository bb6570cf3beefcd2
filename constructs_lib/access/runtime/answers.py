"""Answers as API Gateway takes them from a function (payload format 2.0)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .headers import INFERENCE_ID
from .refusals import Refusal

_ENVELOPE = 16_384
"""Bytes that status and headers may take of what a function answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A status, headers and a body."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    code: str = "OK"
    """That of the refusal; ``OK`` where it is none."""

    def proxied(self, most_bytes: int) -> dict[str, Any]:
        """As text or in base64, whichever is shorter.

        :raises Refusal: AnswerTooLarge where neither fits into what a function may answer.
        """
        text = _as_text(self.body)
        encoded = 4 * -(-len(self.body) // 3)
        plain = None if text is None else len(json.dumps(text))
        size = encoded if plain is None else min(plain, encoded)
        if size > most_bytes - _ENVELOPE:
            raise Refusal(
                "AnswerTooLarge", f"the answer has {len(self.body)} bytes", "ask for fewer rows at once"
            )
        as_text = plain is not None and plain <= encoded
        return {
            "statusCode": self.status,
            "headers": dict(self.headers),
            "body": text if as_text else base64.b64encode(self.body).decode(),
            "isBase64Encoded": not as_text,
        }


def refused(refusal: Refusal, inference_id: str | None) -> Answer:
    """A refusal as an answer."""
    told = {} if inference_id is None else {INFERENCE_ID: inference_id}
    return Answer(
        status=refusal.status,
        headers={"Content-Type": "application/json", **told, **refusal.headers},
        body=refusal.body(inference_id),
        code=refusal.code,
    )


def as_json(value: Mapping[str, object], *, status: int = 200, **headers: str) -> Answer:
    """An object of JSON as an answer."""
    told = {"Content-Type": "application/json", **headers}
    return Answer(status=status, headers=told, body=json.dumps(value).encode())


def _as_text(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None

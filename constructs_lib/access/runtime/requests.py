"""A request as API Gateway hands it to the function (payload format 2.0)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a caller sent."""

    route: str
    """``POST /invocations``."""
    headers: Mapping[str, str]
    """By their names in lower case."""
    path: Mapping[str, str]
    """What the path's variables are."""
    body: bytes
    id: str
    """API Gateway's own id of the request, which its access log has too."""

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Request:
        """Read an event."""
        body = event.get("body") or ""
        return cls(
            route=event["routeKey"],
            headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
            path=event.get("pathParameters") or {},
            body=base64.b64decode(body) if event.get("isBase64Encoded") else body.encode(),
            id=event["requestContext"]["requestId"],
        )

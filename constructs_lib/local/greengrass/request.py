"""A request as the operations see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked, whichever part of the HTTP request said it, and the role that asks (None: root or a user)."""

    operation: str
    members: Mapping[str, Any]
    role: str | None

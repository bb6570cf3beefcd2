"""The private names of ministack's S3 that its events need; emulator.py's companion."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import eventbridge, s3

_version: contextvars.ContextVar[str | None] = contextvars.ContextVar("version_of_event", default=None)


def change_details(with_version: Callable[[str, str], str]) -> None:
    """Let `with_version` (detail, version) write the detail of an event about a version of an object."""
    fire, dispatch = s3._fire_s3_event, eventbridge._dispatch_event

    def fired(*given: Any, version_id: str | None = None, **named: Any) -> None:
        token = _version.set(version_id)
        try:
            fire(*given, version_id=version_id, **named)
        finally:
            _version.reset(token)

    def dispatched(event: Mapping[str, Any], view: Any = None) -> None:
        version = _version.get()
        if version is None or event.get("Source") != "aws.s3":
            dispatch(event, view)
        else:
            dispatch({**event, "Detail": with_version(event["Detail"], version)})

    s3._fire_s3_event, eventbridge._dispatch_event = fired, dispatched

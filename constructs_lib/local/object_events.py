"""S3's events on EventBridge tell the version of an object, which ministack leaves out.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

import json
from typing import Any

from . import emulator_object_events


def install() -> None:
    """Mend the events."""
    emulator_object_events.change_details(_with_version)


def _with_version(detail: str, version: str) -> str:
    changed: dict[str, Any] = json.loads(detail)
    changed["object"]["version-id"] = version
    return json.dumps(changed)

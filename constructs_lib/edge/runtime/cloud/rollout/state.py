"""What a fleet remembers of its rollouts: the last that was good, which is what others go back to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from .....core.runtime.store import S3Store, read_json

GOOD = "good.json"
PREFIX = "rollout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Good:
    """The versions that the whole fleet was given last, without anything going wrong."""

    components: Mapping[str, str]
    rollout: str = ""
    at: str = ""


def last_good(s3: Any, bucket: str) -> Good | None:
    """What rollouts go back to; None before the first one has succeeded."""
    told = read_json(S3Store(s3, bucket, PREFIX), GOOD)
    return None if told is None else Good(**told)


def remember(s3: Any, bucket: str, components: Mapping[str, str], rollout: str) -> None:
    """These are good now."""
    good = Good(components=dict(components), rollout=rollout, at=datetime.now(UTC).isoformat())
    S3Store(s3, bucket, PREFIX).write(GOOD, json.dumps(asdict(good), indent=1, sort_keys=True).encode())

"""How fast time goes for the scaling loop.

``CONSTRUCTS_LOCAL_TIME_SCALE`` (shared with the SageMaker plug-in) shrinks an AWS second to that many real
ones; unset, cooldowns and alarm periods last as long as on AWS. Scheduled actions follow the real calendar.
``CONSTRUCTS_LOCAL_SCALING_INTERVAL`` is the time between two looks, in real seconds; unset, the loop looks
every 10 AWS seconds: more seldom, and an alarm of a short period may have come and gone unseen.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

_INTERVAL = "CONSTRUCTS_LOCAL_SCALING_INTERVAL"
_TIME_SCALE = "CONSTRUCTS_LOCAL_TIME_SCALE"
#: The shortest period that CloudWatch judges an alarm by.
_LOOK_EVERY = 10.0
#: The loop is one thread of a busy process.
_SMALLEST_INTERVAL = 0.05
#: An AWS minute lasts at least half a second: a shorter one holds too few requests to mean anything.
_SMALLEST_SCALE = 0.5 / 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The loop's settings."""

    interval: float = _LOOK_EVERY
    scale: float = 1.0

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Timing:
        """Read the two variables; a value that is no number or is negative is refused by name."""
        given = os.environ if environ is None else environ
        scale = max(_number(given, _TIME_SCALE, 1.0), _SMALLEST_SCALE)
        interval = _number(given, _INTERVAL, _LOOK_EVERY * scale)
        return cls(interval=max(interval, _SMALLEST_INTERVAL), scale=scale)

    def now(self) -> float:
        """This moment in AWS seconds, as :meth:`aws_seconds` counts them."""
        return self.aws_seconds(time.time())

    def aws_seconds(self, real: float) -> float:
        """Real seconds since the epoch, in AWS seconds."""
        return real / self.scale

    def real_seconds(self, aws: float) -> float:
        """The inverse of :meth:`aws_seconds`."""
        return aws * self.scale


def _number(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{name} must be a number, not {text!r}") from None
    if not 0 <= value < float("inf"):
        raise ValueError(f"{name} must be 0 or more, not {text!r}")
    return value

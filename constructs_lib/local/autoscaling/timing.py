"""How fast time goes for the scaling loop.

``CONSTRUCTS_LOCAL_TIME_SCALE`` (shared with the SageMaker plug-in) shrinks an AWS second to that many real
ones; unset, cooldowns and alarm periods last as long as on AWS. Scheduled actions follow the real calendar.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

_INTERVAL = "CONSTRUCTS_LOCAL_SCALING_INTERVAL"
_TIME_SCALE = "CONSTRUCTS_LOCAL_TIME_SCALE"
#: An AWS minute lasts at least half a second: a shorter one holds too few requests to mean anything.
_SMALLEST_SCALE = 0.5 / 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The loop's settings."""

    interval: float = 10.0
    scale: float = 1.0

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Timing:
        """Read the two variables; a value that is no number or is negative is refused by name."""
        given = os.environ if environ is None else environ
        return cls(
            interval=max(_number(given, _INTERVAL, 10.0), 0.05),
            scale=max(_number(given, _TIME_SCALE, 1.0), _SMALLEST_SCALE),
        )

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

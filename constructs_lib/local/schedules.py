"""Rules with a rate, as often as a test can wait for."""

from __future__ import annotations

from . import emulator
from .settings import settings

_LOOK_SECONDS = 10.0
"""How often ministack looks for rules that are due."""


def install() -> None:
    """Scale the rates of EventBridge's rules."""
    scale = settings().schedule_scale
    if scale < 1:
        emulator.scale_rates(scale, look_every=look_seconds())


def look_seconds() -> float:
    """After so many seconds we look again for what is due."""
    return max(0.25, _LOOK_SECONDS * min(settings().schedule_scale, 1))

"""Waking up: the step policy that brings a capacity back from zero."""

from __future__ import annotations

from collections.abc import Iterator

from aws_cdk import aws_cloudwatch as cloudwatch

from ..core.rules import Broken
from ..core.tokens import is_token
from .auto_scaling import AutoScaling, ScalingStep, StepScaling, minimums

WAKE_UP = "WakeUp"


def may_sleep(scaling: AutoScaling) -> bool:
    """Whether the capacity may come down to zero: also where only the deployment knows its minimum."""
    return any(is_token(low) or low == 0 for _, low in minimums(scaling))


def wake_up(unserved: cloudwatch.Metric | cloudwatch.MathExpression) -> StepScaling:
    """One unit of capacity as soon as `unserved` tells that somebody waits and nobody is there.

    The default cooldown of 5 minutes leaves the first unit the time to start.
    """
    return StepScaling(
        name=WAKE_UP,
        metric=unserved,
        threshold=1,
        steps=[ScalingStep(lower=0, change=1)],
    )


def wake_up_name_is_free(scaling: AutoScaling | None) -> Iterator[Broken]:
    """The user's steps leave the name of the wake-up policy to it."""
    if not isinstance(scaling, AutoScaling) or not may_sleep(scaling):
        return
    if any(step.name == WAKE_UP for step in scaling.steps):
        yield Broken("scaling.steps", WAKE_UP, f"other names: the policy {WAKE_UP} is made for you")

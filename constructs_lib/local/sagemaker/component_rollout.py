"""A new version of an inference component takes over, batch by batch, watching the alarms."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..settings import settings
from .copies import Copies
from .errors import RefusedError
from .rollout import bake

_PERCENT = range(5, 51)


@dataclass(frozen=True, slots=True, kw_only=True)
class RollingPlan:
    """A DeploymentConfig, for a component with so many copies."""

    copies: int
    batch: int
    wait_seconds: float = 0
    alarms: tuple[str, ...] = ()

    def steps(self) -> Iterator[int]:
        """How many new copies there are after each batch."""
        for number in range(1, math.ceil(self.copies / self.batch) + 1):
            yield min(self.copies, number * self.batch)


def rolling_plan(config: dict[str, Any] | None, copies: int) -> RollingPlan:
    """The plan for this many copies; without a DeploymentConfig all at once. RefusedError when AWS refuses."""
    if config is None:
        return RollingPlan(copies=copies, batch=max(1, copies))
    policy = config["RollingUpdatePolicy"]
    size, wait = policy["MaximumBatchSize"], policy["WaitIntervalInSeconds"]
    if size["Type"] == "CAPACITY_PERCENT" and size["Value"] not in _PERCENT:
        raise RefusedError(f"MaximumBatchSize must be 5% to 50% of the copy count, not {size['Value']}%.")
    batch = copies * size["Value"] // 100 if size["Type"] == "CAPACITY_PERCENT" else size["Value"]
    alarms = config.get("AutoRollbackConfiguration", {}).get("Alarms", [])
    plan = RollingPlan(
        copies=copies,
        batch=max(1, min(batch, copies)),
        wait_seconds=wait,
        alarms=tuple(alarm["AlarmName"] for alarm in alarms),
    )
    longest = policy.get("MaximumExecutionTimeoutInSeconds")
    waits = wait * len(list(plan.steps()))
    if longest is not None and longest <= waits:
        raise RefusedError(
            f"MaximumExecutionTimeoutInSeconds ({longest}) must be greater than the sum of the waits ({waits:g})."
        )
    return plan


async def roll_out(old: Copies, new: Copies, plan: RollingPlan) -> None:
    """Exchange the copies; DeploymentError when the old ones must come back. New ones start first."""
    before = old.size
    await new.start(0)
    for started in plan.steps():
        await new.resize(started)
        await bake(settings().wait(plan.wait_seconds), plan.alarms)
        await old.resize(max(0, before - started))
    await old.resize(0)

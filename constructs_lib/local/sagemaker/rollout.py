"""Traffic from an old generation to a new one, step by step, watching the alarms."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import emulator
from ..settings import settings
from .deployment import Plan
from .generation import DeploymentError, Generation
from .traffic import only, split

if TYPE_CHECKING:
    from .endpoint import Endpoint

_ALARM_POLL = 0.05


async def roll_out(endpoint: Endpoint, old: Generation, new: Generation, plan: Plan) -> None:
    """Start the new generation and give it the traffic; DeploymentError when it must be rolled back.

    The old generation answers until the new one is healthy, and can take back the traffic
    until this returns.
    """
    new.enter("Creating")
    await new.start(plan.steps[0].percent if plan.rolling else 100)
    for step in plan.steps:
        if plan.rolling:
            await new.resize(step.percent)
        new.enter("ActivatingTraffic")
        endpoint.routes = only(new) if step.percent == 100 else split(old, new, step.percent)
        new.enter("Baking")
        await bake(settings().wait(step.wait_seconds), plan.alarms)
        if plan.rolling:
            await old.resize(100 - step.percent)
    new.enter(None)


async def bake(seconds: float, alarms: Sequence[str]) -> None:
    """Wait, and fail as soon as an alarm goes off."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        _require_quiet(alarms)
        left = deadline - loop.time()
        if left <= 0:
            return
        await asyncio.sleep(min(left, _ALARM_POLL))


def _require_quiet(alarms: Sequence[str]) -> None:
    states = {name: emulator.alarm_state(name) for name in alarms}
    missing = [name for name, state in states.items() if state is None]
    if missing:
        raise DeploymentError(f"The alarms of AutoRollbackConfiguration do not exist: {', '.join(missing)}.")
    ringing = [name for name, state in states.items() if state == "ALARM"]
    if ringing:
        raise DeploymentError(
            f"Rolled back: these CloudWatch alarms went to ALARM during the deployment: {', '.join(ringing)}."
        )

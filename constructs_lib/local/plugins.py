"""What this package adds to ministack, put together."""

from __future__ import annotations

import socket

from . import (
    alarms,
    api_integrations,
    autoscaling,
    composite_alarms,
    data_api,
    executions,
    functions,
    machine_grants,
    message_moves,
    metric_data,
    object_events,
    partitions,
    rule_targets,
    scheduler,
    schedules,
    transport,
)
from .greengrass import plugin as greengrass
from .iot import plugin as iot
from .sagemaker.service import SageMaker
from .workspace import Workspace


class Plugins:
    """The installed plug-ins, to be closed when the server stops."""

    def __init__(self, sagemaker: SageMaker) -> None:
        self._sagemaker = sagemaker

    async def close(self) -> None:
        """Stop every model process."""
        await self._sagemaker.close()


def install(workspace: Workspace, *, endpoint_url: str, mqtt: socket.socket | None = None) -> Plugins:
    """Add SageMaker, Application Auto Scaling, Greengrass V2 and parts of IoT; mend what ministack's own lack."""
    sagemaker = SageMaker(workspace, endpoint_url=endpoint_url)
    sagemaker.install()
    api_integrations.install(sagemaker)
    alarms.install()
    composite_alarms.install()
    metric_data.install()
    data_api.install()
    schedules.install()
    functions.install()
    executions.install()
    machine_grants.install()
    message_moves.install()
    object_events.install()
    partitions.install()
    rule_targets.install()
    scheduler.install()
    transport.install()
    autoscaling.install()
    greengrass.install()
    iot.install(mqtt)
    return Plugins(sagemaker)

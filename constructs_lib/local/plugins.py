"""What this package adds to ministack, put together."""

from __future__ import annotations

from . import alarms, autoscaling, composite_alarms, metric_data, schedules
from .sagemaker.service import SageMaker
from .workspace import Workspace


class Plugins:
    """The installed plug-ins, to be closed when the server stops."""

    def __init__(self, sagemaker: SageMaker) -> None:
        self._sagemaker = sagemaker

    async def close(self) -> None:
        """Stop every model process."""
        await self._sagemaker.close()


def install(workspace: Workspace, *, endpoint_url: str) -> Plugins:
    """Add SageMaker hosting, CloudWatch's alarms and metric math, and Application Auto Scaling."""
    sagemaker = SageMaker(workspace, endpoint_url=endpoint_url)
    sagemaker.install()
    alarms.install()
    composite_alarms.install()
    metric_data.install()
    schedules.install()
    autoscaling.install()
    return Plugins(sagemaker)

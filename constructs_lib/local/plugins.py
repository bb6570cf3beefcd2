"""What this package adds to ministack, put together."""

from __future__ import annotations

import importlib
import importlib.util

from . import alarms
from .sagemaker.service import SageMaker
from .workspace import Workspace


class Plugins:
    """The installed plug-ins, to be closed when the server stops."""

    def __init__(self, sagemaker: SageMaker, workspace: Workspace) -> None:
        self._sagemaker = sagemaker
        self._workspace = workspace

    async def close(self) -> None:
        """Stop every model process and remove the temporary files."""
        await self._sagemaker.close()
        self._workspace.close()


def install(*, endpoint_url: str) -> Plugins:
    """Add SageMaker hosting, alarms that look at their dimensions, and Application Auto Scaling."""
    workspace = Workspace()
    sagemaker = SageMaker(workspace, endpoint_url=endpoint_url)
    sagemaker.install()
    alarms.install()
    if importlib.util.find_spec("constructs_lib.local.autoscaling") is not None:
        importlib.import_module("constructs_lib.local.autoscaling").install()
    return Plugins(sagemaker, workspace)

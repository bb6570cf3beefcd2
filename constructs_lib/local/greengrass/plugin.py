"""Greengrass V2, put into the ministack of this process."""

from __future__ import annotations

from .. import emulator, emulator_iot
from ..settings import settings
from . import core_devices, faults, grants
from .service import Service
from .state import NAMESPACE
from .wire import MODEL


def install() -> None:
    """The service, its rights, its ear for what core devices report; and the minutes of IoT's jobs."""
    emulator.add_service(NAMESPACE, faults.TARGET_PREFIX, Service())
    emulator.enforce_iam_for(NAMESPACE, [MODEL], grants.resource_arn)
    emulator_iot.listen(core_devices.hear)
    emulator_iot.scale_job_minutes(settings().job_minute)
    emulator_iot.mend_continuous_rollouts()

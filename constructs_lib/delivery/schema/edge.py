"""Fleets of devices."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import AlarmArn, BucketName, Choice, Duration, Part, RepositoryPath, Size, TableArn
from .hosting import Notified
from .model import Data


class DevicesSpec(Choice):
    """Which devices may join."""

    matching: str | None = None
    """A regular expression that the whole serial number matches, such as `cam-[0-9]{6}`."""
    listed: Annotated[list[str], Field(min_length=1, max_length=100)] | None = None
    """Serial numbers."""
    registered: TableArn | None = None
    """A DynamoDB table with the partition key `serial`."""


class ExponentialSpec(Part):
    """A rate that grows with what has succeeded."""

    base: int
    """Devices a minute at first."""
    factor: float = 2.0
    succeeded: int = 10


class EdgeRolloutSpec(Part):
    """How a new version reaches the devices."""

    canary_percent: Annotated[float, Field(ge=0, le=100)] = 5
    canary_min_devices: int = 1
    soak: Duration | None = None
    """How long canaries run it before the others get it. Default: 24 hours."""
    max_per_minute: int = 50
    exponential: ExponentialSpec | None = None
    abort_percent: float = 10
    """So many failures stop it."""
    abort_min_devices: int = 1
    device_timeout: Duration | None = None
    canary_timeout: Duration | None = None
    fleet_timeout: Duration | None = None
    look_every: Duration | None = None
    alarms: list[AlarmArn] = []
    """Alarms that stop it."""
    on_empty_canary: Literal["refuse", "skip"] = "refuse"
    start_on_deploy: bool = True


class TelemetrySpec(Part):
    """What devices report."""

    sample_percent: Annotated[float, Field(ge=0, le=100)] = 100
    inputs: bool = True
    bucket: BucketName | None = None
    """Default: a new one."""
    summary_every: Duration | None = None
    silent_after: Duration | None = None
    silent_devices: int = 1
    error_percent: float = 5.0
    latency_p99: Duration | None = None
    buffer: Size | None = None
    retention: Duration | None = None


class ProgramSpec(Part):
    """The program that serves the model on a device."""

    http_port: int | None = None
    socket: str | None = None
    memory: Size | None = None
    threads: int = 1
    max_concurrent: int = 8
    python: str = "python3"
    wheels: RepositoryPath | None = None
    """Folder with the packages, for devices that reach no index."""


class EdgeFleetSpec(Notified):
    """Spec of an `EdgeFleet`: a model on devices, canary first."""

    model: Data
    """Folder or archive with `model.onnx`."""
    devices: DevicesSpec
    rollout: EdgeRolloutSpec | None = None
    telemetry: TelemetrySpec | None = None
    program: ProgramSpec | None = None
    components: dict[str, str] = {}
    """Other Greengrass components with their versions."""
    fleet_name: str | None = None
    """Default: the environment's name and the deployment's."""
    artefact_bucket: BucketName | None = None
    """Default: a new one."""
    dashboard: bool = True

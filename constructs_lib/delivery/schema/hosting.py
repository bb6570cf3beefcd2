"""How a model is served: scaling, rollout, capture, alarms, and what all endpoints have in common."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .access import ApiSpec
from .base import (
    AlarmArn,
    BucketName,
    Choice,
    Duration,
    EncryptionKey,
    InstanceType,
    Part,
    Size,
    TopicArn,
    whole,
)
from .model import ModelSpec
from .smoke import SmokeTestSpec


class Schedule(Choice):
    """When something happens again and again."""

    cron: str | None = None
    """Six fields: minute hour day-of-month month day-of-week year, such as `0 2 * * ? *`."""
    every: Duration | None = None


class ScheduledCapacity(Part):
    """Bounds that change at set times."""

    name: str
    """Of its own among the schedules."""
    cron: str
    """Six fields: minute hour day-of-month month day-of-week year, such as `0 6 ? * MON-FRI *`."""
    min_capacity: int | None = None
    max_capacity: int | None = None
    timezone: str | None = None
    """Such as `Europe/Berlin`. Default: UTC."""


class Scaling(Part):
    """Bounds for a capacity, and the targets that move it between them."""

    min_capacity: Annotated[int, Field(ge=0)]
    """Capacity that is always there; 2 survive the loss of a zone."""
    max_capacity: Annotated[int, Field(ge=1)]
    invocations_per_instance: float | None = None
    """Target: invocations per instance and minute."""
    concurrent_requests_per_model: float | None = None
    """Target: requests in flight per model copy."""
    cpu_utilization: float | None = None
    """Target: percent of one vCPU, so 0–400 on four of them."""
    backlog_per_instance: float | None = None
    """Target of an asynchronous endpoint: requests waiting per instance."""
    provisioned_concurrency_utilization: float | None = None
    """Target of a serverless endpoint: share of the provisioned concurrency in use, 0.1–0.9."""
    invocations_per_copy: float | None = None
    """Target of an inference component: invocations per copy and minute."""
    concurrent_requests_per_copy: float | None = None
    """Target of an inference component: requests in flight per copy."""
    schedules: list[ScheduledCapacity] = []
    scale_in_cooldown: Duration | None = None
    """Default: 5 minutes."""
    scale_out_cooldown: Duration | None = None
    """Default: 5 minutes."""
    scale_in: bool = True
    """`false`: targets add instances and never remove them."""


class RollbackSpec(Part):
    """What takes a rollout back."""

    error_rate_percent: float | None = None
    """Share of invocations answered 5xx within a minute that trips. Default: 5."""
    latency: Duration | None = None
    """p99 of the model's latency within a minute that trips. Default: 30 seconds."""
    latency_alarm: bool = True
    """`false`: no latency alarm."""
    alarms: list[AlarmArn] = []
    """Alarms of yours, on top."""


class AllAtOnce(Part):
    """A second fleet that gets all the traffic at once."""

    termination_wait: Duration | None = None
    """How long the old fleet stays."""
    maximum_execution: Duration | None = None


class Canary(Part):
    """A second fleet of which a part takes the traffic first."""

    size_percent: Annotated[int, Field(ge=1, le=50)] | None = None
    size_instances: int | None = None
    wait: Duration
    """How long the first part bakes."""
    termination_wait: Duration | None = None
    maximum_execution: Duration | None = None


class Linear(Part):
    """A second fleet that takes the traffic in steps."""

    step_percent: Annotated[int, Field(ge=10, le=50)] | None = None
    step_instances: int | None = None
    wait: Duration
    """Between two steps."""
    termination_wait: Duration | None = None
    maximum_execution: Duration | None = None


class Rolling(Part):
    """Batches of instances that are replaced in place."""

    batch_percent: Annotated[int, Field(ge=5, le=50)] | None = None
    batch_instances: int | None = None
    wait: Duration
    """Between two batches."""
    rollback_percent: Annotated[int, Field(ge=5, le=100)] | None = None
    maximum_execution: Duration | None = None


class Unguarded(Part):
    """All traffic at once, with no alarm watching."""


class RolloutSpec(Part):
    """How traffic moves to a new version. At most one of the strategies; default: all at once, guarded."""

    all_at_once: AllAtOnce | None = None
    canary: Canary | None = None
    linear: Linear | None = None
    rolling: Rolling | None = None
    unguarded: Unguarded | None = None
    rollback: RollbackSpec | None = None
    """What takes it back. Default: errors above 5 % or a p99 above 30 seconds."""


class Capture(Part):
    """Requests and answers, written to S3."""

    sampling_percent: Annotated[int, Field(ge=1, le=100)] = 100
    bucket: BucketName | None = None
    """Default: a new one."""
    prefix: str = "data-capture"
    capture_input: bool = True
    capture_output: bool = True
    csv_content_types: list[str] = ["text/csv"]
    json_content_types: list[str] = ["application/json", "application/jsonlines"]


class ErrorAlarm(Part):
    """Too many errors: a share or a count within a period."""

    percent: Annotated[float, Field(gt=0, le=100)] | None = None
    count: int | None = None
    min_requests: int = 1
    """With fewer in a period it does not alarm."""
    evaluation_periods: int | None = None
    datapoints: int | None = None
    period: Duration | None = None
    runbook: str | None = None
    """Address of what to do."""


class LatencyAlarm(Part):
    """Answers that take too long."""

    at_most: Duration
    min_requests: int = 1
    """With fewer in a period it does not alarm."""
    evaluation_periods: int | None = None
    datapoints: int | None = None
    period: Duration | None = None
    runbook: str | None = None
    """Address of what to do."""


class UtilizationAlarm(Part):
    """A resource that is nearly used up."""

    percent: Annotated[float, Field(gt=0, le=100)]
    evaluation_periods: int | None = None
    datapoints: int | None = None
    period: Duration | None = None
    runbook: str | None = None
    """Address of what to do."""


class TrafficAlarm(Part):
    """Fewer requests than there should be."""

    fewer_than: Annotated[int, Field(ge=1)]
    evaluation_periods: int | None = None
    datapoints: int | None = None
    period: Duration | None = None
    runbook: str | None = None
    """Address of what to do."""


class AlarmsSpec(Part):
    """Alarms by what they measure, each with thresholds by name, such as `Critical` and `Warning`."""

    defaults: bool = True
    """Whether the alarms that suit the kind of endpoint are made too; what is given here outranks them."""
    error_rate: dict[str, ErrorAlarm] = {}
    """5xx answers."""
    client_error_rate: dict[str, ErrorAlarm] = {}
    """4xx answers."""
    latency_p50: dict[str, LatencyAlarm] = {}
    latency_p99: dict[str, LatencyAlarm] = {}
    overhead_p99: dict[str, LatencyAlarm] = {}
    cpu: dict[str, UtilizationAlarm] = {}
    memory: dict[str, UtilizationAlarm] = {}
    disk: dict[str, UtilizationAlarm] = {}
    gpu: dict[str, UtilizationAlarm] = {}
    gpu_memory: dict[str, UtilizationAlarm] = {}
    invocations_low: dict[str, TrafficAlarm] = {}


class Metrics(Part):
    """How SageMaker publishes the endpoint's metrics."""

    enhanced: bool = True
    """Per instance and container."""
    every: Duration | None = None
    """10 seconds to 5 minutes. Default: 1 minute."""


class Common(Part):
    """What every kind has."""

    encryption_key: EncryptionKey | None = None
    """Key of volumes and data: an ARN; `new`: one of the deployment's own; `none`: those of AWS.
    Default: the environment's, else `new`."""


class Notified(Common):
    """What tells somebody of its alarms."""

    notify: list[TopicArn] = []
    """Topics that hear of alarms, besides the environment's."""


class EndpointCommon(Notified):
    """What every endpoint has."""

    endpoint_name: Annotated[str, Field(pattern=whole(r"[a-z0-9](-*[a-z0-9]){0,62}"))] | None = None
    """Default: the environment's name and the deployment's, such as `dev-fraud`."""
    parameter_name: Annotated[str, Field(pattern=whole(r"/\S+"))] | None = None
    """Name of a parameter of Systems Manager that holds the endpoint's name. Default: none."""
    alarms: AlarmsSpec | None = None
    """Default: those that suit the kind, where `notify` or the environment's has a topic."""
    api: ApiSpec | None = None
    """An HTTP API in front of it, for applications that are not to know of SageMaker. Default: none."""
    smoke_test: SmokeTestSpec | None = None
    """A request whose answer decides whether the deployment stays. Default: none is sent."""


class OnInstances(EndpointCommon):
    """What an endpoint with instances has."""

    instance_count: Annotated[int, Field(ge=1)] | None = None
    """Instances at first. Default: the scaling's minimum, else 1."""
    scaling: Scaling | None = None
    """Default: the count stays."""
    rollout: RolloutSpec | None = None
    """Default: all at once, with rollback."""
    capture: Capture | None = None
    """Default: none."""
    metrics: Metrics | None = None


class Served(OnInstances):
    """What an endpoint on instances of one type has."""

    instance_type: InstanceType
    """Such as `ml.m5.large`."""


class VariantSpec(Part):
    """One of several models behind one endpoint."""

    name: Annotated[str, Field(pattern=whole(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"))]
    model: ModelSpec
    instance_type: InstanceType
    instance_count: Annotated[int, Field(ge=1)] | None = None
    weight: Annotated[float, Field(ge=0)] = 1.0
    """Share of the traffic, relative to the sum."""
    scaling: Scaling | None = None
    volume_size: Size | None = None
    download_timeout: Duration | None = None
    startup_timeout: Duration | None = None
    routing: Literal["LEAST_OUTSTANDING_REQUESTS", "RANDOM"] | None = None


class MachineLimits(Part):
    """Volume and time-outs of instances."""

    volume_size: Size | None = None
    download_timeout: Duration | None = None
    startup_timeout: Duration | None = None

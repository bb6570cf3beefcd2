"""Model Monitor: its schedules and the definitions of its jobs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..core import instance_types
from ..core.catalogue import Broken
from ..core.limits import JOB_VOLUME_GIB, MAX_SECURITY_GROUPS, MAX_SUBNETS
from ..monitoring.model_monitor.cadence import offset_seconds, period_seconds
from .checks import counted, matching, whole
from .links import ENDPOINT, config_of, production
from .registry import template_rule
from .template import Node, Resource

SCHEDULE = "AWS::SageMaker::MonitoringSchedule"
_QUALITY = "AWS::SageMaker::ModelQualityJobDefinition"
_BIAS = "AWS::SageMaker::ModelBiasJobDefinition"
_DATA = "AWS::SageMaker::DataQualityJobDefinition"
_EXPLAINABILITY = "AWS::SageMaker::ModelExplainabilityJobDefinition"
JOBS = (_DATA, _QUALITY, _BIAS, _EXPLAINABILITY)

_ONCE = re.compile(r"NOW")


def _job(resource: Resource) -> Node:
    """The definition: a resource of its own, or within a schedule."""
    inline = resource.properties.at("MonitoringScheduleConfig", "MonitoringJobDefinition")
    return inline if resource.type == SCHEDULE else resource.properties


def _cluster(resource: Resource) -> Node:
    resources = _job(resource)["MonitoringResources" if resource.type == SCHEDULE else "JobResources"]
    return resources["ClusterConfig"]


def _input(resource: Resource) -> Node:
    """What a definition of its own reads from the endpoint."""
    kind = resource.type.rpartition(":")[2].removesuffix("JobDefinition")
    return resource[f"{kind}JobInput"]["EndpointInput"]


@template_rule("SM-MODELMONITOR-001", *JOBS)
def _no_serverless_endpoint(job: Resource) -> Iterator[Broken]:
    name = _input(job)["EndpointName"]
    endpoint = job.template.named_by(name, ENDPOINT)
    config = None if endpoint is None else config_of(endpoint)
    if config is not None and any(each.serverless for each in production(config)):
        yield Broken(name.path, "a serverless endpoint", "an endpoint on instances")


@template_rule("SM-MODELMONITOR-004", SCHEDULE)
def _schedule_is_one_of_few(schedule: Resource) -> Iterator[Broken]:
    given = schedule.properties.at("MonitoringScheduleConfig", "ScheduleConfig", "ScheduleExpression")
    if given.text is None or _ONCE.fullmatch(given.text) or period_seconds(given.text) is not None:
        return
    allowed = "cron(0 * ? * * *), cron(0 <hour> ? * * *), cron(0 <hour>/<1–24> ? * * *) or NOW"
    yield Broken(given.path, given.text, allowed)


@template_rule("SM-MODELMONITOR-005", _QUALITY, _BIAS)
def _offsets_bound_a_window(job: Resource) -> Iterator[Broken]:
    seconds: dict[str, int] = {}
    for name in ("StartTimeOffset", "EndTimeOffset"):
        given = _input(job)[name]
        if given.text is None:
            continue
        found = offset_seconds(given.text)
        if found is None:
            yield Broken(given.path, given.text, "-P<days>D, -PT<hours>H or -PT<minutes>M")
        else:
            seconds[name] = found
    if len(seconds) == 2 and seconds["StartTimeOffset"] <= seconds["EndTimeOffset"]:
        start = _input(job)["StartTimeOffset"]
        yield Broken(start.path, start.text, "an offset that lies before EndTimeOffset")


@template_rule("SM-MODELMONITOR-008", SCHEDULE, *JOBS)
def _sizes_fit(resource: Resource) -> Iterator[Broken]:
    cluster = _cluster(resource)
    yield from matching(
        cluster["InstanceType"], instance_types.PATTERN, "an instance type such as ml.m5.xlarge"
    )
    yield from whole(cluster["VolumeSizeInGB"], JOB_VOLUME_GIB)


@template_rule("SM-MODELMONITOR-009", _EXPLAINABILITY)
def _attribution_calls_out(job: Resource) -> Iterator[Broken]:
    isolated = job["NetworkConfig"]["EnableNetworkIsolation"]
    if isolated.true:
        yield Broken(isolated.path, True, "false: the job makes an endpoint, and calls it")


@template_rule("SM-MODELMONITOR-011", SCHEDULE, *JOBS)
def _network_is_whole(resource: Resource) -> Iterator[Broken]:
    network = _job(resource)["NetworkConfig"]["VpcConfig"]
    yield from counted(network["Subnets"], (1, MAX_SUBNETS), "subnets")
    yield from counted(network["SecurityGroupIds"], (1, MAX_SECURITY_GROUPS), "groups")


@template_rule("SM-MODELMONITOR-101", SCHEDULE)
def _closed_to_new_customers(schedule: Resource) -> Iterator[Broken]:
    where = schedule["MonitoringScheduleConfig"]
    yield Broken(where.path, "Model Monitor", "a monitor of your own, such as MonitoredEndpoint's")

"""What Model Monitor would refuse, or do otherwise than meant."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...core.checks import KEY_PREFIX, kind, known, number, text, whole_number
from ...core.instance_types import PATTERN
from ...core.limits import JOB_VOLUME_GIB, NAME_ALLOWED, NAME_PATTERN
from ...core.rules import API_REFERENCE, DEVELOPER_GUIDE, Advice, Broken, Rules, listed
from ...core.shapes import misfits
from ...hosting.component_endpoint import ComponentEndpoint
from ...hosting.multi_model import MultiModelEndpoint
from ...hosting.serverless import ServerlessEndpoint
from ...model.network import network_props_go_together
from .cadence import offset_seconds, period_seconds
from .job import BiasAnalysis, ModelMonitorJob, MonitorKind, Place, ProblemType, ShapAnalysis

CLOSED = Advice(
    "SM-MODELMONITOR-101",
    "Model Monitor and Clarify take no new customers since 2026-07-30.",
    DEVELOPER_GUIDE + "model-monitor-availability-change.html",
)
SERVERLESS = listed(
    id="SM-MODELMONITOR-001",
    summary="Model Monitor monitors no serverless endpoint.",
    source=DEVELOPER_GUIDE + "serverless-endpoints.html#serverless-endpoints-how-it-works-exclusions",
)
ONE_MODEL = listed(
    id="SM-MODELMONITOR-002",
    summary="Model Monitor monitors endpoints that host a single model.",
    source=DEVELOPER_GUIDE + "model-monitor.html",
)
_OWN = "the library's own engine, which is the default"


def refuse_endpoint(endpoint: object, *, path: str, property: str = "endpoint") -> None:
    """Raise for an endpoint of a kind that Model Monitor does not monitor.

    That endpoints of inference components count as hosting several models is inferred.

    :param path: of the construct that asks for it.
    :raises ConstraintError: SM-MODELMONITOR-001, -002.
    """
    if isinstance(endpoint, ServerlessEndpoint):
        broken = Broken(property, "a ServerlessEndpoint", "an endpoint with instances of its own", _OWN)
        raise SERVERLESS.error(path, broken)
    if isinstance(endpoint, MultiModelEndpoint | ComponentEndpoint):
        broken = Broken(property, f"a {type(endpoint).__name__}", "an endpoint with a single model", _OWN)
        raise ONE_MODEL.error(path, broken)


job_rules = Rules[ModelMonitorJob]()

_MOST_OF_A_RUN = 86_400
_HOUR = 3600
_MOST_BACKGROUND = 100
_MONITOR_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


@job_rules.rule("SM-MODELMONITOR-004", source=DEVELOPER_GUIDE + "model-monitor-schedule-expression.html")
def schedule_is_one_of_few(job: ModelMonitorJob) -> Iterator[Broken]:
    """A schedule is hourly, daily, or every 1–24 hours from an hour of the day on."""
    if known(job.schedule) and period_seconds(job.schedule) is None:
        allowed = "cron(0 * ? * * *), cron(0 <hour> ? * * *) or cron(0 <hour>/<1–24> ? * * *)"
        yield Broken("schedule", job.schedule, allowed)


@job_rules.rule("SM-MODELMONITOR-005", source=DEVELOPER_GUIDE + "model-monitor-model-quality-schedule.html")
def offsets_bound_a_window(job: ModelMonitorJob) -> Iterator[Broken]:
    """Offsets are days, hours or minutes before the job, the start before the end, for model quality and bias."""
    found: dict[str, int] = {}
    for name, given in (("start_offset", job.start_offset), ("end_offset", job.end_offset)):
        if given is None:
            continue
        if not job.kind.takes_labels:
            yield Broken(name, given, f"nothing: {job.kind.monitoring_type} has no labels to wait for")
        elif known(given):
            seconds = offset_seconds(given)
            if seconds is None:
                yield Broken(name, given, "-P<days>D, -PT<hours>H or -PT<minutes>M, at most 15 characters")
            else:
                found[name] = seconds
    if len(found) == 2 and found["start_offset"] <= found["end_offset"]:
        yield Broken("start_offset", job.start_offset, f"before end_offset ({job.end_offset})")
    if (job.start_offset is None) != (job.end_offset is None):
        yield Broken("start_offset", job.start_offset, "both offsets, or neither")


@job_rules.rule("SM-MODELMONITOR-006", source=API_REFERENCE + "API_MonitoringStoppingCondition.html")
def run_ends_before_the_next(job: ModelMonitorJob) -> Iterator[Broken]:
    """A job runs no longer than to the next one; one that merges labels first, half of that."""
    limit = longest_run(job)
    if limit is not None:
        yield from whole_number("max_runtime_seconds", job.max_runtime_seconds, 1, limit)


def longest_run(job: ModelMonitorJob) -> int | None:
    """The seconds that a job may run at most; None where the schedule is unknown."""
    period = period_seconds(job.schedule) if known(job.schedule) else _HOUR
    if period is None:
        return None
    return min(_MOST_OF_A_RUN, period // 2 if job.kind.takes_labels else period)


def runtime_seconds(job: ModelMonitorJob) -> int:
    """The seconds that a job may run."""
    if job.max_runtime_seconds is not None:
        return job.max_runtime_seconds
    return min(longest_run(job) or _HOUR, _HOUR)


@job_rules.rule("SM-MODELMONITOR-007", source=DEVELOPER_GUIDE + "model-monitor.html")
def kind_has_what_it_takes(job: ModelMonitorJob) -> Iterator[Broken]:
    """Each kind of monitor has what it analyses by: labels, a problem type, a bias or a SHAP analysis."""
    of = job.kind
    wanted = {
        "ground_truth": (job.ground_truth, of.takes_labels),
        "problem": (job.problem, of == MonitorKind.MODEL_QUALITY),
        "bias": (job.bias, of == MonitorKind.BIAS),
        "shap": (job.shap, of == MonitorKind.ATTRIBUTION),
    }
    for name, (given, needed) in wanted.items():
        if needed and given is None:
            yield Broken(name, given, f"needed for {of.monitoring_type}")
        if not needed and given is not None:
            yield Broken(name, given, f"nothing for {of.monitoring_type}")
    where = job.attributes
    if of == MonitorKind.MODEL_QUALITY and where.inference is None:
        binary = job.problem == ProblemType.BINARY
        if not binary or where.probability is None or where.probability_threshold is None:
            more = ", or a probability and its threshold" if binary else ""
            yield Broken("attributes.inference", None, f"where the prediction is{more}")


@job_rules.rule("SM-MODELMONITOR-008", source=API_REFERENCE + "API_MonitoringClusterConfig.html")
def names_and_sizes(job: ModelMonitorJob) -> Iterator[Broken]:
    """A job has an endpoint, a monitor's name, an instance type of SageMaker's and a volume of 1–16,384 GiB."""
    yield from text("name", job.name, _MONITOR_NAME, "1–63 letters, digits, hyphens, dots and underscores")
    yield from text("endpoint_name", job.endpoint_name, NAME_PATTERN, NAME_ALLOWED)
    yield from text("instance_type", job.instance_type, PATTERN, "an instance type such as ml.m5.xlarge")
    yield from whole_number("volume_gibibytes", job.volume_gibibytes, *JOB_VOLUME_GIB)
    yield from number("attributes.probability_threshold", job.attributes.probability_threshold, 0, 1)
    if job.kind == MonitorKind.ATTRIBUTION and job.attributes.probability_threshold is not None:
        given = job.attributes.probability_threshold
        yield Broken(
            "attributes.probability_threshold", given, "nothing: probabilities are explained as they are"
        )
    for name in ("captured", "baseline", "results", "ground_truth"):
        place = getattr(job, name)
        yield from kind(name, place, Place, optional=name == "ground_truth")
        if isinstance(place, Place):
            yield from text(f"{name}.prefix", place.prefix, KEY_PREFIX, "a key prefix, no slash at the ends")


@job_rules.rule("SM-MODELMONITOR-009", source=DEVELOPER_GUIDE + "clarify-vpc.html")
def attribution_calls_out(job: ModelMonitorJob) -> Iterator[Broken]:
    """A job of attribution is not isolated: it makes an endpoint and calls it."""
    if job.kind == MonitorKind.ATTRIBUTION and job.network_isolation:
        yield Broken("network_isolation", True, "False: the job makes an endpoint, and calls it")


@job_rules.rule(
    "SM-MODELMONITOR-010", source=DEVELOPER_GUIDE + "clarify-processing-job-configure-analysis.html"
)
def analyses_are_whole(job: ModelMonitorJob) -> Iterator[Broken]:
    """Clarify is told what the good outcome is, by which facets bias is measured, and 1–100 background rows."""
    parts = {"attributes": job.attributes, "bias": job.bias, "shap": job.shap}
    misfit = [
        Broken(f"{name}.{where}", given, allowed)
        for name, part in parts.items()
        if part is not None
        for where, given, allowed in misfits(part)
    ]
    yield from misfit
    if misfit:
        return
    if job.bias is not None:
        yield from _whole_bias(job.bias)
    if job.shap is not None:
        yield from _whole_shap(job.shap)


def _whole_bias(bias: BiasAnalysis) -> Iterator[Broken]:
    for name, listed_ in (("label_values", bias.label_values), ("facets", bias.facets)):
        if not listed_:
            yield Broken(f"bias.{name}", listed_, "at least one")
    for index, facet in enumerate(bias.facets):
        for where, given, allowed in misfits(facet):
            yield Broken(f"bias.facets[{index}].{where}", given, allowed)


def _whole_shap(shap: ShapAnalysis) -> Iterator[Broken]:
    rows = shap.background
    if not 1 <= len(rows) <= _MOST_BACKGROUND:
        yield Broken("shap.background", f"{len(rows)} rows", f"1–{_MOST_BACKGROUND} rows")
    elif len({len(row) for row in rows}) > 1 or not rows[0]:
        yield Broken("shap.background", "rows of several lengths, or of none", "a value for each feature")
    elif shap.headers is not None and len(shap.headers) != len(rows[0]):
        wanted = f"{len(rows[0])}, one for each value of a row"
        yield Broken("shap.headers", f"{len(shap.headers)} names", wanted)
    yield from whole_number("shap.samples", shap.samples, 1, 1_000_000)
    yield from text("shap.instance_type", shap.instance_type, PATTERN, "such as ml.m5.xlarge")


@job_rules.rule("SM-MODELMONITOR-011", source=API_REFERENCE + "API_VpcConfig.html")
def network_goes_together(job: ModelMonitorJob) -> Iterator[Broken]:
    """Subnets (1–16) and security groups (1–5) go with a VPC."""
    yield from network_props_go_together(job)

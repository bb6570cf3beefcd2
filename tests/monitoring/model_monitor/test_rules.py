"""What a monitor of Model Monitor refuses, and that it takes what is just inside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import aws_cdk as cdk
import pytest

from constructs_lib import (
    ComponentEndpoint,
    MultiModelEndpoint,
    RealtimeEndpoint,
    ServerlessEndpoint,
)
from constructs_lib.monitoring.model_monitor.cadence import (
    daily,
    every,
)
from constructs_lib.monitoring.model_monitor.job import (
    Attributes,
    BiasAnalysis,
    Facet,
    MonitorKind,
    Place,
    ProblemType,
    ShapAnalysis,
)
from constructs_lib.monitoring.model_monitor.rules import longest_run, refuse_endpoint
from constructs_lib.monitoring.model_monitor.schedule import ModelMonitorSchedule
from tests.support.refusals import NAN, Refusal, as_parameters, assert_refused_for, refused, sole_violation
from tests.support.synth import a_bucket, an_endpoint

from .jobs import BIAS, KINDS, SHAP, a_job, a_place, a_schedule, a_stack

DATA, QUALITY = MonitorKind.DATA_QUALITY, MonitorKind.MODEL_QUALITY
OF_BIAS, ATTRIBUTION = MonitorKind.BIAS, MonitorKind.ATTRIBUTION

OFFSETS = {"start_offset": "-PT2H", "end_offset": "-PT1H"}


def made(kind: MonitorKind, **changes: Any) -> Callable[[], object]:
    """An attempt to make a monitor of `kind`."""
    return lambda: a_schedule(a_stack(), kind, **changes)


def shap(**changes: Any) -> ShapAnalysis:
    """The least of an analysis."""
    return ShapAnalysis(**{"model_name": "fraud", "background": [[1, 2]], **changes})


CRON = "cron(0 * ? * * *)"
NO_LABELS = BiasAnalysis(label_values=[], facets=[Facet(name="sex")])
NO_FACETS = BiasAnalysis(label_values=[1], facets=[])
UNSURE = Attributes(inference="0", probability_threshold=1.1)
SURE = Attributes(probability_threshold=0.5)

REFUSED = [
    Refusal("SM-MODELMONITOR-004", made(DATA, schedule="rate(1 hour)"), "schedule", "rate(1 hour)", CRON),
    Refusal("SM-MODELMONITOR-004", made(DATA, schedule="NOW"), "schedule", "NOW", CRON),
    Refusal("SM-MODELMONITOR-004", made(DATA, schedule=daily(24)), "schedule", daily(24), CRON),
    Refusal("SM-MODELMONITOR-004", made(DATA, schedule=daily(-1)), "schedule", daily(-1), CRON),
    Refusal("SM-MODELMONITOR-004", made(DATA, schedule=every(25)), "schedule", every(25), CRON),
    Refusal("SM-MODELMONITOR-004", made(DATA, schedule=every(0)), "schedule", every(0), CRON),
    Refusal(
        "SM-MODELMONITOR-004",
        made(DATA, schedule="cron(0 */2 ? * * *)"),
        "schedule",
        "cron(0 */2 ? * * *)",
        CRON,
    ),
    Refusal(
        "SM-MODELMONITOR-004", made(DATA, schedule="cron(5 * ? * * *)"), "schedule", "cron(5 * ? * * *)", CRON
    ),
    Refusal(
        "SM-MODELMONITOR-004", made(DATA, schedule="cron(0 * * * ? *)"), "schedule", "cron(0 * * * ? *)", CRON
    ),
    Refusal("SM-MODELMONITOR-004", made(DATA, schedule=""), "schedule", "", CRON),
    Refusal(
        "SM-MODELMONITOR-005",
        made(QUALITY, start_offset="-PT1H", end_offset="-PT1H"),
        "start_offset",
        "-PT1H",
        "before end_offset",
    ),
    Refusal("SM-MODELMONITOR-005", made(QUALITY, start_offset="-PT2H"), "start_offset", "-PT2H", "both"),
    Refusal("SM-MODELMONITOR-005", made(QUALITY, end_offset="-PT2H"), "start_offset", None, "both"),
    Refusal(
        "SM-MODELMONITOR-005",
        made(QUALITY, start_offset="-PT2H", end_offset="1 hour"),
        "end_offset",
        "1 hour",
        "-PT<hours>H",
    ),
    Refusal(
        "SM-MODELMONITOR-005",
        made(QUALITY, start_offset="-P1DT1H", end_offset="-PT1H"),
        "start_offset",
        "-P1DT1H",
        "-P<days>D",
    ),
    Refusal(
        "SM-MODELMONITOR-006",
        made(DATA, max_runtime_seconds=3601),
        "max_runtime_seconds",
        3601,
        "from 1 to 3600",
    ),
    Refusal(
        "SM-MODELMONITOR-006", made(DATA, max_runtime_seconds=0), "max_runtime_seconds", 0, "from 1 to 3600"
    ),
    Refusal(
        "SM-MODELMONITOR-006",
        made(QUALITY, max_runtime_seconds=1801),
        "max_runtime_seconds",
        1801,
        "from 1 to 1800",
    ),
    Refusal(
        "SM-MODELMONITOR-006",
        made(OF_BIAS, max_runtime_seconds=1801),
        "max_runtime_seconds",
        1801,
        "from 1 to 1800",
    ),
    Refusal(
        "SM-MODELMONITOR-006",
        made(ATTRIBUTION, max_runtime_seconds=86401, schedule=daily(0)),
        "max_runtime_seconds",
        86401,
        "from 1 to 86400",
    ),
    Refusal(
        "SM-MODELMONITOR-007",
        made(QUALITY, ground_truth=None),
        "ground_truth",
        None,
        "needed for ModelQuality",
    ),
    Refusal("SM-MODELMONITOR-007", made(OF_BIAS, bias=None), "bias", None, "needed for ModelBias"),
    Refusal(
        "SM-MODELMONITOR-007", made(ATTRIBUTION, shap=None), "shap", None, "needed for ModelExplainability"
    ),
    Refusal(
        "SM-MODELMONITOR-007",
        made(DATA, problem=ProblemType.BINARY),
        "problem",
        ProblemType.BINARY,
        "nothing for DataQuality",
    ),
    Refusal("SM-MODELMONITOR-007", made(DATA, bias=BIAS), "bias", BIAS, "nothing for DataQuality"),
    Refusal("SM-MODELMONITOR-007", made(QUALITY, shap=SHAP), "shap", SHAP, "nothing for ModelQuality"),
    Refusal(
        "SM-MODELMONITOR-007",
        made(QUALITY, attributes=Attributes()),
        "attributes.inference",
        None,
        "or a probability",
    ),
    Refusal(
        "SM-MODELMONITOR-007",
        made(QUALITY, attributes=Attributes(probability="0")),
        "attributes.inference",
        None,
        "or a probability",
    ),
    Refusal(
        "SM-MODELMONITOR-007",
        made(QUALITY, problem=ProblemType.REGRESSION),
        "attributes.inference",
        None,
        "where the prediction is",
    ),
    Refusal("SM-MODELMONITOR-008", made(DATA, name="a b"), "name", "a b", "1–63"),
    Refusal("SM-MODELMONITOR-008", made(DATA, name=""), "name", "", "1–63"),
    Refusal("SM-MODELMONITOR-008", made(DATA, name="x" * 64), "name", "x" * 64, "1–63"),
    Refusal("SM-MODELMONITOR-008", made(DATA, endpoint_name="a_b"), "endpoint_name", "a_b", "1–63"),
    Refusal("SM-MODELMONITOR-008", made(DATA, endpoint_name="x" * 64), "endpoint_name", "x" * 64, "1–63"),
    Refusal(
        "SM-MODELMONITOR-008",
        made(DATA, instance_type="m5.xlarge"),
        "instance_type",
        "m5.xlarge",
        "ml.m5.xlarge",
    ),
    Refusal(
        "SM-MODELMONITOR-008",
        made(DATA, volume_gibibytes=16_385),
        "volume_gibibytes",
        16_385,
        "from 1 to 16384",
    ),
    Refusal("SM-MODELMONITOR-008", made(DATA, volume_gibibytes=0), "volume_gibibytes", 0, "from 1 to 16384"),
    Refusal(
        "SM-MODELMONITOR-008",
        made(QUALITY, attributes=UNSURE),
        "attributes.probability_threshold",
        1.1,
        "at most 1",
    ),
    Refusal(
        "SM-MODELMONITOR-008",
        made(ATTRIBUTION, attributes=SURE),
        "attributes.probability_threshold",
        0.5,
        "nothing",
    ),
    Refusal(
        "SM-MODELMONITOR-009", made(ATTRIBUTION, network_isolation=True), "network_isolation", True, "False"
    ),
    Refusal("SM-MODELMONITOR-010", made(OF_BIAS, bias=NO_LABELS), "bias.label_values", [], "at least one"),
    Refusal("SM-MODELMONITOR-010", made(OF_BIAS, bias=NO_FACETS), "bias.facets", [], "at least one"),
    Refusal(
        "SM-MODELMONITOR-010",
        made(ATTRIBUTION, shap=shap(background=[])),
        "shap.background",
        "0 rows",
        "1–100",
    ),
    Refusal(
        "SM-MODELMONITOR-010",
        made(ATTRIBUTION, shap=shap(background=[[1]] * 101)),
        "shap.background",
        "101 rows",
        "1–100",
    ),
    Refusal(
        "SM-MODELMONITOR-010",
        made(ATTRIBUTION, shap=shap(background=[[]])),
        "shap.background",
        "rows of several lengths, or of none",
        "each feature",
    ),
    Refusal(
        "SM-MODELMONITOR-010",
        made(ATTRIBUTION, shap=shap(background=[[1], [1, 2]])),
        "shap.background",
        "rows of several lengths, or of none",
        "each feature",
    ),
    Refusal(
        "SM-MODELMONITOR-010",
        made(ATTRIBUTION, shap=shap(headers=["a"])),
        "shap.headers",
        "1 names",
        "2, one for each",
    ),
    Refusal("SM-MODELMONITOR-010", made(ATTRIBUTION, shap=shap(samples=0)), "shap.samples", 0, "from 1"),
    Refusal(
        "SM-MODELMONITOR-010",
        made(ATTRIBUTION, shap=shap(instance_type="large")),
        "shap.instance_type",
        "large",
        "ml.m5.xlarge",
    ),
    Refusal("SM-MODELMONITOR-011", made(DATA, security_groups=[]), "security_groups", [], "without a vpc"),
]


@pytest.mark.parametrize("refusal", as_parameters(REFUSED))
def test_what_is_refused(refusal: Refusal) -> None:
    refusal.check()


def test_a_refused_monitor_leaves_nothing_behind() -> None:
    stack = a_stack()
    error = refused(lambda: a_schedule(stack, schedule="NOW"))
    assert error.path == "Fraud/Monitor"
    assert stack.node.try_find_child("Monitor") is None
    assert error.violations[0].source.startswith("https://docs.aws.amazon.com/sagemaker/")


@pytest.mark.parametrize("kind", [DATA, ATTRIBUTION])
def test_without_labels_no_window_is_shifted(kind: MonitorKind) -> None:
    error = refused(lambda: a_schedule(a_stack(), kind, **OFFSETS))
    assert [each.property for each in error.violations] == ["start_offset", "end_offset"]


TAKEN: list[tuple[MonitorKind, dict[str, Any]]] = [
    (DATA, {"schedule": daily(0)}),
    (DATA, {"schedule": daily(23)}),
    (DATA, {"schedule": "cron(0 07 ? * * *)"}),
    (DATA, {"schedule": every(24, starting=23)}),
    (DATA, {"schedule": every(1)}),
    (DATA, {"schedule": cdk.Fn.import_value("Schedule")}),
    (DATA, {"max_runtime_seconds": 3600}),
    (DATA, {"max_runtime_seconds": 1}),
    (QUALITY, {"max_runtime_seconds": 1800}),
    (QUALITY, {"max_runtime_seconds": 43_200, "schedule": daily(3)}),
    (DATA, {"max_runtime_seconds": 86_400, "schedule": daily(3)}),
    (QUALITY, OFFSETS),
    (OF_BIAS, {"start_offset": "-P8D", "end_offset": "-P1D"}),
    (QUALITY, {"problem": ProblemType.REGRESSION, "attributes": Attributes(inference="0")}),
    (QUALITY, {"attributes": Attributes(inference="0", probability_threshold=1.0)}),
    (QUALITY, {"attributes": Attributes(inference="0", probability_threshold=0)}),
    (DATA, {"name": "x" * 63, "endpoint_name": "x" * 63}),
    (DATA, {"volume_gibibytes": 16_384}),
    (DATA, {"volume_gibibytes": 1}),
    (DATA, {"network_isolation": True}),
    (ATTRIBUTION, {"shap": ShapAnalysis(model_name="m", background=[[1, "a", 0.5]] * 100)}),
]


@pytest.mark.parametrize(("kind", "changes"), TAKEN)
def test_what_is_just_inside(kind: MonitorKind, changes: dict[str, Any]) -> None:
    a_schedule(a_stack(), kind, **changes)


WRONG: list[tuple[str, object]] = [
    ("name", 5),
    ("endpoint_name", None),
    ("captured", "s3://bucket/prefix"),
    ("baseline", None),
    ("results", 5),
    ("schedule", 5),
    ("attributes", None),
    ("instance_type", 5),
    ("volume_gibibytes", "20"),
    ("volume_gibibytes", True),
    ("max_runtime_seconds", 1.5),
    ("max_runtime_seconds", NAN),
    ("network_isolation", "yes"),
    ("volume_key", "arn"),
    ("role", "arn"),
    ("vpc", "vpc-1"),
    ("ground_truth", "labels"),
    ("problem", "Binary"),
    ("bias", {}),
    ("shap", {}),
]


@pytest.mark.parametrize(("property", "value"), WRONG)
def test_wrong_types_are_refused(property: str, value: object) -> None:
    assert_refused_for(lambda: a_schedule(a_stack(), DATA, **{property: value}), property)


def test_a_kind_is_one_of_four() -> None:
    stack = a_stack()
    job = replace(a_job(stack, DATA), kind="data_quality")  # type: ignore[arg-type]  # on purpose
    assert_refused_for(lambda: ModelMonitorSchedule(stack, "Monitor", job=job), "kind")


@pytest.mark.parametrize(
    ("changes", "property"),
    [
        ({"bias": BiasAnalysis(label_values=[NAN], facets=[Facet(name="sex")])}, "bias.label_values"),
        ({"bias": BiasAnalysis(label_values=[1], facets=[Facet(name="sex", values=[NAN])])}, "bias.facets"),
        ({"attributes": Attributes(inference="0", probability_threshold=NAN)}, "attributes"),
    ],
)
def test_numbers_of_analyses_are_finite(changes: dict[str, Any], property: str) -> None:
    assert_refused_for(lambda: a_schedule(a_stack(), OF_BIAS, **changes), property)


def test_background_is_finite() -> None:
    assert_refused_for(made(ATTRIBUTION, shap=shap(background=[[1.0, NAN]])), "shap.background")


def test_prefixes_have_no_slash_at_their_ends() -> None:
    def attempt() -> object:
        stack = a_stack()
        return a_schedule(stack, captured=Place(bucket=a_bucket(stack), prefix="captured/"))

    assert sole_violation(attempt).property == "captured.prefix"


# --- endpoints and regions --------------------------------------------------------------------------------


def asked_of(kind: type) -> Callable[[], object]:
    """Model Monitor, asked to monitor an endpoint of a class: what the rule goes by. Making one takes much more."""
    return lambda: refuse_endpoint(object.__new__(kind), path="Fraud/Monitors/Drift")


ENDPOINTS = [
    Refusal(
        "SM-MODELMONITOR-001",
        asked_of(ServerlessEndpoint),
        "endpoint",
        "a ServerlessEndpoint",
        "instances of its own",
    ),
    Refusal(
        "SM-MODELMONITOR-002",
        asked_of(MultiModelEndpoint),
        "endpoint",
        "a MultiModelEndpoint",
        "a single model",
    ),
    Refusal(
        "SM-MODELMONITOR-002",
        asked_of(ComponentEndpoint),
        "endpoint",
        "a ComponentEndpoint",
        "a single model",
    ),
]


@pytest.mark.parametrize("refusal", as_parameters(ENDPOINTS))
def test_endpoints_that_model_monitor_does_not_monitor(refusal: Refusal) -> None:
    refusal.check()
    assert refused(refusal.attempt).path == "Fraud/Monitors/Drift"


def test_other_endpoints_are_monitored() -> None:
    endpoint = an_endpoint(a_stack())
    assert isinstance(endpoint, RealtimeEndpoint)
    refuse_endpoint(endpoint, path="Fraud/Monitor")


@pytest.mark.parametrize(
    ("region", "kind"),
    [
        ("eu-nowhere-1", DATA),
        ("us-gov-west-1", DATA),
        ("us-gov-west-1", OF_BIAS),  # Clarify is there; what merges labels is not
        ("il-central-1", ATTRIBUTION),
        ("il-central-1", OF_BIAS),
    ],
)
def test_regions_without_the_image_are_refused(region: str, kind: MonitorKind) -> None:
    error = refused(lambda: a_schedule(a_stack(region), kind))
    (violation,) = error.violations
    assert error.path == "Fraud/Monitor"
    assert violation.rule == "SM-MODELMONITOR-003"
    assert violation.property == "region"
    assert violation.given == region
    assert "eu-west-1" in violation.allowed


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_schedule_is_taken_as_hourly(kind: MonitorKind) -> None:
    job = a_job(a_stack(), kind, schedule=cdk.Fn.import_value("Schedule"))
    assert longest_run(job) == (1800 if kind.takes_labels else 3600)


def test_places_of_wrong_kinds_do_not_hide_other_faults() -> None:
    stack = a_stack()
    changes = {"captured": "s3://x", "volume_gibibytes": 0, "baseline": a_place(stack, "a")}
    error = refused(lambda: a_schedule(stack, DATA, **changes))
    assert {each.property for each in error.violations} == {"captured", "volume_gibibytes"}

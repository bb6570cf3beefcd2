"""What the pages say of the repository is so: links, commands, names, rules, parameters."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import constructs_lib
from constructs_lib import (
    AlarmThreshold,
    ApiAuthorization,
    ApiFront,
    AsyncEndpoint,
    AsyncInput,
    AsyncOutput,
    AttributionDrift,
    AutoScaling,
    Baseline,
    BiasDrift,
    CapturedData,
    Comparison,
    ComparisonMetric,
    ComponentEndpoint,
    ComponentMetric,
    Container,
    ContainerImage,
    DataCapture,
    DataQuality,
    Deployments,
    DeployTarget,
    DirectApi,
    DirectApiGrants,
    DriftTest,
    EdgeFleet,
    EdgeProgram,
    EdgeRollout,
    EdgeTelemetry,
    EndpointAlarms,
    EndpointBase,
    EndpointGrants,
    EndpointMetric,
    EndpointMonitoring,
    ErrorThreshold,
    ExponentialRate,
    Facet,
    GitHubDeployRoles,
    GroundTruth,
    HeldOutSet,
    InferenceApi,
    InferenceApiGrants,
    InferenceComponent,
    InferencePipeline,
    InstancesThreshold,
    LatencyThreshold,
    ManagedInstanceScaling,
    ManagedShadowTest,
    MetricsPublishing,
    MetricTarget,
    Model,
    ModelData,
    ModelOptimisation,
    ModelQuality,
    MonitorAction,
    MonitorCompute,
    MonitoredEndpoint,
    Monitoring,
    MonitoringDashboard,
    MultiModel,
    MultiModelEndpoint,
    NeoCompilation,
    NeoTarget,
    Prediction,
    RealtimeEndpoint,
    RequestLimits,
    Rollback,
    Rollout,
    RuntimeVpcEndpoint,
    ScalingStep,
    ScheduledScaling,
    ServerlessEndpoint,
    ShadowTest,
    SmokeExpectation,
    SmokeRequest,
    SmokeTest,
    StepScaling,
    SuspendedScaling,
    Throttle,
    TrafficThreshold,
    UtilizationThreshold,
    Variant,
)
from constructs_lib.access.api_base import ApiBase
from constructs_lib.hosting.grants import AsyncGrants, ComponentGrants, MultiModelGrants, PipelineGrants
from constructs_lib.rules import SageMakerRules, guard_plugin
from tools import rule_catalogue, support_table

from .markdown import PAGES, ROOT, anchors, blocks, code_spans, links

DOCS = ROOT / "docs"
REALTIME, MODEL, RULES, SUPPORT = (
    DOCS / name for name in ("realtime.md", "model.md", "rules.md", "support.md")
)
SERVERLESS, ASYNC, MULTI_MODEL, PIPELINE, COMPONENTS, SHADOW = (
    DOCS / f"{name}.md"
    for name in ("serverless", "asynchronous", "multi-model", "pipeline", "components", "shadow")
)
ALARMS = DOCS / "endpoint-alarms.md"
DELIVERY = DOCS / "delivery.md"
MANIFESTS = DOCS / "manifests.md"
MONITORING = DOCS / "monitoring.md"
MODEL_MONITOR = DOCS / "model-monitor.md"
BATCH = DOCS / "batch.md"
EDGE = DOCS / "edge.md"
API = DOCS / "api.md"
TEMPLATES = DOCS / "template-rules.md"
ENDPOINTS = (REALTIME, SERVERLESS, ASYNC, MULTI_MODEL, PIPELINE, COMPONENTS, SHADOW)

by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


# --- links ----------------------------------------------------------------------------------------------


@by_page
def test_links_lead_somewhere(page: Path) -> None:
    dead = [target for target in links(page) if not leads_somewhere(page, target)]

    assert not dead


def leads_somewhere(page: Path, target: str) -> bool:
    if target.startswith("https://"):
        return True
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    if not file.exists() or not file.is_relative_to(ROOT):
        return False
    return not anchor or (file.suffix == ".md" and anchor in anchors(file))


def test_a_dead_link_is_noticed() -> None:
    assert not leads_somewhere(REALTIME, "nowhere.md")
    assert not leads_somewhere(REALTIME, "rules.md#nowhere")
    assert not leads_somewhere(REALTIME, "#nowhere")


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, open_ = set(), [ROOT / "README.md"]
    while open_:
        page = open_.pop()
        reached.add(page)
        targets = {(page.parent / target.split("#")[0]).resolve() for target in links(page)}
        open_ += [target for target in targets if target.suffix == ".md" and target not in reached]

    assert set(PAGES) <= reached


# --- commands -------------------------------------------------------------------------------------------

_MAKE = re.compile(r"\bmake ([a-z][a-z-]*)")
TARGETS = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.M))


@by_page
def test_make_targets_exist(page: Path) -> None:
    shell = [block.code for block in blocks(page, "bash", "sh", "shell", "console")]
    commands = [*shell, *(span for span in code_spans(page) if span.startswith("make "))]
    named = {target for command in commands for target in _MAKE.findall(command)}

    assert named <= TARGETS, f"no such target: {named - TARGETS}"


@by_page
def test_python_modules_in_commands_exist(page: Path) -> None:
    named = set(re.findall(r"python3? -m ((?:tools|constructs_lib|examples)[\w.]*)", text_of(page)))

    missing = {
        name
        for name in named
        if not (ROOT / f"{name.replace('.', '/')}.py").is_file()
        and not (ROOT / name.replace(".", "/") / "__main__.py").is_file()
    }
    assert not missing


@by_page
def test_files_in_code_spans_exist(page: Path) -> None:
    tops = ("constructs_lib/", "stacks/", "tests/", "tools/", "docs/", "examples/", "requirements/", ".ci/")
    named = {span for span in code_spans(page) if span.startswith(tops) and not set("*<… ") & set(span)}

    missing = {name for name in named if not (ROOT / name).exists()}
    assert not missing


@by_page
def test_no_path_of_a_machine(page: Path) -> None:
    found = re.findall(r"(?:/work|/home|/root|/Users|/tmp)/\S*|[A-Z]:\\\\\S*|file://\S*", text_of(page))

    assert not found


# --- names ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", constructs_lib.__all__)
def test_public_names_are_on_a_page(name: str) -> None:
    assert any(re.search(rf"\b{re.escape(name)}\b", text_of(page)) for page in PAGES if page != RULES)


ON_PAGES = {
    REALTIME: (
        RealtimeEndpoint,
        Variant,
        AutoScaling,
        MetricTarget,
        StepScaling,
        ScalingStep,
        ScheduledScaling,
        SuspendedScaling,
        Rollout.all_at_once,
        Rollout.canary,
        Rollout.linear,
        Rollout.rolling,
        Rollback,
        DataCapture,
        MetricsPublishing,
        RealtimeEndpoint.from_endpoint_name,
    ),
    SERVERLESS: (ServerlessEndpoint,),
    API: (
        InferenceApi,
        ApiAuthorization.jwt,
        ApiFront.http,
        RequestLimits,
        Throttle,
        DirectApi,
        RuntimeVpcEndpoint,
    ),
    ASYNC: (AsyncEndpoint, AsyncInput, AsyncOutput),
    MULTI_MODEL: (MultiModelEndpoint, MultiModelEndpoint.add_model, MultiModel),
    PIPELINE: (InferencePipeline,),
    COMPONENTS: (ComponentEndpoint, ComponentEndpoint.add_component, ManagedInstanceScaling),
    TEMPLATES: (SageMakerRules, guard_plugin),
    SHADOW: (ShadowTest, Comparison, ManagedShadowTest),
    MANIFESTS: (Deployments,),
    DELIVERY: (
        GitHubDeployRoles,
        DeployTarget,
        SmokeTest,
        SmokeRequest,
        SmokeRequest.from_file,
        SmokeExpectation,
    ),
    ALARMS: (
        AlarmThreshold,
        ErrorThreshold,
        LatencyThreshold,
        UtilizationThreshold,
        TrafficThreshold,
        InstancesThreshold,
        EndpointAlarms,
        EndpointMonitoring,
        EndpointMonitoring.in_facade,
        MonitoringDashboard,
        MonitoringDashboard.add_section,
    ),
    MONITORING: (
        MonitoredEndpoint,
        Monitoring,
        Monitoring.of,
        Monitoring.metric,
        DataQuality,
        ModelQuality,
        BiasDrift,
        AttributionDrift,
        Baseline.from_asset,
        Baseline.from_bucket,
        Baseline.existing,
        CapturedData,
        DriftTest,
        Facet,
        GroundTruth,
        MonitorAction.retrain_pipeline,
        MonitorAction.shift_traffic,
        MonitorCompute.function,
        MonitorCompute.processing,
        Prediction,
    ),
    EDGE: (
        EdgeFleet,
        EdgeRollout,
        ExponentialRate,
        EdgeProgram,
        EdgeTelemetry,
        ModelOptimisation,
        NeoCompilation,
        HeldOutSet.from_bucket,
        NeoTarget.device,
        NeoTarget.platform,
    ),
    MODEL: (
        Model,
        Container,
        ContainerImage.built_in,
        ContainerImage.framework,
        ContainerImage.from_repository,
        ContainerImage.from_asset,
        ContainerImage.from_uri,
        ModelData.from_asset,
        ModelData.from_bucket,
        ModelData.from_prefix,
        Model.from_model_name,
    ),
}


@pytest.mark.parametrize(
    ("page", "documented"),
    [
        pytest.param(page, each, id=getattr(each, "__qualname__", ""))
        for page, all_of_it in ON_PAGES.items()
        for each in all_of_it
    ],
)
def test_every_parameter_is_on_its_page(page: Path, documented: object) -> None:
    spans = " ".join([*code_spans(page), *(block.code for block in blocks(page, "python"))])
    made_by = documented.__init__ if inspect.isclass(documented) else documented
    parameters = set(inspect.signature(made_by).parameters) - {"self", "scope", "id"}  # type: ignore[arg-type]

    missing = {name for name in parameters if not re.search(rf"\b{name}\b", spans)}
    assert not missing


USED = {
    REALTIME: (EndpointBase, EndpointGrants),
    SERVERLESS: (ServerlessEndpoint,),
    API: (ApiBase, InferenceApi, InferenceApiGrants, DirectApi, DirectApiGrants),
    ASYNC: (AsyncEndpoint, AsyncGrants),
    MULTI_MODEL: (MultiModelEndpoint, MultiModelGrants),
    PIPELINE: (InferencePipeline, PipelineGrants),
    COMPONENTS: (InferenceComponent, ComponentGrants),
    SHADOW: (ShadowTest,),
}
"""The page of each class that measures or grants."""


@pytest.mark.parametrize("page", USED, ids=lambda page: page.stem)
def test_every_metric_and_grant_is_on_its_page(page: Path) -> None:
    methods = {
        name
        for each in USED[page]
        for name in vars(each)
        if name.startswith("metric") or (each.__name__.endswith("Grants") and not name.startswith("_"))
    }

    missing = {name for name in methods if not re.search(rf"\b{name}\b", text_of(page))}
    assert not missing


def test_every_metric_of_an_endpoint_is_on_a_page() -> None:
    pages = " ".join(text_of(page) for page in ENDPOINTS)
    missing = {metric.metric_name for metric in EndpointMetric if f"`{metric.metric_name}`" not in pages}

    assert not missing


def test_every_metric_of_a_component_is_on_its_page() -> None:
    page = text_of(COMPONENTS)
    named = {f"`{name}`" for metric in ComponentMetric for name in (metric.name, metric.metric_name)}

    assert {name for name in named if name not in page} == set()


def test_every_metric_of_a_comparison_is_on_its_page() -> None:
    page = text_of(SHADOW)
    named = {f"`{name}`" for metric in ComparisonMetric for name in (metric.name, metric.metric_name)}

    assert {name for name in named if name not in page} == set()


SECTIONS = (
    "Properties|The fleet", "Replace and go back", "Call it", "Grants", "Metrics worth an alarm", "Security",
    "Cost", "Quotas", "At two in the morning", "Inferred, and not tried", "On this machine",
)  # fmt: skip


@pytest.mark.parametrize("page", [page for page in ENDPOINTS if page != REALTIME], ids=lambda page: page.stem)
@pytest.mark.parametrize("section", SECTIONS)
def test_a_page_of_an_endpoint_has_all_sections(page: Path, section: str) -> None:
    assert re.search(rf"^## ({section})$", text_of(page), re.M)


# --- rules ----------------------------------------------------------------------------------------------


def test_the_page_of_rules_is_fresh() -> None:
    # A process of its own: in this one, tests may have listed rules of theirs.
    made = subprocess.run(
        [sys.executable, "-m", "tools.rule_catalogue"], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert made.stdout == text_of(RULES), "run: python -m tools.rule_catalogue > docs/rules.md"


def test_the_page_of_support_is_fresh() -> None:
    assert support_table.page() == text_of(SUPPORT), "run: make support"


def test_the_page_of_rules_has_all_rooms() -> None:
    listed = {entry.id for entry in rule_catalogue.rules()}
    written = {
        id
        for file in (ROOT / "constructs_lib").rglob("*.py")
        for id in re.findall(r'rule\(\s*"(SM-[A-Z0-9]+-\d{3})"|"(SM-[A-Z0-9]+-\d{3})",$', text_of(file), re.M)
        for id in id
        if id
    }

    assert written <= listed


@by_page
def test_rule_ids_exist(page: Path) -> None:
    known = {*re.findall(r"SM-[A-Z0-9]+-\d{3}", text_of(RULES)), "SM-EXAMPLE-001"}
    named = set(re.findall(r"SM-[A-Z0-9]+-\d{3}", text_of(page)))

    assert named <= known


def test_every_warning_is_explained() -> None:
    warnings = {entry.id for entry in rule_catalogue.rules() if entry.severity == "warning"}
    explained = " ".join(text_of(page) for page in (*ENDPOINTS, MODEL, MODEL_MONITOR, BATCH, EDGE, DELIVERY))

    assert {id for id in warnings if id not in explained} == set()

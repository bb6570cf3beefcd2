"""What each kind of endpoint offers, and why it does not offer the rest.

One table, read three ways: the rules refuse with it, `docs/support.md` is made of it, and a test tries
every cell of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from ..core.checks import known
from ..core.rules import API_REFERENCE, DEVELOPER_GUIDE, SCALING_GUIDE, Broken, RuleEntry, Rules, listed
from ..model.container import Container
from ..model.model import Model
from .auto_scaling import CAPACITY_TARGETS, AutoScaling, minimums
from .rollout import Rollout

Asked = Iterator[tuple[str, object]]
"""The properties that ask for a feature, each with what was given."""

Part = TypeVar("Part")


class Kind(Enum):
    """The kinds of endpoints, by the names of their constructs."""

    REALTIME = "RealtimeEndpoint"
    SERVERLESS = "ServerlessEndpoint"
    ASYNC = "AsyncEndpoint"
    MULTI_MODEL = "MultiModelEndpoint"
    PIPELINE = "InferencePipeline"
    COMPONENT = "ComponentEndpoint"
    SHADOW = "ShadowTest"


@dataclass(frozen=True, slots=True, eq=False)
class Feature:
    """Something a user can ask an endpoint for."""

    title: str
    """As the table in the docs shows it."""
    asked: Callable[[Any], Asked]
    """Where the props of an endpoint ask for it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a kind of endpoint does not offer a feature, and what to do instead."""

    rule: RuleEntry
    reason: str
    fix: str = ""
    allowed: str = ""
    """What is allowed. Default: nothing, for the reason."""

    def broken(self, property: str, given: object) -> Broken:
        """What the rule finds wrong with `property`."""
        return Broken(property, given, self.allowed or f"nothing: {self.reason}", self.fix)


def _models(props: Any) -> Iterator[tuple[str, Model]]:
    """The models that were made here; of imported ones nothing is known."""
    return _of(props, "model", Model)


def _scalings(props: Any) -> Iterator[tuple[str, AutoScaling]]:
    return _of(props, "scaling", AutoScaling)


def _of(props: Any, property: str, type: type[Part]) -> Iterator[tuple[str, Part]]:
    """What the endpoint or its variants have as `property`, where it is a `type`."""
    given = [
        (property, getattr(props, property, None)),
        *(
            (f"{where}.{property}", getattr(variant, property))
            for where, variant in getattr(props, "located_variants", {}).items()
        ),
    ]
    yield from ((where, part) for where, part in given if isinstance(part, type))


def _containers(props: Any) -> Iterator[tuple[str, Container]]:
    for where, model in _models(props):
        yield from ((where, container) for container in model.containers)
    several = getattr(props, "containers", None)
    given = [
        ("container", getattr(props, "container", None)),
        *(("containers", each) for each in several or ()),
    ]
    yield from ((where, container) for where, container in given if isinstance(container, Container))


def _given(property: str) -> Callable[[Any], Asked]:
    def asked(props: Any) -> Asked:
        value = getattr(props, property, None)
        if value is not None and value is not False:
            yield property, value

    return asked


def _rollout(in_place: bool) -> Callable[[Any], Asked]:
    def asked(props: Any) -> Asked:
        rollout = getattr(props, "rollout", None)
        if not isinstance(rollout, Rollout) or rollout.analysis is not None:
            return  # one that is analysed asks for that, and is refused once
        if rollout.is_guarded and rollout.in_place == in_place:
            yield "rollout", f"Rollout.{rollout.kind.name.lower()}(…)"

    return asked


def _analysis(props: Any) -> Asked:
    rollout = getattr(props, "rollout", None)
    if isinstance(rollout, Rollout) and rollout.analysis is not None:
        yield "rollout", f"Rollout.{rollout.kind.name.lower()}(analysis=…)"


def _target(name: str) -> Callable[[Any], Asked]:
    def asked(props: Any) -> Asked:
        for where, scaling in _scalings(props):
            if getattr(scaling, name) is not None:
                yield f"{where}.{name}", getattr(scaling, name)

    return asked


def _zero(props: Any) -> Asked:
    for where, scaling in _scalings(props):
        for name, low in minimums(scaling):
            if low is not None and known(low) and low < 1:
                yield f"{where}.{name}", low


def _model(what: str, has: Callable[[Model], bool]) -> Callable[[Any], Asked]:
    def asked(props: Any) -> Asked:
        yield from ((where, what) for where, model in _models(props) if has(model))

    return asked


def _container(what: str, has: Callable[[Container], bool]) -> Callable[[Any], Asked]:
    def asked(props: Any) -> Asked:
        yield from ((where, what) for where, container in _containers(props) if has(container))

    return asked


def _either(*ways: Callable[[Any], Asked]) -> Callable[[Any], Asked]:
    def asked(props: Any) -> Asked:
        for way in ways:
            yield from way(props)

    return asked


VARIANTS = Feature("Several variants (`variants`)", _given("variants"))
BLUE_GREEN = Feature("`Rollout.all_at_once`, `.canary`, `.linear`, with rollback", _rollout(in_place=False))
ANALYSIS = Feature("`CanaryAnalysis` of a canary or linear rollout", _analysis)
ROLLING = Feature("`Rollout.rolling`, with rollback", _rollout(in_place=True))
TARGETS: Mapping[str, Feature] = {
    name: Feature(f"`AutoScaling({name}=…)`", _target(name)) for name in CAPACITY_TARGETS
}
ZERO = Feature("`AutoScaling(min_capacity=0)`", _zero)
CAPTURE = Feature("`DataCapture`", _given("capture"))
KEY = Feature("KMS key for the volumes (`encryption_key`)", _given("encryption_key"))
METRICS = Feature("`MetricsPublishing`", _given("metrics"))
VPC = Feature(
    "VPC", _either(_given("vpc"), _model("a model in a VPC", lambda model: model.connections is not None))
)
ISOLATION = Feature(
    "Network isolation",
    _either(_given("network_isolation"), _model("an isolated model", lambda model: model.network_isolation)),
)
PIPELINES = Feature(
    "A model of several containers",
    _model("a model of several containers", lambda model: len(model.containers) > 1),
)
MULTI_MODEL = Feature(
    "A multi-model container",
    _container("a multi-model container", lambda container: container.multi_model is not None),
)
UNCOMPRESSED = Feature(
    "Uncompressed model data (`ModelData.from_prefix`)",
    _container("uncompressed model data", lambda container: container.loads_uncompressed),
)
ACCELERATED = Feature(
    "Images for GPUs and Neuron chips",
    _container(
        "an image for accelerators",
        lambda container: container.image is not None and container.image.accelerated,
    ),
)

FEATURES: Sequence[Feature] = (
    VARIANTS, BLUE_GREEN, ANALYSIS, ROLLING, *TARGETS.values(), ZERO, CAPTURE, KEY, METRICS, VPC, ISOLATION,
    PIPELINES, MULTI_MODEL, UNCOMPRESSED, ACCELERATED,
)  # fmt: skip
"""The rows of the table, in its order."""

REFUSED: dict[Kind, dict[Feature, Refusal]] = {kind: {} for kind in Kind}
"""What a kind refuses, and why. What is neither here nor in `ABSENT` is offered."""

ABSENT: dict[Kind, dict[Feature, str]] = {kind: {} for kind in Kind}
"""What a kind has no property for, and where to find it instead."""


def support_rules(kind: Kind, *, including: Rules[Any]) -> Rules[Any]:
    """The rules of `including`, and one for each thing that `kind` refuses."""
    rules = Rules[Any](including=including)
    for feature, refusal in REFUSED[kind].items():
        rules.add(refusal.rule, check_of(feature, refusal))
    return rules


def check_of(feature: Feature, refusal: Refusal) -> Callable[[Any], Iterator[Broken]]:
    """The check that refuses a feature."""

    def check(props: Any) -> Iterator[Broken]:
        yield from (refusal.broken(where, given) for where, given in feature.asked(props))

    return check


# --- the table --------------------------------------------------------------------------------------------

_SERVERLESS = DEVELOPER_GUIDE + "serverless-endpoints.html"
_MATRIX = DEVELOPER_GUIDE + "model-deploy-feature-matrix.html"


def _refuse(
    kinds: Kind | Sequence[Kind], rule: RuleEntry, reason: str, *features: Feature, fix: str = "", allowed: str = ""
) -> None:  # fmt: skip
    for kind in [kinds] if isinstance(kinds, Kind) else kinds:
        for feature in features:
            REFUSED[kind][feature] = Refusal(rule, reason, fix, allowed)


NEVER_SLEEPS = listed(
    id="SM-SCALING-010",
    summary="A real-time variant keeps at least 1 instance.",
    source=DEVELOPER_GUIDE + "endpoint-auto-scaling-zero-instances.html",
)
REPORTED = listed(
    id="SM-SCALING-012",
    summary="An auto scaling target is a metric that this kind of endpoint reports.",
    source=SCALING_GUIDE + "APIReference/API_PredefinedMetricSpecification.html",
)

_ON_INSTANCES = (Kind.REALTIME, Kind.MULTI_MODEL, Kind.PIPELINE, Kind.SHADOW)

_refuse(
    _ON_INSTANCES, NEVER_SLEEPS, "it would answer nobody, and nothing would wake it", ZERO, allowed="at least 1",
    fix="AsyncEndpoint and ComponentEndpoint can sleep; ServerlessEndpoint sleeps by itself",
)  # fmt: skip
_refuse(
    (*_ON_INSTANCES, Kind.SERVERLESS, Kind.COMPONENT), REPORTED, "only asynchronous endpoints have a backlog",
    TARGETS["backlog_per_instance"],
)  # fmt: skip
_refuse(
    (*_ON_INSTANCES, Kind.ASYNC, Kind.COMPONENT), REPORTED,
    "only serverless endpoints provision concurrency", TARGETS["provisioned_concurrency_utilization"],
)  # fmt: skip
_refuse(
    (*_ON_INSTANCES, Kind.ASYNC, Kind.SERVERLESS), REPORTED, "only inference components have copies",
    TARGETS["invocations_per_copy"], TARGETS["concurrent_requests_per_copy"],
)  # fmt: skip
_refuse(
    Kind.ASYNC, REPORTED, "asynchronous endpoints report neither invocations per instance nor concurrency",
    TARGETS["invocations_per_instance"], TARGETS["concurrent_requests_per_model"],
    fix="backlog_per_instance=5",
)  # fmt: skip
_refuse(
    Kind.SERVERLESS, REPORTED, "there are no instances to measure",
    TARGETS["invocations_per_instance"], TARGETS["concurrent_requests_per_model"], TARGETS["cpu_utilization"],
    fix="provisioned_concurrency_utilization=0.7",
)  # fmt: skip
_refuse(
    Kind.COMPONENT, REPORTED, "copies of a component scale, and these are measured per instance",
    TARGETS["invocations_per_instance"], TARGETS["concurrent_requests_per_model"], TARGETS["cpu_utilization"],
    fix="invocations_per_copy=… or concurrent_requests_per_copy=…",
)  # fmt: skip
for _kind in (Kind.ASYNC, Kind.MULTI_MODEL, Kind.PIPELINE):
    ABSENT[_kind][VARIANTS] = "one variant; to split traffic, `RealtimeEndpoint(variants=…)`"
ABSENT[Kind.COMPONENT][VARIANTS] = "one fleet, shared by its components"
ABSENT[Kind.SHADOW][VARIANTS] = "one `production` variant and one `challenger`"
ABSENT[Kind.MULTI_MODEL][PIPELINES] = (
    "one container; `InferencePipeline` takes several, one of them multi-model"
)


def _serverless(number: int, summary: str, reason: str, *features: Feature, fix: str = "") -> None:
    rule = listed(id=f"SM-SERVERLESS-{number:03}", summary=summary, source=_SERVERLESS)
    _refuse(Kind.SERVERLESS, rule, reason, *features, fix=fix)


_serverless(11, "A serverless endpoint has one variant.", "one variant takes all requests", VARIANTS)
_serverless(
    12, "A serverless endpoint is replaced without deployment guardrails.",
    "SageMaker replaces a serverless endpoint all at once and watches no alarm", BLUE_GREEN, ANALYSIS, ROLLING,
    fix="the deploy guard still fails the stack when the new version does not come into service",
)  # fmt: skip
_serverless(
    13, "Provisioned concurrency does not scale to zero.", "at least 1 stays provisioned", ZERO,
    fix="without scaling and provisioned_concurrency the endpoint sleeps by itself",
)  # fmt: skip
_serverless(14, "A serverless endpoint captures no data.", "SageMaker captures on instances only", CAPTURE)
_serverless(15, "A serverless endpoint has no volume to encrypt.", "there is no volume of its own", KEY)
_serverless(
    16, "A serverless endpoint publishes its metrics every minute.", "there are no instances", METRICS
)
_serverless(17, "A serverless endpoint's model is in no VPC.", "it runs in SageMaker's network", VPC)
_serverless(18, "A serverless endpoint's model is not isolated.", "it is not offered", ISOLATION)
_serverless(19, "A serverless endpoint's model has one container.", "it runs one container", PIPELINES)
_serverless(20, "A serverless endpoint serves one model.", "it loads one model", MULTI_MODEL)
_serverless(
    21, "A serverless endpoint's model is one archive.", "it loads a model.tar.gz", UNCOMPRESSED,
    fix="ModelData.from_asset(…) or .from_bucket(…)",
)  # fmt: skip
_serverless(22, "A serverless endpoint runs on CPUs.", "it has no accelerators", ACCELERATED)

_refuse(
    Kind.ASYNC,
    listed(
        id="SM-ASYNC-011",
        summary="An asynchronous endpoint's model is one container with one model.",
        source=_MATRIX,
    ),
    "pipelines and multi-model containers answer at once only", PIPELINES, MULTI_MODEL,
    fix="InferencePipeline or MultiModelEndpoint",
)  # fmt: skip
_refuse(
    Kind.MULTI_MODEL,
    listed(
        id="SM-MULTIMODEL-011",
        summary="The models of a multi-model endpoint are archives.",
        source=DEVELOPER_GUIDE + "create-multi-model-endpoint.html",
    ),
    "each model is a .tar.gz under the prefix of models", UNCOMPRESSED, fix="models=ModelData.from_prefix(…)",
)  # fmt: skip
_refuse(
    Kind.COMPONENT,
    listed(
        id="SM-COMPONENT-011",
        summary="A component is replaced in rolling batches.",
        source=API_REFERENCE + "API_InferenceComponentDeploymentConfig.html",
    ),
    "copies of a component are replaced in batches on the same fleet", BLUE_GREEN, ANALYSIS,
    fix="Rollout.rolling(…)",
)  # fmt: skip
_refuse(
    Kind.COMPONENT,
    listed(
        id="SM-COMPONENT-012",
        summary="A component's model is one container with one model.",
        source=API_REFERENCE + "API_InferenceComponentSpecification.html",
    ),
    "a component runs one container", PIPELINES, MULTI_MODEL, fix="one component for each",
)  # fmt: skip
_refuse(
    Kind.SHADOW,
    listed(
        id="SM-SHADOW-006",
        summary="The variants of a shadow test have models of one container with one model.",
        source=DEVELOPER_GUIDE + "model-shadow-deployment.html",
    ),
    "SageMaker copies requests to models of one container only", PIPELINES, MULTI_MODEL,
    fix="an A/B test of two pipelines: RealtimeEndpoint(variants=…)",
)  # fmt: skip
_refuse(
    Kind.SHADOW,
    listed(
        id="SM-SHADOW-007",
        summary="A shadow test is not rolled out in rolling batches.",
        source=DEVELOPER_GUIDE + "deployment-guardrails-rolling.html",
    ),
    "a rolling deployment has exactly one variant", ROLLING, fix="Rollout.canary(…) or .linear(…)",
)  # fmt: skip

"""The table of support: each of its cells is tried against the code, and stands as AWS's pages say.

One example for each feature, asked of every kind. What is offered synthesizes and the template shows it;
what is refused is refused by exactly the rule that the table names; for what is absent there is no parameter.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms

from constructs_lib import (
    AsyncEndpoint,
    AutoScaling,
    CanaryAnalysis,
    ComponentEndpoint,
    Container,
    ContainerImage,
    DataCapture,
    InferencePipeline,
    MetricCheck,
    MetricsPublishing,
    Model,
    ModelData,
    MultiModel,
    MultiModelEndpoint,
    RealtimeEndpoint,
    Rollout,
    ServerlessEndpoint,
    ShadowTest,
    Variant,
)
from constructs_lib.hosting import support
from constructs_lib.hosting.support import ABSENT, FEATURES, REFUSED, TARGETS, Feature, Kind
from tests.support.refusals import refused
from tests.support.synth import IMAGE_URI, Template, a_bucket, resources, synthesized

ENDPOINTS = {
    Kind.REALTIME: RealtimeEndpoint,
    Kind.SERVERLESS: ServerlessEndpoint,
    Kind.ASYNC: AsyncEndpoint,
    Kind.MULTI_MODEL: MultiModelEndpoint,
    Kind.PIPELINE: InferencePipeline,
    Kind.COMPONENT: ComponentEndpoint,
    Kind.SHADOW: ShadowTest,
}
COMPONENT = set(inspect.signature(ComponentEndpoint.add_component).parameters) - {"self", "id"}
Props = dict[str, Any]


def parameters(kind: Kind) -> set[str]:
    """What users can pass to an endpoint of a kind, or to `add_component`."""
    return set(inspect.signature(ENDPOINTS[kind]).parameters) | (
        COMPONENT if kind is Kind.COMPONENT else set()
    )


# --- asking ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wish:
    """What a user asks for, in words that all kinds share."""

    props: Props = field(default_factory=dict)
    container: Props = field(default_factory=dict)
    network: Props = field(default_factory=dict)
    """Of the model, or of the endpoint where that makes the model."""
    several: bool = False
    """Containers one after the other."""
    instance_type: str = "ml.m5.large"


def ask(kind: Kind, stack: cdk.Stack, wish: Wish) -> None:
    """Make an endpoint of `kind`, with what is wished for given where users give it."""
    props = {"check_deployments": False, **wish.props}
    container = Container(**{"image": ContainerImage.from_uri(IMAGE_URI), **wish.container})
    match kind:
        case Kind.REALTIME if "variants" in props:
            RealtimeEndpoint(stack, "Endpoint", **props)
        case Kind.REALTIME | Kind.ASYNC:
            made = a_model(stack, container, wish)
            ENDPOINTS[kind](stack, "Endpoint", model=made, instance_type=wish.instance_type, **props)
        case Kind.SERVERLESS:
            ServerlessEndpoint(stack, "Endpoint", model=a_model(stack, container, wish), **props)
        case Kind.MULTI_MODEL:
            # It makes its container multi-model itself.
            plain = Container(image=container.image) if container.multi_model else container
            MultiModelEndpoint(
                stack,
                "Endpoint",
                container=plain,
                instance_type=wish.instance_type,
                **wish.network,
                **props,
            )
        case Kind.PIPELINE:
            containers = [Container(image=ContainerImage.from_uri(IMAGE_URI)), container]
            InferencePipeline(
                stack,
                "Endpoint",
                containers=containers,
                instance_type=wish.instance_type,
                **wish.network,
                **props,
            )
        case Kind.COMPONENT:
            component = {name: value for name, value in props.items() if name in COMPONENT}
            fleet = {name: value for name, value in props.items() if name not in COMPONENT}
            endpoint = ComponentEndpoint(
                stack, "Endpoint", instance_type=wish.instance_type, **wish.network, **fleet
            )
            endpoint.add_component(
                "Component",
                model=a_model(stack, container, Wish(several=wish.several)),
                memory=cdk.Size.gibibytes(1),
                **component,
            )
        case Kind.SHADOW:
            # The challenger is asked for as much as any variant.
            scaling = props.pop("scaling", None)
            imported = Model.from_model_name(stack, "Production", "fraud")
            challenger = a_model(stack, container, wish)
            ShadowTest(
                stack,
                "Endpoint",
                production=Variant(name="Old", model=imported, instance_type="ml.m5.large"),
                challenger=Variant(
                    name="New", model=challenger, instance_type=wish.instance_type, scaling=scaling
                ),
                **props,
            )


def a_model(stack: cdk.Stack, container: Container, wish: Wish) -> Model:
    """The model of kinds that are given one."""
    served: Props = {"containers": [container, container]} if wish.several else {"container": container}
    return Model(stack, "Model", **served, **wish.network)


# --- seeing ---------------------------------------------------------------------------------------------


def of_type(template: Template, type: str) -> list[Props]:
    return [each["Properties"] for each in resources(template, f"AWS::{type}").values()]


def config(template: Template) -> Props:
    (only,) = of_type(template, "SageMaker::EndpointConfig")
    return only


def deployments(template: Template) -> list[Props]:
    deployed = [
        *of_type(template, "SageMaker::Endpoint"),
        *of_type(template, "SageMaker::InferenceComponent"),
    ]
    return [each["DeploymentConfig"] for each in deployed if "DeploymentConfig" in each]


def an_analysis() -> CanaryAnalysis:
    accuracy = cloudwatch.Metric(namespace="Fraud", metric_name="Accuracy")
    return CanaryAnalysis(checks=[MetricCheck(name="accuracy", metric=accuracy, at_least=0.9)])


def rolls_out(policy: str) -> Callable[[Template], bool]:
    """By that policy, and back on alarms."""
    return lambda template: (
        [
            (policy in each, bool(each["AutoRollbackConfiguration"]["Alarms"]))
            for each in deployments(template)
        ]
        == [(True, True)]
    )


def tracks(metric: str) -> Callable[[Template], bool]:
    return lambda template: any(
        metric in str(policy.get("TargetTrackingScalingPolicyConfiguration"))
        for policy in of_type(template, "ApplicationAutoScaling::ScalingPolicy")
    )


def sleeps_and_wakes(template: Template) -> bool:
    (target,) = of_type(template, "ApplicationAutoScaling::ScalableTarget")
    policies = of_type(template, "ApplicationAutoScaling::ScalingPolicy")
    return target["MinCapacity"] == 0 and any("StepWakeUp" in each["PolicyName"] for each in policies)


def configured(name: str) -> Callable[[Template], bool]:
    return lambda template: name in config(template)


def on_model_or_config(name: str) -> Callable[[Template], bool]:
    return lambda template: any(
        name in each for each in [config(template), *of_type(template, "SageMaker::Model")]
    )


def containers(template: Template) -> list[Props]:
    """The containers of the endpoint's model."""
    (model,) = of_type(template, "SageMaker::Model")
    return list(model.get("Containers", [model.get("PrimaryContainer")]))


# --- one example for each feature -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Example:
    """A feature, asked for and seen."""

    wish: Callable[[cdk.Stack], Wish]
    shown: Callable[[Template], bool]
    asked_by: tuple[str, ...]
    """The parameters that could ask for it; a kind where it is absent has none of them."""


def two_variants(stack: cdk.Stack) -> Wish:
    model = Model.from_model_name(stack, "Imported", "fraud")
    return Wish(
        {"variants": [Variant(name=name, model=model, instance_type="ml.m5.large") for name in ("A", "B")]}
    )


def scaled(**props: Any) -> Callable[[cdk.Stack], Wish]:
    low = props.pop("min_capacity", 1)
    return lambda _: Wish({"scaling": AutoScaling(min_capacity=low, max_capacity=4, **props)})


def prop(name: str, make: Callable[[cdk.Stack], object]) -> Callable[[cdk.Stack], Wish]:
    return lambda stack: Wish({name: make(stack)})


def prefix(stack: cdk.Stack) -> ModelData:
    return ModelData.from_prefix(a_bucket(stack), "models/1.0.0/")


TRITON = ContainerImage.framework("sagemaker-tritonserver", version="25.04", processor="gpu")
WAIT = cdk.Duration.minutes(5)
LONG_WAIT = cdk.Duration.minutes(10)
METRICS = {
    "invocations_per_instance": "SageMakerVariantInvocationsPerInstance",
    "concurrent_requests_per_model": "SageMakerVariantConcurrentRequestsPerModelHighResolution",
    "cpu_utilization": "'CPUUtilization'",
    "backlog_per_instance": "'ApproximateBacklogSizePerInstance'",
    "provisioned_concurrency_utilization": "SageMakerVariantProvisionedConcurrencyUtilization",
    "invocations_per_copy": "SageMakerInferenceComponentInvocationsPerCopy",
    "concurrent_requests_per_copy": "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution",
}
SERVED_BY = ("model", "container", "containers")

EXAMPLES: Mapping[Feature, Example] = {
    support.VARIANTS: Example(
        two_variants, lambda template: len(config(template)["ProductionVariants"]) == 2, ("variants",)
    ),
    support.BLUE_GREEN: Example(
        prop("rollout", lambda _: Rollout.canary(size_percent=50, wait=WAIT)),
        rolls_out("BlueGreenUpdatePolicy"),
        ("rollout",),
    ),
    support.ANALYSIS: Example(
        prop("rollout", lambda _: Rollout.canary(size_percent=50, wait=LONG_WAIT, analysis=an_analysis())),
        lambda template: any(
            each["MetricName"] == "RollBack"
            for each in of_type(template, "CloudWatch::Alarm")
            if "MetricName" in each
        ),
        ("rollout",),
    ),
    support.ROLLING: Example(
        prop("rollout", lambda _: Rollout.rolling(batch_percent=50, wait=WAIT)),
        rolls_out("RollingUpdatePolicy"),
        ("rollout",),
    ),
    **{
        feature: Example(scaled(**{name: 0.5}), tracks(METRICS[name]), ("scaling",))
        for name, feature in TARGETS.items()
    },
    support.CAPTURE: Example(
        prop("capture", lambda _: DataCapture()), configured("DataCaptureConfig"), ("capture",)
    ),
    support.KEY: Example(
        prop("encryption_key", lambda stack: kms.Key(stack, "Key")),
        configured("KmsKeyId"),
        ("encryption_key",),
    ),
    support.METRICS: Example(
        prop("metrics", lambda _: MetricsPublishing()), configured("MetricsConfig"), ("metrics",)
    ),
    support.VPC: Example(
        lambda stack: Wish(network={"vpc": ec2.Vpc(stack, "Vpc")}),
        on_model_or_config("VpcConfig"),
        ("vpc", *SERVED_BY),
    ),
    support.ISOLATION: Example(
        lambda _: Wish(network={"network_isolation": True}),
        on_model_or_config("EnableNetworkIsolation"),
        ("network_isolation", *SERVED_BY),
    ),
    support.PIPELINES: Example(
        lambda _: Wish(several=True),
        lambda template: len(containers(template)) == 2,
        ("model", "containers"),
    ),
    support.MULTI_MODEL: Example(
        lambda stack: Wish(container={"data": prefix(stack), "multi_model": MultiModel()}),
        lambda template: [each["Mode"] for each in containers(template) if "Mode" in each] == ["MultiModel"],
        SERVED_BY,
    ),
    support.UNCOMPRESSED: Example(
        lambda stack: Wish(container={"data": prefix(stack)}),
        lambda template: "'CompressionType': 'None'" in str(containers(template)),
        SERVED_BY,
    ),
    support.ACCELERATED: Example(
        lambda _: Wish(container={"image": TRITON}, instance_type="ml.g5.xlarge"),
        lambda template: "sagemaker-tritonserver:25.04-py3" in str(containers(template)),
        SERVED_BY,
    ),
}


def example_of(feature: Feature, kind: Kind) -> Example:
    """Of going to zero, with a target that the kind has."""
    if feature is not support.ZERO:
        return EXAMPLES[feature]
    target = next(name for name, each in TARGETS.items() if each not in REFUSED[kind])
    return Example(scaled(min_capacity=0, **{target: 0.5}), sleeps_and_wakes, ("scaling",))


# --- the table, as read off AWS's pages ------------------------------------------------------------------

# https://docs.aws.amazon.com/sagemaker/latest/dg/model-deploy-feature-matrix.html, and the pages that the
# rules cite. The library's table is not asked here: a cell that changes there has to be changed here too.
Y, N, A = "yes", "no", "absent"
EXPECTED: Mapping[Feature, tuple[str, ...]] = {
    # realtime, serverless, async, multi-model, pipeline, components, shadow tests
    support.VARIANTS: (Y, N, A, A, A, A, A),
    support.BLUE_GREEN: (Y, N, Y, Y, Y, N, Y),
    support.ANALYSIS: (Y, N, Y, Y, Y, N, Y),
    support.ROLLING: (Y, N, Y, Y, Y, Y, N),
    TARGETS["invocations_per_instance"]: (Y, N, N, Y, Y, N, Y),
    TARGETS["concurrent_requests_per_model"]: (Y, N, N, Y, Y, N, Y),
    TARGETS["cpu_utilization"]: (Y, N, Y, Y, Y, N, Y),
    TARGETS["backlog_per_instance"]: (N, N, Y, N, N, N, N),
    TARGETS["provisioned_concurrency_utilization"]: (N, Y, N, N, N, N, N),
    TARGETS["invocations_per_copy"]: (N, N, N, N, N, Y, N),
    TARGETS["concurrent_requests_per_copy"]: (N, N, N, N, N, Y, N),
    support.ZERO: (N, N, Y, N, N, Y, N),
    support.CAPTURE: (Y, N, Y, Y, Y, Y, Y),
    support.KEY: (Y, N, Y, Y, Y, Y, Y),
    support.METRICS: (Y, N, Y, Y, Y, Y, Y),
    support.VPC: (Y, N, Y, Y, Y, Y, Y),
    support.ISOLATION: (Y, N, Y, Y, Y, Y, Y),
    support.PIPELINES: (Y, N, N, A, Y, N, N),
    support.MULTI_MODEL: (Y, N, N, Y, Y, N, N),
    support.UNCOMPRESSED: (Y, N, Y, N, Y, Y, Y),
    support.ACCELERATED: (Y, N, Y, Y, Y, Y, Y),
}


CELLS = [
    pytest.param(feature, kind, id=f"{kind.value} {feature.title}") for feature in FEATURES for kind in Kind
]


def said(feature: Feature, kind: Kind) -> str:
    """What the library's table says."""
    if feature in ABSENT[kind]:
        return A
    return N if feature in REFUSED[kind] else Y


def test_the_table_has_a_row_for_each_example_and_no_cell_is_both_refused_and_absent() -> None:
    assert list(EXPECTED) == list(FEATURES)
    assert {*EXAMPLES, support.ZERO} == set(FEATURES)
    assert not any(set(REFUSED[kind]) & set(ABSENT[kind]) for kind in Kind)


@pytest.mark.parametrize(("feature", "kind"), CELLS)
def test_a_cell_says_what_aws_says_and_the_code_does_what_it_says(
    stack: cdk.Stack, feature: Feature, kind: Kind
) -> None:
    assert said(feature, kind) == EXPECTED[feature][list(Kind).index(kind)]
    example = example_of(feature, kind)
    match said(feature, kind):
        case "absent":
            assert not parameters(kind) & set(example.asked_by)
        case "no":
            error = refused(lambda: ask(kind, stack, example.wish(stack)))
            assert error.rules == (REFUSED[kind][feature].rule.id,)
        case _:
            ask(kind, stack, example.wish(stack))
            assert example.shown(synthesized(stack))


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.title)
def test_what_an_example_shows_is_not_there_unasked(stack: cdk.Stack, feature: Feature) -> None:
    """Or it would show nothing. A real-time endpoint has none of these by itself, but its rollout."""
    if feature is support.BLUE_GREEN:
        return
    wish = Wish() if feature is support.ZERO else Wish({"rollout": Rollout.unguarded()})
    ask(Kind.REALTIME, stack, wish)
    template = synthesized(stack)
    if feature is support.ZERO:
        assert not of_type(template, "ApplicationAutoScaling::ScalableTarget")
    else:
        assert not example_of(feature, Kind.REALTIME).shown(template)

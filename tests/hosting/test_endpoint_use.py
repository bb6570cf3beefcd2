"""What others do with an endpoint: call it, watch it, refer to it, import it; from wherever they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as scheduler_targets

from constructs_lib import ConstraintError, EndpointBase, EndpointMetric, MultiModelEndpoint, RealtimeEndpoint
from tests.support.synth import (
    a_model,
    a_variant,
    allowing,
    an_endpoint,
    flat,
    fresh_app,
    properties,
    resources,
    synthesized,
    types,
)

Grant = Callable[[Any, iam.IGrantable], iam.Grant]
ARN = "arn:<AWS::Partition>:sagemaker:<AWS::Region>:<AWS::AccountId>:endpoint/{}"


@pytest.fixture
def user(stack: cdk.Stack) -> iam.User:
    return iam.User(stack, "User")


def imported(stack: cdk.Stack, name: str = "fraud", variants: tuple[str, ...] = ("A",)) -> EndpointBase:
    return RealtimeEndpoint.from_endpoint_name(stack, f"Imported{name}", name, variant_names=variants)


GRANTS: dict[str, tuple[Grant, object]] = {
    "invoke": (lambda endpoint, user: endpoint.grants.invoke(user), "sagemaker:InvokeEndpoint"),
    "grant_invoke": (lambda endpoint, user: endpoint.grant_invoke(user), "sagemaker:InvokeEndpoint"),
    "invoke_async": (
        lambda endpoint, user: endpoint.grants.invoke_async(user),
        "sagemaker:InvokeEndpointAsync",
    ),
    "invoke_with_response_stream": (
        lambda endpoint, user: endpoint.grants.invoke_with_response_stream(user),
        "sagemaker:InvokeEndpointWithResponseStream",
    ),
    "read": (lambda endpoint, user: endpoint.grants.read(user), "sagemaker:DescribeEndpoint"),
    "shift_traffic": (
        lambda endpoint, user: endpoint.grants.shift_traffic(user),
        ["sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities"],
    ),
}


@pytest.mark.parametrize(("grant", "actions"), GRANTS.values(), ids=GRANTS.keys())
def test_a_grant_allows_exactly_one_kind_of_use(
    stack: cdk.Stack, user: iam.User, grant: Grant, actions: object
) -> None:
    assert grant(imported(stack), user).success
    (statement,) = properties(synthesized(stack), "AWS::IAM::Policy")["PolicyDocument"]["Statement"]
    assert statement["Action"] == actions
    assert flat(statement["Resource"]) == ARN.format("fraud")


def test_an_imported_endpoint_may_be_asked_for_some_of_its_models(stack: cdk.Stack, user: iam.User) -> None:
    there = MultiModelEndpoint.from_endpoint_name(stack, "There", "many")
    there.grants.invoke(user, target_model="team-a/*")
    (statement,) = allowing(synthesized(stack), "sagemaker:InvokeEndpoint")

    assert statement["Condition"] == {"StringLike": {"sagemaker:TargetModel": ["team-a/*"]}}
    with pytest.raises(ConstraintError, match="SM-ENDPOINT-011"):
        there.grants.invoke(user, target_model=[])


def test_a_name_with_capitals_is_granted_as_written_and_in_the_lower_case_that_is_checked(
    stack: cdk.Stack, user: iam.User
) -> None:
    imported(stack, "Fraud-EU").grants.invoke(user)
    (statement,) = allowing(synthesized(stack), "sagemaker:InvokeEndpoint")
    assert [flat(each) for each in statement["Resource"]] == [ARN.format("Fraud-EU"), ARN.format("fraud-eu")]


def test_a_name_known_late_is_granted_as_it_will_be(stack: cdk.Stack, user: iam.User) -> None:
    name = cdk.CfnParameter(stack, "Name").value_as_string
    RealtimeEndpoint.from_endpoint_name(stack, "Late", name).grants.invoke(user)
    (statement,) = allowing(synthesized(stack), "sagemaker:InvokeEndpoint")
    assert flat(statement["Resource"]) == ARN.format("<Name>")


@pytest.mark.parametrize(
    ("read", "name", "namespace", "statistic"),
    [
        (lambda e: e.metric_invocations(), "Invocations", "AWS/SageMaker", "Sum"),
        (lambda e: e.metric_invocations_per_instance(), "InvocationsPerInstance", "AWS/SageMaker", "Sum"),
        (lambda e: e.metric_invocation_4xx_errors(), "Invocation4XXErrors", "AWS/SageMaker", "Sum"),
        (lambda e: e.metric_invocation_5xx_errors(), "Invocation5XXErrors", "AWS/SageMaker", "Sum"),
        (lambda e: e.metric_model_latency(), "ModelLatency", "AWS/SageMaker", "p99"),
        (lambda e: e.metric_model_latency(statistic="p50"), "ModelLatency", "AWS/SageMaker", "p50"),
        (lambda e: e.metric_overhead_latency(), "OverheadLatency", "AWS/SageMaker", "p99"),
        (lambda e: e.metric_cpu_utilization(), "CPUUtilization", "/aws/sagemaker/Endpoints", "Average"),
        (lambda e: e.metric_memory_utilization(), "MemoryUtilization", "/aws/sagemaker/Endpoints", "Average"),
        (lambda e: e.metric_disk_utilization(), "DiskUtilization", "/aws/sagemaker/Endpoints", "Average"),
        (lambda e: e.metric_gpu_utilization(), "GPUUtilization", "/aws/sagemaker/Endpoints", "Average"),
        (
            lambda e: e.metric(EndpointMetric.CONCURRENT_REQUESTS),
            "ConcurrentRequestsPerModel",
            "AWS/SageMaker",
            "Maximum",
        ),
    ],
)
def test_a_metric_has_the_namespace_and_dimensions_that_report(
    stack: cdk.Stack, read: Callable[[Any], cloudwatch.Metric], name: str, namespace: str, statistic: str
) -> None:
    metric = read(imported(stack))
    assert (metric.metric_name, metric.namespace, metric.statistic) == (name, namespace, statistic)
    assert metric.dimensions == {"EndpointName": "fraud", "VariantName": "A"}
    assert metric.period.to_seconds() == 60


def test_period_and_statistic_may_be_chosen(stack: cdk.Stack) -> None:
    metric = imported(stack).metric(
        EndpointMetric.INVOCATIONS, statistic="Average", period=cdk.Duration.minutes(5)
    )
    assert (metric.statistic, metric.period.to_seconds()) == ("Average", 300)


@pytest.mark.parametrize(
    ("metric", "expression"),
    [
        (EndpointMetric.INVOCATIONS, "SUM([FILL(invocations_0, 0), FILL(invocations_1, 0)])"),
        (EndpointMetric.MODEL_LATENCY, "MAX([FILL(model_latency_0, 0), FILL(model_latency_1, 0)])"),
    ],
)
def test_of_several_variants_counts_are_added_and_of_others_the_worst_is_taken(
    stack: cdk.Stack, metric: EndpointMetric, expression: str
) -> None:
    math = imported(stack, variants=("A", "B")).metric(metric)
    assert math.expression == expression
    assert [each.dimensions["VariantName"] for each in math.using_metrics.values()] == ["A", "B"]


def test_one_of_several_variants_may_be_chosen(stack: cdk.Stack) -> None:
    metric = imported(stack, variants=("A", "B")).metric_invocations(variant="B")
    assert metric.dimensions["VariantName"] == "B"


def test_metrics_of_two_kinds_fit_into_one_alarm(stack: cdk.Stack) -> None:
    endpoint = imported(stack, variants=("A", "B"))
    rate = cloudwatch.MathExpression(
        expression="errors / requests",
        using_metrics={
            "errors": endpoint.metric_invocation_5xx_errors(),
            "requests": endpoint.metric_invocations(),
        },
    )
    rate.create_alarm(stack, "Alarm", threshold=1, evaluation_periods=1)
    assert len(properties(synthesized(stack), "AWS::CloudWatch::Alarm")["Metrics"]) == 7


@pytest.mark.parametrize(
    ("variants", "asked", "allowed"),
    [(("A", "B"), "C", "one of A, B"), ((), None, "a name, since the imported endpoint tells none")],
)
def test_a_metric_of_an_unknown_variant_is_refused(
    stack: cdk.Stack, variants: tuple[str, ...], asked: str | None, allowed: str
) -> None:
    endpoint = imported(stack, variants=variants)
    with pytest.raises(ConstraintError) as caught:
        endpoint.metric_invocations(variant=asked)
    (violation,) = caught.value.violations
    assert violation.rule == "SM-ENDPOINT-010"
    assert (violation.property, violation.given, violation.allowed) == ("variant", asked, allowed)
    assert caught.value.path == "Test/Importedfraud"


def test_an_imported_endpoint_that_tells_no_variants_takes_any(stack: cdk.Stack) -> None:
    metric = imported(stack, variants=()).metric_invocations(variant="Any")
    assert metric.dimensions["VariantName"] == "Any"


def test_an_imported_endpoint_makes_nothing(stack: cdk.Stack) -> None:
    endpoint = imported(stack)
    assert flat(stack.resolve(endpoint.endpoint_arn)) == ARN.format("fraud")
    assert (endpoint.endpoint_name, endpoint.variant_names) == ("fraud", ("A",))
    assert "Resources" not in synthesized(stack)


def test_an_endpoint_has_what_cdks_iendpoint_promises(stack: cdk.Stack) -> None:
    """Its `grant_invoke` and `endpoint_ref`, called from Python; no construct in Node calls them here."""
    endpoint = an_endpoint(stack, check_deployments=False)
    function = lambda_.Function(
        stack,
        "Function",
        runtime=lambda_.Runtime.PYTHON_3_14,
        handler="a.b",
        code=lambda_.Code.from_inline("x"),
    )

    def call(target: sagemaker.IEndpoint) -> iam.Grant:
        return target.grant_invoke(function)

    assert call(endpoint).success
    assert endpoint.endpoint_ref.endpoint_arn == endpoint.endpoint_arn
    assert len(allowing(synthesized(stack), "sagemaker:InvokeEndpoint")) == 1


def test_a_schedule_of_aws_cdk_lib_calls_the_endpoint_by_its_name(stack: cdk.Stack) -> None:
    """The name goes into a universal target; the endpoint itself is handed to nothing here."""
    endpoint = an_endpoint(stack, check_deployments=False)
    role = iam.Role(stack, "Scheduler", assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com"))
    endpoint.grants.invoke(role)
    target = scheduler_targets.Universal(
        service="sagemakerruntime",
        action="invokeEndpoint",
        input=scheduler.ScheduleTargetInput.from_object({"EndpointName": endpoint.endpoint_name}),
    )
    scheduler.Schedule(
        stack, "Schedule", target=target, schedule=scheduler.ScheduleExpression.rate(cdk.Duration.hours(1))
    )
    made = properties(synthesized(stack), "AWS::Scheduler::Schedule")
    assert made["Target"]["Input"] == '{"EndpointName":"test-endpoint"}'


def test_another_stack_uses_the_endpoint_without_an_export() -> None:
    app = fresh_app()
    serving, calling = cdk.Stack(app, "Serving"), cdk.Stack(app, "Calling")
    endpoint = an_endpoint(serving)
    user = iam.User(calling, "User")
    endpoint.grants.invoke(user)
    endpoint.metric_invocations().create_alarm(calling, "Quiet", threshold=1, evaluation_periods=1)
    template = synthesized(calling)
    (statement,) = allowing(template, "sagemaker:InvokeEndpoint")
    assert flat(statement["Resource"]) == ARN.format("serving-endpoint")
    assert "ImportValue" not in str(template)
    assert not any("Export" in output for output in synthesized(serving)["Outputs"].values())


def test_a_model_of_another_stack_is_served() -> None:
    app = fresh_app()
    models, serving = cdk.Stack(app, "Models"), cdk.Stack(app, "Serving")
    an_endpoint(serving, model=a_model(models), check_deployments=False)
    (variant,) = properties(synthesized(serving), "AWS::SageMaker::EndpointConfig")["ProductionVariants"]
    assert "Fn::ImportValue" in variant["ModelName"]


def test_in_a_stage_the_name_is_led_by_the_stage() -> None:
    app = fresh_app()
    names = []
    for name in ("Dev", "Prod"):
        stage = cdk.Stage(app, name)
        stack = cdk.Stack(stage, "Serving")
        names.append(an_endpoint(stack).endpoint_name)
        assert properties(synthesized(stack), "AWS::SageMaker::Endpoint")["EndpointName"] == names[-1]
    assert names == ["dev-serving-endpoint", "prod-serving-endpoint"]


def test_in_a_nested_stack_the_endpoint_has_a_literal_name_and_a_guard_of_that_stack() -> None:
    parent = cdk.Stack(fresh_app(), "Parent")
    nested = cdk.NestedStack(parent, "Nested")
    endpoint = an_endpoint(nested)
    template = synthesized(nested)
    assert properties(template, "AWS::SageMaker::Endpoint")["EndpointName"] == endpoint.endpoint_name
    assert "${Token" not in endpoint.endpoint_name
    assert "AWS::Lambda::Function" in types(template)
    assert "AWS::Lambda::Function" not in types(synthesized(parent))


def test_endpoints_in_two_nested_stacks_of_one_parent_do_not_collide() -> None:
    parent = cdk.Stack(fresh_app(), "Parent")
    names = {an_endpoint(cdk.NestedStack(parent, id)).endpoint_name for id in ("One", "Two")}
    assert len(names) == 2


def test_tags_reach_endpoint_and_config(stack: cdk.Stack) -> None:
    cdk.Tags.of(an_endpoint(stack, variants=[a_variant(stack, "A")])).add("team", "fraud")
    template = synthesized(stack)
    for type in ("AWS::SageMaker::Endpoint", "AWS::SageMaker::EndpointConfig"):
        assert properties(template, type)["Tags"] == [{"Key": "team", "Value": "fraud"}]
    assert len(resources(template, "AWS::SageMaker::Model")) == 1

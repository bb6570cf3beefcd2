"""What a serverless endpoint is made of: no instance, no alarm, its concurrency and what scales it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_applicationautoscaling as appscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker

from constructs_lib import (
    AutoScaling,
    MetricTarget,
    Model,
    Rollout,
    ScheduledScaling,
    ServerlessEndpoint,
)
from tests.support.advice import warnings
from tests.support.endpoints import a_serverless_endpoint
from tests.support.synth import (
    Template,
    a_model,
    allowing,
    flat,
    fresh_app,
    properties,
    resource,
    resources,
    synthesized,
    types,
)

CONFIG, ENDPOINT = "AWS::SageMaker::EndpointConfig", "AWS::SageMaker::Endpoint"
TARGET, POLICY = "AWS::ApplicationAutoScaling::ScalableTarget", "AWS::ApplicationAutoScaling::ScalingPolicy"


def endpoint(stack: cdk.Stack, **props: Any) -> ServerlessEndpoint:
    return a_serverless_endpoint(stack, **{"check_deployments": False, **props})


def variant(template: Template) -> dict[str, Any]:
    (only,) = properties(template, CONFIG)["ProductionVariants"]
    return dict(only)


def serverless(stack: cdk.Stack, **props: Any) -> dict[str, Any]:
    endpoint(stack, **props)
    return dict(variant(synthesized(stack))["ServerlessConfig"])


def scaling(**props: Any) -> AutoScaling:
    target = {"min_capacity": 2, "max_capacity": 5, "provisioned_concurrency_utilization": 0.7}
    return AutoScaling(**{**target, **props})


def test_the_one_variant_has_memory_and_concurrency_and_no_instance(stack: cdk.Stack) -> None:
    endpoint(stack)
    template = synthesized(stack)
    (model,) = resources(template, "AWS::SageMaker::Model")
    assert properties(template, CONFIG) == {
        "ProductionVariants": [
            {
                "VariantName": "AllTraffic",
                "ModelName": {"Fn::GetAtt": [model, "ModelName"]},
                "InitialVariantWeight": 1,
                "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 20},
            }
        ]
    }


def test_it_consists_of_nothing_but_model_configuration_endpoint_and_parameter(stack: cdk.Stack) -> None:
    endpoint(stack)
    assert types(synthesized(stack)) == [
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::SSM::Parameter",
        ENDPOINT,
        CONFIG,
        "AWS::SageMaker::Model",
    ]


def test_no_deployment_guardrail_is_configured(stack: cdk.Stack) -> None:
    made = endpoint(stack)
    template = synthesized(stack)
    (config,) = resources(template, CONFIG)
    assert properties(template, ENDPOINT) == {
        "EndpointName": "test-endpoint",
        "EndpointConfigName": {"Fn::GetAtt": [config, "EndpointConfigName"]},
    }
    assert made.rollback_alarms.cfn_alarms == []


@pytest.mark.parametrize("gibibytes", range(1, 7))
def test_memory_is_written_in_mebibytes(stack: cdk.Stack, gibibytes: int) -> None:
    config = serverless(stack, memory=cdk.Size.gibibytes(gibibytes))
    assert config["MemorySizeInMB"] == gibibytes * 1024


def test_provisioned_concurrency_is_as_given(stack: cdk.Stack) -> None:
    config = serverless(stack, max_concurrency=200, provisioned_concurrency=200)
    assert (config["MaxConcurrency"], config["ProvisionedConcurrency"]) == (200, 200)


@pytest.mark.parametrize(("given", "provisioned"), [(None, 2), (4, 4)])
def test_scaled_concurrency_begins_at_the_minimum_unless_told(
    stack: cdk.Stack, given: int | None, provisioned: int
) -> None:
    config = serverless(stack, scaling=scaling(), provisioned_concurrency=given)
    assert config["ProvisionedConcurrency"] == provisioned


def test_what_scales_is_the_provisioned_concurrency(stack: cdk.Stack) -> None:
    endpoint(stack, scaling=scaling())
    template = synthesized(stack)
    target, policy = properties(template, TARGET), properties(template, POLICY)
    assert target["ScalableDimension"] == "sagemaker:variant:DesiredProvisionedConcurrency"
    assert target["ResourceId"] == "endpoint/test-endpoint/variant/AllTraffic"
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 5)
    assert policy["PolicyName"] == "AllTraffic-Utilization"
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["TargetValue"] == 0.7
    assert tracking["PredefinedMetricSpecification"] == {
        "PredefinedMetricType": "SageMakerVariantProvisionedConcurrencyUtilization"
    }


def test_a_scaled_one_retains_no_instance_count(stack: cdk.Stack) -> None:
    """Provisioned concurrency is none of the properties SageMaker can retain."""
    endpoint(stack, scaling=scaling())
    assert not {"RetainAllVariantProperties", "ExcludeRetainedVariantProperties"} & set(
        properties(synthesized(stack), ENDPOINT)
    )


def test_schedules_and_metrics_of_ones_own_scale_it_too(stack: cdk.Stack) -> None:
    metric = cloudwatch.Metric(namespace="Fraud", metric_name="Load", statistic="Average")
    day = ScheduledScaling(name="Day", schedule=appscaling.Schedule.cron(hour="8"), min_capacity=4)
    endpoint(
        stack,
        scaling=scaling(
            provisioned_concurrency_utilization=None,
            metrics=[MetricTarget(name="Load", metric=metric, target=5)],
            schedules=[day],
        ),
    )
    template = synthesized(stack)
    assert properties(template, POLICY)["PolicyName"] == "AllTraffic-MetricLoad"
    (action,) = properties(template, TARGET)["ScheduledActions"]
    assert action["ScalableTargetAction"] == {"MinCapacity": 4}


def test_nothing_wakes_what_sleeps_by_itself(stack: cdk.Stack) -> None:
    endpoint(stack, scaling=scaling(min_capacity=1))
    assert "AWS::CloudWatch::Alarm" not in types(synthesized(stack))


def test_the_deploy_guard_watches_it_without_an_instance_type(stack: cdk.Stack) -> None:
    a_serverless_endpoint(stack, scaling=scaling())
    template = synthesized(stack)
    assert properties(template, "Custom::EndpointRelease")["InstanceTypes"] == {"AllTraffic": ""}
    (config,) = resources(template, CONFIG)
    assert flat(properties(template, "Custom::EndpointSettle")["ConfigName"]) == (
        f"<{config}.EndpointConfigName>"
    )
    (settle,) = resources(template, "Custom::EndpointSettle")
    assert settle in resource(template, TARGET)["DependsOn"]


def test_names_are_told_by_outputs_and_a_parameter(stack: cdk.Stack) -> None:
    made = endpoint(stack)
    template = synthesized(stack)
    (id,) = resources(template, ENDPOINT)
    parameter = resource(template, "AWS::SSM::Parameter")
    assert parameter["Properties"]["Name"] == "/sagemaker/endpoints/test-endpoint"
    assert parameter["Properties"]["Value"] == made.endpoint_name == "test-endpoint"
    assert id in parameter["DependsOn"]
    outputs = [flat(each["Value"]) for each in template["Outputs"].values()]
    assert outputs == ["test-endpoint", f"<{id}>"]


def test_names_may_be_chosen(stack: cdk.Stack) -> None:
    endpoint(stack, endpoint_name="Fraud", parameter_name="/fraud/endpoint")
    template = synthesized(stack)
    assert properties(template, ENDPOINT)["EndpointName"] == "Fraud"
    assert properties(template, "AWS::SSM::Parameter")["Name"] == "/fraud/endpoint"


def test_an_imported_model_is_served_without_a_role(stack: cdk.Stack) -> None:
    made = endpoint(stack, model=Model.from_model_name(stack, "Imported", "fraud-7"))
    template = synthesized(stack)
    assert variant(template)["ModelName"] == "fraud-7"
    assert made.role is None
    assert "AWS::IAM::Role" not in types(template)


def test_an_l1_model_is_served(stack: cdk.Stack) -> None:
    model = sagemaker.CfnModel(stack, "L1", execution_role_arn="arn:aws:iam::111122223333:role/fraud")
    endpoint(stack, model=model)
    assert variant(synthesized(stack))["ModelName"] == {"Fn::GetAtt": ["L1", "ModelName"]}


def test_a_model_of_another_stack_is_served() -> None:
    app = fresh_app()
    models, serving = cdk.Stack(app, "Models"), cdk.Stack(app, "Serving")
    endpoint(serving, model=a_model(models))
    assert "Fn::ImportValue" in variant(synthesized(serving))["ModelName"]


def test_tokens_reach_the_template(stack: cdk.Stack) -> None:
    number = cdk.CfnParameter(stack, "Number", type="Number").value_as_number
    config = serverless(
        stack,
        memory=cdk.Size.mebibytes(number),
        max_concurrency=number,
        provisioned_concurrency=number,
        scaling=scaling(min_capacity=number, max_capacity=number),
    )
    assert config == {
        name: {"Ref": "Number"} for name in ("MemorySizeInMB", "MaxConcurrency", "ProvisionedConcurrency")
    }


def test_two_in_one_stack_have_their_own_everything_and_share_the_guard(stack: cdk.Stack) -> None:
    for id in ("One", "Two"):
        a_serverless_endpoint(stack, id, scaling=scaling())
    template = synthesized(stack)
    names = {each["Properties"]["EndpointName"] for each in resources(template, ENDPOINT).values()}
    assert names == {"test-one", "test-two"}
    for type in (CONFIG, TARGET, POLICY, "AWS::SSM::Parameter", "Custom::EndpointSettle"):
        assert len(resources(template, type)) == 2, type
    assert len(resources(template, "AWS::Lambda::Function")) == 1


def test_unguarded_is_what_it_is_anyway(stack: cdk.Stack) -> None:
    endpoint(stack, rollout=Rollout.unguarded())
    assert "DeploymentConfig" not in properties(synthesized(stack), ENDPOINT)


def test_no_advice_for_instances_is_given() -> None:
    assert warnings(lambda stack: endpoint(stack, scaling=scaling(min_capacity=1))) == []


def test_a_grant_names_this_endpoint_only(stack: cdk.Stack) -> None:
    user = iam.User(stack, "User")
    endpoint(stack).grants.invoke(user)
    (statement,) = allowing(synthesized(stack), "sagemaker:InvokeEndpoint")
    assert statement["Action"] == "sagemaker:InvokeEndpoint"
    assert flat(statement["Resource"]).endswith(":endpoint/test-endpoint")


@pytest.mark.parametrize(
    ("read", "name", "statistic"),
    [
        (lambda e: e.metric_model_setup_time(), "ModelSetupTime", "p99"),
        (
            lambda e: e.metric_concurrent_executions_utilization(),
            "ServerlessConcurrentExecutionsUtilization",
            "Maximum",
        ),
        (
            lambda e: e.metric_provisioned_concurrency_utilization(),
            "ServerlessProvisionedConcurrencyUtilization",
            "Maximum",
        ),
        (
            lambda e: e.metric_provisioned_concurrency_spillover(),
            "ServerlessProvisionedConcurrencySpilloverInvocations",
            "Sum",
        ),
        (lambda e: e.metric_invocations(), "Invocations", "Sum"),
    ],
)
def test_a_metric_has_the_dimensions_that_report(
    stack: cdk.Stack, read: Callable[[ServerlessEndpoint], Any], name: str, statistic: str
) -> None:
    metric = read(endpoint(stack))
    assert (metric.namespace, metric.metric_name, metric.statistic) == ("AWS/SageMaker", name, statistic)
    assert metric.dimensions == {"EndpointName": "test-endpoint", "VariantName": "AllTraffic"}


def test_one_that_exists_is_imported_with_its_variant(stack: cdk.Stack) -> None:
    imported = ServerlessEndpoint.from_endpoint_name(stack, "Imported", "fraud")
    assert imported.metric_invocations().dimensions["VariantName"] == "AllTraffic"
    assert "Resources" not in synthesized(stack)

"""The deploy guard in a template: what it orders, what it may do, and that a stack has one."""

from __future__ import annotations

import json

import aws_cdk as cdk

from constructs_lib import AutoScaling
from tests.support.synth import (
    Template,
    a_variant,
    allowing,
    an_endpoint,
    flat,
    properties,
    resource,
    resources,
    statements,
    synthesized,
)

RELEASE, SETTLE = "Custom::EndpointRelease", "Custom::EndpointSettle"
ENDPOINT, TARGET = "AWS::SageMaker::Endpoint", "AWS::ApplicationAutoScaling::ScalableTarget"
RULE = "AWS::Events::Rule"
SCALING = AutoScaling(min_capacity=2, max_capacity=4, invocations_per_instance=600)


def only_id(template: Template, type: str) -> str:
    (id,) = resources(template, type)
    return id


def test_release_comes_before_the_endpoint_settle_after_it_scaling_after_that(stack: cdk.Stack) -> None:
    an_endpoint(stack, scaling=SCALING)
    template = synthesized(stack)
    assert only_id(template, RELEASE) in resource(template, ENDPOINT)["DependsOn"]
    assert only_id(template, ENDPOINT) in resource(template, SETTLE)["DependsOn"]
    for type in (TARGET, "AWS::ApplicationAutoScaling::ScalingPolicy"):
        assert only_id(template, SETTLE) in resource(template, type)["DependsOn"]


def test_release_is_told_the_instance_types_and_settle_the_configuration(stack: cdk.Stack) -> None:
    variants = [a_variant(stack, "A"), a_variant(stack, "B", instance_type="ml.c5.xlarge")]
    an_endpoint(stack, variants=variants)
    template = synthesized(stack)
    release, settle = properties(template, RELEASE), properties(template, SETTLE)
    assert release["EndpointName"] == settle["EndpointName"] == "test-endpoint"
    assert release["InstanceTypes"] == {"A": "ml.m5.large", "B": "ml.c5.xlarge"}
    config = only_id(template, "AWS::SageMaker::EndpointConfig")
    assert flat(settle["ConfigName"]) == f"<{config}.EndpointConfigName>"
    assert release["ServiceTimeout"] == settle["ServiceTimeout"] == "600"


def test_a_new_model_version_runs_settle_again(stack: cdk.Stack) -> None:
    """CloudFormation calls a custom resource only when a property changes: the configuration's name does."""
    an_endpoint(stack)
    template = synthesized(stack)
    assert only_id(template, "AWS::SageMaker::EndpointConfig") in json.dumps(properties(template, SETTLE))


def test_endpoints_of_a_stack_share_one_guard(stack: cdk.Stack) -> None:
    for id in ("One", "Two"):
        an_endpoint(stack, id)
    template = synthesized(stack)
    function = only_id(template, "AWS::Lambda::Function")
    tokens = {
        flat(each["Properties"]["ServiceToken"])
        for type in (RELEASE, SETTLE)
        for each in resources(template, type).values()
    }
    assert tokens == {f"<{function}.Arn>"}
    pattern = properties(template, RULE)["EventPattern"]
    assert pattern["detail"] == {
        "EndpointStatus": ["IN_SERVICE"],
        "EndpointName": ["test-one", "test-two"],
    }
    assert pattern["detail-type"] == ["SageMaker Endpoint State Change"]


def test_each_stack_has_a_guard_of_its_own(app: cdk.App) -> None:
    stacks = [cdk.Stack(app, name) for name in ("One", "Two")]
    for stack in stacks:
        an_endpoint(stack)
    for stack in stacks:
        assert len(resources(synthesized(stack), "AWS::Lambda::Function")) == 1


def test_more_than_twenty_endpoints_need_a_second_rule_and_each_pattern_fits(stack: cdk.Stack) -> None:
    from constructs_lib import Model

    model = Model.from_model_name(stack, "Model", "fraud")
    for number in range(21):
        an_endpoint(stack, f"E{number}", model=model, endpoint_name=f"e{number:02}-{'x' * 59}")
    rules = [each["Properties"] for each in resources(synthesized(stack), RULE).values()]
    assert [len(each["EventPattern"]["detail"]["EndpointName"]) for each in rules] == [20, 1]
    assert all(len(json.dumps(each["EventPattern"])) <= 2048 for each in rules)
    assert all(each["Targets"] for each in rules)


def test_the_function_runs_what_is_tested_here_with_python_alone(stack: cdk.Stack) -> None:
    an_endpoint(stack)
    template = synthesized(stack)
    function = properties(template, "AWS::Lambda::Function")
    assert function["Handler"] == "constructs_lib.hosting.runtime.deploy_guard.handle"
    assert function["Runtime"].startswith("python3.")
    assert function["Timeout"] == 300
    assert properties(template, "AWS::Logs::LogGroup")["RetentionInDays"] == 90


def test_the_function_may_do_what_it_does_and_changes_only_scaling_of_sagemaker(stack: cdk.Stack) -> None:
    an_endpoint(stack)
    template = synthesized(stack)
    guard = statements(template, "ConstructsLibDeployGuard")
    actions = {action for each in guard for action in _list(each["Action"])}
    assert {
        "sagemaker:DescribeEndpoint",
        "sagemaker:DescribeEndpointConfig",
        "application-autoscaling:DescribeScalableTargets",
        "application-autoscaling:DescribeScalingPolicies",
        "application-autoscaling:DescribeScheduledActions",
        "application-autoscaling:RegisterScalableTarget",
        "application-autoscaling:DeregisterScalableTarget",
        "application-autoscaling:PutScalingPolicy",
        "application-autoscaling:PutScheduledAction",
        "ssm:PutParameter",
        "ssm:DeleteParameter",
    } <= actions
    assert not any("*" in action for action in actions)
    (changes,) = allowing(template, "application-autoscaling:RegisterScalableTarget")
    assert changes["Condition"] == {
        "StringEquals": {"application-autoscaling:service-namespace": "sagemaker"}
    }
    (remembers,) = allowing(template, "ssm:PutParameter")
    assert flat(remembers["Resource"]).endswith(":parameter/constructs-lib/released-scaling/*")
    everywhere = [each for each in guard if each["Resource"] == "*"]
    assert all("Describe" in action for each in everywhere for action in _list(each["Action"]))


def _list(value: object) -> list[str]:
    return value if isinstance(value, list) else [str(value)]


def test_without_checks_there_is_no_trace_of_a_guard(stack: cdk.Stack) -> None:
    an_endpoint(stack, scaling=SCALING, check_deployments=False)
    template = synthesized(stack)
    for type in (RELEASE, SETTLE, RULE, "AWS::Lambda::Function", "AWS::Logs::LogGroup"):
        assert resources(template, type) == {}
    assert "DependsOn" not in resource(template, ENDPOINT)
    assert only_id(template, ENDPOINT) in resource(template, TARGET)["DependsOn"]

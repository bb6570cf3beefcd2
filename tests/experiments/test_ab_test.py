"""The template of an A/B test: what its functions are told, and what they may do."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_

from constructs_lib import (
    ABTest,
    EpsilonGreedy,
    Exploration,
    FixedSplit,
    Guardrail,
    Memory,
    Reward,
    Routing,
    Stopping,
    ThompsonSampling,
    UpperConfidenceBound,
)
from constructs_lib.experiments.runtime import experiment as runtime
from constructs_lib.experiments.runtime.client import STREAM_VARIABLE
from constructs_lib.experiments.runtime.raw import BUCKET_VARIABLE, PREFIX_VARIABLE
from constructs_lib.experiments.runtime.schema import TABLE_VARIABLE
from tests.support.experiments import an_ab_test, arms
from tests.support.synth import Template, fresh_app, resources, synthesized


def made(**props: Any) -> tuple[ABTest, Template]:
    stack = cdk.Stack(fresh_app(), "Stack")
    test = an_ab_test(stack, **props)
    return test, synthesized(stack)


def function(template: Template, name: str) -> dict[str, Any]:
    """The properties of Ingest, Controller or Recount."""
    (found,) = [
        each["Properties"]
        for each in resources(template, "AWS::Lambda::Function").values()
        if each["Properties"]["Handler"] == f"constructs_lib.experiments.runtime.{name}.handle"
    ]
    return found


def told(template: Template) -> runtime.Experiment:
    """The experiment as its functions read it."""
    text = function(template, "controller")["Environment"]["Variables"]["EXPERIMENT"]
    if isinstance(text, dict):
        parts = text["Fn::Join"][1]
        text = "".join(
            part if isinstance(part, str) else next(str(value) for value in _targets(part)) for part in parts
        )
    return runtime.Experiment.from_json(text)


def _targets(reference: dict[str, Any]) -> list[str]:
    target = next(iter(reference.values()))
    return [target] if isinstance(target, str) else target


def test_the_functions_read_what_synthesis_wrote() -> None:
    test, template = made(
        allocation=ThompsonSampling(
            top_two=0.5,
            exploration=Exploration(percent=20, half_life=cdk.Duration.days(3)),
            memory=Memory.discounted(cdk.Duration.days(2)),
            minimum_units=50,
            hysteresis_percent=5,
            stopping=Stopping(minimum_duration=cdk.Duration.days(7)),
        ),
        reward=Reward.numeric(window=cdk.Duration.hours(2), low=-5, high=5, minimize=True),
        routing=Routing.ASSIGNMENT,
        guardrails=[Guardrail.errors(percent=2)],
        period=cdk.Duration.minutes(10),
        alpha=0.1,
        experiment_name="ranker",
    )
    experiment = told(template)
    assert experiment.name == test.experiment_name == "ranker"
    assert experiment.endpoint == test.endpoint.endpoint_name
    assert [(arm.name, arm.share) for arm in experiment.arms] == [("A", 0.5), ("B", 0.5)]
    assert len({arm.model for arm in experiment.arms}) == 2
    assert experiment.reward == runtime.Reward(kind="numeric", window=7200, low=-5, high=5, minimize=True)
    assert experiment.allocation == runtime.Allocation(
        kind="thompson",
        top_two=0.5,
        floor=0.2,
        floor_half_life=3 * 86400,
        minimum_units=50,
        hysteresis=0.05,
        memory="discounted",
        memory_seconds=2 * 86400,
    )
    assert experiment.stopping == runtime.Stopping(minimum_duration=7 * 86400)
    assert experiment.routing == "assignment"
    assert experiment.period == 600
    assert experiment.analysis.alpha == 0.1
    assert [guardrail.arm for guardrail in experiment.guardrails] == ["B"]


@pytest.mark.parametrize(
    ("allocation", "kind", "stops"),
    [
        (None, "fixed", False),
        (FixedSplit(A=9, B=1), "fixed", False),
        (ThompsonSampling(), "thompson", True),
        (EpsilonGreedy(epsilon=0.2), "epsilon_greedy", True),
        (UpperConfidenceBound(stopping=None), "kl_ucb", False),
    ],
)
def test_every_allocation_is_told(allocation: Any, kind: str, stops: bool) -> None:
    experiment = told(made(allocation=allocation)[1])
    assert experiment.allocation.kind == kind
    assert (experiment.stopping is not None) == stops


def test_the_variants_begin_with_their_shares_and_keep_what_the_controller_gives_them() -> None:
    _, template = made(allocation=FixedSplit(A=9, B=1))
    (config,) = resources(template, "AWS::SageMaker::EndpointConfig").values()
    weights = {
        each["VariantName"]: each["InitialVariantWeight"]
        for each in config["Properties"]["ProductionVariants"]
    }
    assert weights == {"A": 0.9, "B": 0.1}
    (endpoint,) = resources(template, "AWS::SageMaker::Endpoint").values()
    assert endpoint["Properties"]["RetainAllVariantProperties"] is True
    excluded = endpoint["Properties"].get("ExcludeRetainedVariantProperties", [])
    assert {"VariantPropertyType": "DesiredWeight"} not in excluded


def test_a_guardrail_watches_every_variant_but_the_control() -> None:
    test, template = made(
        guardrails=[Guardrail.errors(percent=2), Guardrail.latency(p99=cdk.Duration.millis(300), variant="A")]
    )
    alarms = {
        each["Properties"]["AlarmDescription"].split(":")[0]: each["Properties"]["Threshold"]
        for each in resources(template, "AWS::CloudWatch::Alarm").values()
        if each["Properties"]["AlarmDescription"].startswith("Takes")
    }
    name = test.endpoint.endpoint_name
    assert alarms == {
        f"Takes the traffic from variant B of endpoint {name}": 2,
        f"Takes the traffic from variant A of endpoint {name}": 300_000,
    }
    (rule,) = [
        each["Properties"]
        for each in resources(template, "AWS::Events::Rule").values()
        if each["Properties"].get("EventPattern", {}).get("source") == ["aws.cloudwatch"]
    ]
    assert len(rule["EventPattern"]["resources"]) == 2


def test_a_guardrail_may_be_an_alarm_of_the_users() -> None:
    stack = cdk.Stack(fresh_app(), "Stack")
    arn = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:Refunds"
    alarm = cloudwatch.Alarm.from_alarm_arn(stack, "Refunds", arn)
    an_ab_test(stack, guardrails=[Guardrail.alarm(alarm)])
    template = synthesized(stack)
    assert told(template).guardrails == (runtime.Guardrail(alarm="Refunds", arm="B"),)
    assert arn in json.dumps(actions_of(template, "Controller")["cloudwatch:DescribeAlarms"])


def test_guardrails_of_variants_whose_names_end_in_numbers_are_told_apart() -> None:
    """The second guardrail of n1 and the twelfth of n: neither may be the other's name."""
    stack = cdk.Stack(fresh_app(), "Stack")
    watched = ["A", "n1", *["A"] * 9, "n"]
    an_ab_test(
        stack,
        variants=arms(stack, "A", "n", "n1"),
        guardrails=[Guardrail.errors(percent=1, variant=each) for each in watched],
    )
    assert [each.arm for each in told(synthesized(stack)).guardrails] == watched


def test_without_guardrails_no_alarm_is_read() -> None:
    _, template = made()
    assert "cloudwatch:DescribeAlarms" not in actions_of(template, "Controller")


def actions_of(template: Template, name: str) -> dict[str, list[Any]]:
    """What the role of a function may do, and on what."""
    allowed: dict[str, list[Any]] = {}
    for id, policy in resources(template, "AWS::IAM::Policy").items():
        if not id.startswith(f"TestManager{name}"):
            continue
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            for action in actions:
                allowed.setdefault(action, []).append(statement["Resource"])
    return allowed


_LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}


def test_the_functions_may_do_what_they_do_and_no_more() -> None:
    _, template = made()
    assert set(actions_of(template, "Controller")) == _LOGS | {
        "cloudwatch:PutMetricData",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
        "sagemaker:DescribeEndpoint",
        "sagemaker:UpdateEndpointWeightsAndCapacities",
    }
    ingest = set(actions_of(template, "Ingest"))
    assert not {each for each in ingest if each.startswith(("sagemaker", "s3:", "cloudwatch"))}
    assert {each for each in ingest if each.startswith("dynamodb")} == {
        "dynamodb:BatchGetItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
    }
    recount = actions_of(template, "Recount")
    assert {each for each in recount if each.startswith("s3")} == {"s3:GetObject", "s3:ListBucket"}
    assert not {each for each in recount if each.startswith("sagemaker")}


def test_one_key_encrypts_all_of_it() -> None:
    stack = cdk.Stack(fresh_app(), "Stack")
    an_ab_test(stack, encryption_key=kms.Key(stack, "Key"))
    template = synthesized(stack)
    (table,) = resources(template, "AWS::DynamoDB::Table").values()
    (stream,) = resources(template, "AWS::Kinesis::Stream").values()
    (queue,) = resources(template, "AWS::SQS::Queue").values()
    (bucket,) = resources(template, "AWS::S3::Bucket").values()
    encryption = [
        table["Properties"]["SSESpecification"]["KMSMasterKeyId"],
        stream["Properties"]["StreamEncryption"]["KeyId"],
        queue["Properties"]["KmsMasterKeyId"],
        bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"][0][
            "ServerSideEncryptionByDefault"
        ]["KMSMasterKeyID"],
    ]
    assert all("Key961B73FD" in json.dumps(each) for each in encryption)
    assert list(resources(template, "AWS::KMS::Key")) == ["Key961B73FD"]


def test_the_state_outlives_the_stack_unless_told_otherwise() -> None:
    for policy, wanted in ((None, "Retain"), (cdk.RemovalPolicy.DESTROY, "Delete")):
        given = {} if policy is None else {"removal_policy": policy}
        (table,) = resources(made(**given)[1], "AWS::DynamoDB::Table").values()
        assert table["DeletionPolicy"] == wanted


def test_who_takes_part_cannot_touch_the_counts() -> None:
    stack = cdk.Stack(fresh_app(), "Stack")
    test = an_ab_test(stack)
    role = iam.Role(stack, "App", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
    test.grants.participate(role)
    (policy,) = [
        each["Properties"]["PolicyDocument"]["Statement"]
        for id, each in resources(synthesized(stack), "AWS::IAM::Policy").items()
        if id.startswith("AppDefaultPolicy")
    ]
    on_table = [each for each in policy if "dynamodb" in json.dumps(each["Action"])]
    assert [each["Condition"] for each in on_table] == [
        {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["unit#*"]}},
        {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["state"]}},
    ]
    assert on_table[1]["Action"] == "dynamodb:GetItem"


def test_a_function_that_joins_has_what_its_client_reads() -> None:
    stack = cdk.Stack(fresh_app(), "Stack")
    test = an_ab_test(stack, experiment_name="ranker")
    code = lambda_.Code.from_inline("def handle(event, context): pass")
    joined = lambda_.Function(
        stack, "App", runtime=lambda_.Runtime.PYTHON_3_13, handler="index.handle", code=code
    )
    test.join(joined)
    template = synthesized(stack)
    (variables,) = [
        each["Properties"]["Environment"]["Variables"]
        for each in resources(template, "AWS::Lambda::Function").values()
        if each["Properties"]["Handler"] == "index.handle"
    ]
    assert set(variables) == {runtime.VARIABLE, TABLE_VARIABLE, STREAM_VARIABLE}
    controller = function(template, "controller")["Environment"]["Variables"]
    assert variables[runtime.VARIABLE] == controller[runtime.VARIABLE]
    assert variables[TABLE_VARIABLE] == controller[TABLE_VARIABLE]


def test_the_recount_is_told_where_the_events_are() -> None:
    _, template = made()
    (bucket,) = resources(template, "AWS::S3::Bucket")
    (delivery,) = resources(template, "AWS::KinesisFirehose::DeliveryStream").values()
    told = function(template, "recount")["Environment"]["Variables"]
    destination = delivery["Properties"]["ExtendedS3DestinationConfiguration"]
    assert told[BUCKET_VARIABLE] == {"Ref": bucket}
    assert destination["Prefix"] == f"{told[PREFIX_VARIABLE]}!{{timestamp:yyyy/MM/dd/HH}}/"


def test_two_experiments_share_a_stack() -> None:
    stack = cdk.Stack(fresh_app(), "Stack")
    first = an_ab_test(cdk.Stack(stack.node.root, "One"), experiment_name="one")
    second = an_ab_test(cdk.Stack(stack.node.root, "Two"), experiment_name="two")
    assert first.endpoint.endpoint_name != second.endpoint.endpoint_name
    both = cdk.Stack(fresh_app(), "Both")
    shared = an_ab_test(both, "First")
    an_ab_test(both, "Second", variants=[replace(variant, weight=1) for variant in shared.variants])
    assert len(resources(synthesized(both), "AWS::Kinesis::Stream")) == 2


def test_a_metric_is_of_the_experiment_or_of_a_variant() -> None:
    test, _ = made(experiment_name="ranker")
    assert test.metric("ValueRemaining").dimensions == {"Experiment": "ranker"}
    assert test.metric("Share", variant="B").dimensions == {"Experiment": "ranker", "Arm": "B"}

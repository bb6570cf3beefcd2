"""Who may do what with requests, answers and topics of an asynchronous endpoint: this, and no more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from constructs_lib import AsyncEndpoint, AsyncInput, AsyncOutput, DataCapture, Model
from tests.support.endpoints import an_async_endpoint
from tests.support.synth import (
    Template,
    a_bucket,
    a_model,
    flat,
    fresh_app,
    properties,
    resource,
    resources,
    statements,
    synthesized,
)

CONFIG = "AWS::SageMaker::EndpointConfig"
KEY_ARN = "arn:aws:kms:eu-west-1:111122223333:key/{}"
Allowed = list[tuple[list[str], str]]


def endpoint(stack: cdk.Stack, **props: Any) -> AsyncEndpoint:
    return an_async_endpoint(stack, **{"check_deployments": False, **props})


def allowed(template: Template, policy: str) -> Allowed:
    """Actions and resource of each statement of a policy, by the beginning of its logical id."""
    return [(_listed(each["Action"]), flat(each["Resource"])) for each in statements(template, policy)]


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def objects(prefix: str, bucket: str = "artefacts") -> str:
    return f"arn:<AWS::Partition>:s3:::{bucket}/{prefix}/*"


WRITE, WITH_KEY = ["s3:PutObject", "s3:AbortMultipartUpload"], ["kms:Decrypt", "kms:GenerateDataKey"]
ARTEFACTS = "arn:<AWS::Partition>:s3:::artefacts"


# --- the endpoint's role -----------------------------------------------------------------------------------


def test_the_role_reads_requests_and_writes_answers_and_failures(stack: cdk.Stack) -> None:
    endpoint(stack, output=AsyncOutput(bucket=a_bucket(stack)))
    template = synthesized(stack)
    assert allowed(template, "EndpointServingPolicy") == [
        (["s3:GetObject"], objects("async-input")),
        (["s3:ListBucket"], ARTEFACTS),
        (WRITE, objects("async-output")),
        (WRITE, objects("async-failures")),
    ]
    (listing,) = (each for each in statements(template) if each["Action"] == "s3:ListBucket")
    assert listing["Condition"] == {"StringLike": {"s3:prefix": ["async-input/*"]}}


def test_keys_of_buckets_and_of_the_answers_are_used_and_no_other(stack: cdk.Stack) -> None:
    def key(name: str) -> kms.IKey:
        return kms.Key.from_key_arn(stack, name, KEY_ARN.format(name))

    def bucket(name: str) -> s3.IBucket:
        return s3.Bucket.from_bucket_attributes(
            stack, f"Bucket{name}", bucket_name=name, encryption_key=key(name)
        )

    endpoint(
        stack,
        input=AsyncInput(bucket=bucket("requests")),
        output=AsyncOutput(bucket=bucket("answers"), encryption_key=key("own")),
    )
    assert allowed(synthesized(stack), "EndpointServingPolicy") == [
        (["s3:GetObject"], objects("async-input", "requests")),
        (["s3:ListBucket"], "arn:<AWS::Partition>:s3:::requests"),
        (WRITE, objects("async-output", "answers")),
        (WRITE, objects("async-failures", "answers")),
        (["kms:Decrypt"], KEY_ARN.format("requests")),
        (WITH_KEY, KEY_ARN.format("own")),
        (WITH_KEY, KEY_ARN.format("answers")),
    ]


def test_the_key_of_its_own_bucket_is_used(stack: cdk.Stack) -> None:
    endpoint(stack)
    template = synthesized(stack)
    (key,) = resources(template, "AWS::KMS::Key")
    assert [each for each in allowed(template, "EndpointServingPolicy") if each[1] == f"<{key}.Arn>"] == [
        (WITH_KEY, f"<{key}.Arn>"),
    ]


def test_an_encrypted_topic_is_published_to_with_its_key(stack: cdk.Stack) -> None:
    """On an imported topic too, if it tells its key; and not as widely as CDK's own grant would."""
    key = kms.Key(stack, "Key")
    told = sns.Topic.from_topic_attributes(
        stack,
        "Told",
        topic_arn="arn:aws:sns:eu-west-1:111122223333:failed",
        key_arn=KEY_ARN.format("failed"),
    )
    encrypted = sns.Topic(stack, "Encrypted", master_key=key)
    endpoint(
        stack,
        output=AsyncOutput(bucket=a_bucket(stack), success_topic=encrypted, error_topic=told),
    )
    template = synthesized(stack)
    (key_id,), (topic_id,) = resources(template, "AWS::KMS::Key"), resources(template, "AWS::SNS::Topic")
    assert allowed(template, "EndpointServingPolicy")[-4:] == [
        (["sns:Publish"], f"<{topic_id}>"),
        (["sns:Publish"], "arn:aws:sns:eu-west-1:111122223333:failed"),
        (WITH_KEY, f"<{key_id}.Arn>"),
        (WITH_KEY, KEY_ARN.format("failed")),
    ]


def test_a_topic_without_a_key_brings_none(stack: cdk.Stack) -> None:
    endpoint(stack, output=AsyncOutput(bucket=a_bucket(stack), error_topic=sns.Topic(stack, "Topic")))
    assert "kms:" not in str(allowed(synthesized(stack), "EndpointServingPolicy"))


def test_topics_are_told_of_and_may_get_the_answers(stack: cdk.Stack) -> None:
    success, error = sns.Topic(stack, "Success"), sns.Topic(stack, "Error")
    output = AsyncOutput(success_topic=success, error_topic=error, include_response_in_success=True)
    endpoint(stack, output=output)
    config = properties(synthesized(stack), CONFIG)["AsyncInferenceConfig"]["OutputConfig"]
    assert config["NotificationConfig"] == {
        "SuccessTopic": stack.resolve(success.topic_arn),
        "ErrorTopic": stack.resolve(error.topic_arn),
        "IncludeInferenceResponseIn": ["SUCCESS_NOTIFICATION_TOPIC"],
    }


def test_the_policy_is_there_before_the_endpoint_tries_its_topics(stack: cdk.Stack) -> None:
    """CreateEndpoint sends a test message, and fails where the role may not publish yet."""
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    model = Model.from_model_name(stack, "Imported", "fraud", role=role)
    endpoint(stack, model=model, output=AsyncOutput(success_topic=sns.Topic(stack, "Topic")))
    template = synthesized(stack)
    ((policy, made),) = resources(template, "AWS::IAM::Policy").items()
    assert policy in resource(template, CONFIG)["DependsOn"]
    assert [flat(each) for each in made["Properties"]["Roles"]] == [
        f"<{id}>" for id in resources(template, "AWS::IAM::Role")
    ]


def test_a_model_of_another_stack_is_served_and_that_stack_refers_to_nothing() -> None:
    """The policy stands here: on the role's own it would make the stacks need each other."""
    app = fresh_app()
    models, serving = cdk.Stack(app, "Models"), cdk.Stack(app, "Serving")
    topic = sns.Topic(serving, "Topic", master_key=kms.Key(serving, "Key"))
    endpoint(serving, model=a_model(models), output=AsyncOutput(success_topic=topic))
    policy = properties(synthesized(serving), "AWS::IAM::Policy")
    assert "Fn::ImportValue" in str(policy["Roles"])
    assert "ImportValue" not in str(synthesized(models))


def test_a_role_that_must_not_change_is_left_alone(stack: cdk.Stack) -> None:
    role = iam.Role.from_role_arn(stack, "Role", "arn:aws:iam::111122223333:role/fraud", mutable=False)
    endpoint(stack, model=a_model(stack, role=role), output=AsyncOutput(bucket=a_bucket(stack)))
    assert not resources(synthesized(stack), "AWS::IAM::Policy")


def test_what_it_captures_is_written_by_the_same_role(stack: cdk.Stack) -> None:
    bucket = a_bucket(stack)
    endpoint(stack, output=AsyncOutput(bucket=bucket), capture=DataCapture(bucket=bucket, prefix="captured"))
    assert (["s3:PutObject"], objects("captured")) in allowed(synthesized(stack), "EndpointServingPolicy")


# --- callers -----------------------------------------------------------------------------------------------

ENDPOINT = "arn:<AWS::Partition>:sagemaker:<AWS::Region>:<AWS::AccountId>:endpoint/test-endpoint"
INVOKE: Allowed = [(["sagemaker:InvokeEndpointAsync"], ENDPOINT)]
GRANTS: dict[str, tuple[Callable[[AsyncEndpoint, iam.IGrantable], iam.Grant], Allowed]] = {
    "invoke_async": (lambda endpoint, user: endpoint.grants.invoke_async(user), INVOKE),
    "invoke": (lambda endpoint, user: endpoint.grants.invoke(user), INVOKE),
    "grant_invoke": (lambda endpoint, user: endpoint.grant_invoke(user), INVOKE),
    "write_input": (
        lambda endpoint, user: endpoint.grants.write_input(user),
        [(WRITE, objects("async-input"))],
    ),
    "read_results": (
        lambda endpoint, user: endpoint.grants.read_results(user),
        [
            (["s3:GetObject"], objects("async-failures")),
            (["s3:ListBucket"], ARTEFACTS),
            (["s3:GetObject"], objects("async-output")),
            (["s3:ListBucket"], ARTEFACTS),
        ],
    ),
    "read": (
        lambda endpoint, user: endpoint.grants.read(user),
        [(["sagemaker:DescribeEndpoint"], ENDPOINT)],
    ),
}


@pytest.mark.parametrize(("grant", "expected"), GRANTS.values(), ids=GRANTS.keys())
def test_a_grant_allows_exactly_one_kind_of_use(
    stack: cdk.Stack,
    grant: Callable[[AsyncEndpoint, iam.IGrantable], iam.Grant],
    expected: Allowed,
) -> None:
    made = endpoint(stack, output=AsyncOutput(bucket=a_bucket(stack)))
    assert grant(made, iam.User(stack, "Caller")).success
    assert allowed(synthesized(stack), "Caller") == expected


def test_results_are_listed_under_their_prefixes_alone(stack: cdk.Stack) -> None:
    made = endpoint(stack, output=AsyncOutput(bucket=a_bucket(stack)))
    made.grants.read_results(iam.User(stack, "Caller"))
    prefixes = [
        each["Condition"]["StringLike"]["s3:prefix"]
        for each in statements(synthesized(stack), "Caller")
        if each["Action"] == "s3:ListBucket"
    ]
    assert prefixes == [["async-failures/*"], ["async-output/*"]]


@pytest.mark.parametrize(
    ("grant", "actions"),
    [
        (lambda endpoint, user: endpoint.grants.write_input(user), WITH_KEY),
        (lambda endpoint, user: endpoint.grants.read_results(user), ["kms:Decrypt"]),
    ],
    ids=["write_input", "read_results"],
)
def test_callers_use_the_key_of_the_bucket(
    stack: cdk.Stack, grant: Callable[[AsyncEndpoint, iam.IGrantable], iam.Grant], actions: list[str]
) -> None:
    grant(endpoint(stack), iam.User(stack, "Caller"))
    template = synthesized(stack)
    (key,) = resources(template, "AWS::KMS::Key")
    assert [each for each, resource in allowed(template, "Caller") if resource == f"<{key}.Arn>"] == [actions]


def test_a_caller_in_another_stack_is_granted_there() -> None:
    app = fresh_app()
    serving, calling = cdk.Stack(app, "Serving"), cdk.Stack(app, "Calling")
    made = endpoint(serving)
    caller = iam.Role(calling, "Caller", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    for grant in (made.grants.invoke_async, made.grants.write_input, made.grants.read_results):
        grant(caller)
    assert allowed(synthesized(calling), "Caller")[0] == (
        ["sagemaker:InvokeEndpointAsync"],
        ENDPOINT.replace("test", "serving"),
    )
    assert "ImportValue" not in str(synthesized(serving)["Resources"])

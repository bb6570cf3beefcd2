"""What an asynchronous endpoint is made of: where requests and answers lie, who is told, what rolls it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker

from constructs_lib import (
    AsyncEndpoint,
    AsyncInput,
    AsyncOutput,
    AutoScaling,
    DataCapture,
    Model,
    Rollback,
    Rollout,
)
from tests.support.advice import Advised, warnings
from tests.support.endpoints import an_async_endpoint
from tests.support.synth import (
    Template,
    a_bucket,
    flat,
    properties,
    resource,
    resources,
    synthesized,
    types,
)

CONFIG, ENDPOINT, ALARM = (
    "AWS::SageMaker::EndpointConfig",
    "AWS::SageMaker::Endpoint",
    "AWS::CloudWatch::Alarm",
)
TARGET, POLICY = "AWS::ApplicationAutoScaling::ScalableTarget", "AWS::ApplicationAutoScaling::ScalingPolicy"


def endpoint(stack: cdk.Stack, id: str = "Endpoint", **props: Any) -> AsyncEndpoint:
    return an_async_endpoint(stack, id, **{"check_deployments": False, **props})


def scaling(low: int = 0, **props: Any) -> AutoScaling:
    return AutoScaling(min_capacity=low, max_capacity=3, **props)


def made(stack: cdk.Stack, **props: Any) -> Template:
    endpoint(stack, **props)
    return synthesized(stack)


def asynchronous(template: Template) -> dict[str, Any]:
    return dict(properties(template, CONFIG)["AsyncInferenceConfig"])


def variant(template: Template) -> dict[str, Any]:
    (only,) = properties(template, CONFIG)["ProductionVariants"]
    return dict(only)


# --- the least ---------------------------------------------------------------------------------------------


def test_answers_and_failures_go_to_a_bucket_of_its_own(stack: cdk.Stack) -> None:
    template = made(stack)
    (bucket,) = resources(template, "AWS::S3::Bucket")
    config = asynchronous(template)
    assert set(config) == {"OutputConfig"}, "SageMaker chooses the concurrency"
    assert {name: flat(value) for name, value in config["OutputConfig"].items()} == {
        "S3OutputPath": f"s3://<{bucket}>/async-output",
        "S3FailurePath": f"s3://<{bucket}>/async-failures",
    }


def test_its_bucket_is_encrypted_versioned_private_and_kept(stack: cdk.Stack) -> None:
    template = made(stack)
    bucket = resource(template, "AWS::S3::Bucket")
    (key,) = resources(template, "AWS::KMS::Key")
    (encryption,) = bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption == {
        "BucketKeyEnabled": True,
        "ServerSideEncryptionByDefault": {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": {"Fn::GetAtt": [key, "Arn"]},
        },
    }
    assert resource(template, "AWS::KMS::Key")["Properties"]["EnableKeyRotation"] is True
    assert all(bucket["Properties"]["PublicAccessBlockConfiguration"].values())
    assert bucket["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"
    (statement,) = properties(template, "AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Condition"]) == (
        "Deny",
        {"Bool": {"aws:SecureTransport": "false"}},
    )


def test_the_one_variant_runs_on_two_instances(stack: cdk.Stack) -> None:
    template = made(stack)
    (model,) = resources(template, "AWS::SageMaker::Model")
    assert variant(template) == {
        "VariantName": "AllTraffic",
        "ModelName": {"Fn::GetAtt": [model, "ModelName"]},
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 2,
        "InitialVariantWeight": 1,
        "ModelDataDownloadTimeoutInSeconds": 600,
        "ContainerStartupHealthCheckTimeoutInSeconds": 600,
    }


def test_what_is_given_reaches_the_variant(stack: cdk.Stack) -> None:
    given = variant(
        made(
            stack,
            instance_count=5,
            volume_size=cdk.Size.gibibytes(30),
            download_timeout=cdk.Duration.minutes(20),
            startup_timeout=cdk.Duration.minutes(30),
        )
    )
    assert given["InitialInstanceCount"] == 5
    assert given["VolumeSizeInGB"] == 30
    assert given["ModelDataDownloadTimeoutInSeconds"] == 1200
    assert given["ContainerStartupHealthCheckTimeoutInSeconds"] == 1800


def test_names_are_told_by_outputs_and_a_parameter(stack: cdk.Stack) -> None:
    template = made(stack)
    (id,) = resources(template, ENDPOINT)
    parameter = resource(template, "AWS::SSM::Parameter")
    assert properties(template, ENDPOINT)["EndpointName"] == "test-endpoint"
    assert parameter["Properties"]["Name"] == "/sagemaker/endpoints/test-endpoint"
    assert id in parameter["DependsOn"]
    outputs = [flat(each["Value"]) for each in template["Outputs"].values()]
    assert outputs == ["test-endpoint", f"<{id}>"]


# --- where and who -----------------------------------------------------------------------------------------


def test_in_a_given_bucket_no_other_is_made(stack: cdk.Stack) -> None:
    output = AsyncOutput(bucket=a_bucket(stack), prefix="fraud/answers", failure_prefix="fraud/failures")
    given = endpoint(stack, output=output)
    template = synthesized(stack)
    assert not resources(template, "AWS::S3::Bucket")
    assert not resources(template, "AWS::KMS::Key")
    assert asynchronous(template)["OutputConfig"] == {
        "S3OutputPath": "s3://artefacts/fraud/answers",
        "S3FailurePath": "s3://artefacts/fraud/failures",
    }
    locations = given.locations
    assert locations.output.uri == "s3://artefacts/fraud/answers"
    assert locations.failures.uri == "s3://artefacts/fraud/failures"
    assert locations.input.uri == "s3://artefacts/async-input"


def test_requests_may_lie_in_a_bucket_of_their_own(stack: cdk.Stack) -> None:
    given = endpoint(
        stack,
        input=AsyncInput(bucket=a_bucket(stack, "In", "requests"), prefix="fraud"),
        output=AsyncOutput(bucket=a_bucket(stack, "Out", "answers")),
    )
    assert given.locations.input.uri == "s3://requests/fraud"
    assert given.locations.output.uri == "s3://answers/async-output"


def test_a_key_encrypts_the_answers_and_its_own_bucket(stack: cdk.Stack) -> None:
    template = made(stack, output=AsyncOutput(encryption_key=kms.Key(stack, "Key")))
    (key,) = resources(template, "AWS::KMS::Key")
    arn = {"Fn::GetAtt": [key, "Arn"]}
    assert asynchronous(template)["OutputConfig"]["KmsKeyId"] == arn
    (encryption,) = properties(template, "AWS::S3::Bucket")["BucketEncryption"][
        "ServerSideEncryptionConfiguration"
    ]
    assert encryption["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == arn


def test_the_concurrency_per_instance_is_as_given(stack: cdk.Stack) -> None:
    template = made(stack, max_concurrent_invocations_per_instance=4)
    assert asynchronous(template)["ClientConfig"] == {"MaxConcurrentInvocationsPerInstance": 4}


def test_data_is_captured_and_volumes_are_encrypted_too(stack: cdk.Stack) -> None:
    template = made(stack, capture=DataCapture(bucket=a_bucket(stack)), encryption_key=kms.Key(stack, "Key"))
    config = properties(template, CONFIG)
    assert config["DataCaptureConfig"]["DestinationS3Uri"].startswith("s3://artefacts/")
    assert "KmsKeyId" in config
    assert "KmsKeyId" not in config["AsyncInferenceConfig"]["OutputConfig"]


def test_an_imported_model_and_an_l1_are_served(stack: cdk.Stack) -> None:
    models = {
        "Imported": Model.from_model_name(stack, "ImportedModel", "fraud-7"),
        "L1": sagemaker.CfnModel(stack, "L1Model", execution_role_arn="arn:aws:iam::111122223333:role/fraud"),
    }
    for id, model in models.items():
        assert endpoint(stack, id=id, model=model).role is None
    template = synthesized(stack)
    served = [
        each["Properties"]["ProductionVariants"][0]["ModelName"]
        for each in resources(template, CONFIG).values()
    ]
    assert served == ["fraud-7", {"Fn::GetAtt": ["L1Model", "ModelName"]}]
    assert not resources(template, "AWS::IAM::Policy"), "there is no role to give it to"


def test_two_in_one_stack_have_their_own_everything_and_share_the_guard(stack: cdk.Stack) -> None:
    for id in ("One", "Two"):
        an_async_endpoint(stack, id, scaling=scaling())
    template = synthesized(stack)
    names = {each["Properties"]["EndpointName"] for each in resources(template, ENDPOINT).values()}
    assert names == {"test-one", "test-two"}
    for type in (CONFIG, TARGET, "AWS::S3::Bucket", "AWS::KMS::Key", "AWS::SSM::Parameter"):
        assert len(resources(template, type)) == 2, type
    assert len(resources(template, POLICY)) == 4
    assert len(resources(template, "AWS::Lambda::Function")) == 1


def test_the_deploy_guard_watches_its_instance_type_and_comes_before_scaling(stack: cdk.Stack) -> None:
    an_async_endpoint(stack, scaling=scaling())
    template = synthesized(stack)
    assert properties(template, "Custom::EndpointRelease")["InstanceTypes"] == {"AllTraffic": "ml.m5.large"}
    (settle,) = resources(template, "Custom::EndpointSettle")
    assert settle in resource(template, TARGET)["DependsOn"]


# --- rolling back ------------------------------------------------------------------------------------------


def test_one_alarm_rolls_back_on_failures_among_what_was_processed(stack: cdk.Stack) -> None:
    """Asynchronous endpoints report no Invocations, and what is processed for each variant."""
    template = made(stack)
    (alarm,) = resources(template, ALARM)
    queries = {
        each["Id"]: each["MetricStat"]["Metric"]
        for each in properties(template, ALARM)["Metrics"]
        if "MetricStat" in each
    }
    on_variant = [
        {"Name": "EndpointName", "Value": "test-endpoint"},
        {"Name": "VariantName", "Value": "AllTraffic"},
    ]
    assert queries == {
        "errors": {
            "Namespace": "AWS/SageMaker",
            "MetricName": "Invocation5XXErrors",
            "Dimensions": on_variant,
        },
        "requests": {
            "Namespace": "AWS/SageMaker",
            "MetricName": "InvocationsProcessed",
            "Dimensions": on_variant,
        },
    }
    deployment = properties(template, ENDPOINT)["DeploymentConfig"]
    assert deployment["AutoRollbackConfiguration"] == {"Alarms": [{"AlarmName": {"Ref": alarm}}]}


@pytest.mark.parametrize(
    "rollout",
    [
        Rollout.canary(size_percent=50, wait=cdk.Duration.minutes(5)),
        Rollout.rolling(batch_percent=50, wait=cdk.Duration.minutes(5)),
        Rollout.all_at_once(rollback=Rollback(latency_alarm=False)),
    ],
    ids=lambda rollout: str(rollout.kind.name),
)
def test_no_rollout_watches_the_latency(stack: cdk.Stack, rollout: Rollout) -> None:
    template = made(stack, rollout=rollout)
    assert "ModelLatency" not in str(resources(template, ALARM))
    assert len(resources(template, ALARM)) == 1


def test_unguarded_has_no_alarm(stack: cdk.Stack) -> None:
    template = made(stack, rollout=Rollout.unguarded())
    assert "DeploymentConfig" not in properties(template, ENDPOINT)
    assert not resources(template, ALARM)


# --- watching ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("read", "name", "statistic"),
    [
        (lambda e: e.metric_backlog_size(), "ApproximateBacklogSize", "Average"),
        (lambda e: e.metric_backlog_size_per_instance(), "ApproximateBacklogSizePerInstance", "Average"),
        (lambda e: e.metric_age_of_oldest_request(), "ApproximateAgeOfOldestRequest", "Maximum"),
    ],
)
def test_what_is_measured_of_the_queue_is_the_endpoints_alone(
    stack: cdk.Stack, read: Callable[[AsyncEndpoint], Any], name: str, statistic: str
) -> None:
    metric = read(endpoint(stack))
    assert (metric.namespace, metric.metric_name, metric.statistic) == ("AWS/SageMaker", name, statistic)
    assert metric.dimensions == {"EndpointName": "test-endpoint"}


@pytest.mark.parametrize(
    ("read", "name"),
    [
        (lambda e: e.metric_invocations_processed(), "InvocationsProcessed"),
        (lambda e: e.metric_invocation_failures(), "InvocationFailures"),
        (lambda e: e.metric_expired_requests(), "ExpiredRequests"),
    ],
)
def test_what_becomes_of_requests_is_the_variants(
    stack: cdk.Stack, read: Callable[[AsyncEndpoint], Any], name: str
) -> None:
    metric = read(endpoint(stack))
    assert (metric.namespace, metric.metric_name, metric.statistic) == ("AWS/SageMaker", name, "Sum")
    assert metric.dimensions == {"EndpointName": "test-endpoint", "VariantName": "AllTraffic"}


def test_what_is_measured_of_the_model_is_the_variants(stack: cdk.Stack) -> None:
    assert endpoint(stack).metric_model_latency().dimensions == {
        "EndpointName": "test-endpoint",
        "VariantName": "AllTraffic",
    }


def test_one_that_exists_is_imported(stack: cdk.Stack) -> None:
    imported = AsyncEndpoint.from_endpoint_name(stack, "Imported", "fraud")
    assert imported.metric_model_latency().dimensions["VariantName"] == "AllTraffic"
    assert "Resources" not in synthesized(stack)


ADVISED = [
    Advised("SM-HA-101", lambda stack: endpoint(stack, instance_count=1), "may run on 1 instance"),
    Advised(
        "SM-HA-101",
        lambda stack: endpoint(stack, scaling=scaling(1, backlog_per_instance=5)),
        "may run on 1 instance",
    ),
    Advised(
        "SM-KMS-101",
        lambda stack: endpoint(stack, instance_type="ml.g5.xlarge", encryption_key=kms.Key(stack, "Key")),
        "ml.g5.xlarge keeps data on NVMe",
    ),
]


@pytest.mark.parametrize("advised", ADVISED, ids=lambda advised: f"{advised.id} {advised.says:.30}")
def test_advice_is_given_and_can_be_acknowledged(advised: Advised) -> None:
    advised.check()


def test_what_may_sleep_is_not_told_to_outlive_a_zone() -> None:
    assert warnings(lambda stack: endpoint(stack, scaling=scaling())) == []


def test_nothing_but_expected_is_made(stack: cdk.Stack) -> None:
    assert types(made(stack)) == [
        ALARM,
        "AWS::IAM::Policy",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::KMS::Key",
        "AWS::S3::Bucket",
        "AWS::S3::BucketPolicy",
        "AWS::SSM::Parameter",
        ENDPOINT,
        CONFIG,
        "AWS::SageMaker::Model",
    ]

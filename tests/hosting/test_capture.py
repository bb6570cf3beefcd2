"""Data capture: where it goes, who may write it, and with which key."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from constructs_lib import DataCapture
from tests.support.synth import (
    a_bucket,
    a_model,
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

CONFIG = "AWS::SageMaker::EndpointConfig"


def captured(stack: cdk.Stack, capture: DataCapture) -> dict[str, Any]:
    an_endpoint(stack, capture=capture, check_deployments=False)
    return dict(properties(synthesized(stack), CONFIG)["DataCaptureConfig"])


def test_nothing_is_captured_by_default(stack: cdk.Stack) -> None:
    assert an_endpoint(stack).capture_bucket is None
    template = synthesized(stack)
    assert "DataCaptureConfig" not in properties(template, CONFIG)
    assert resources(template, "AWS::S3::Bucket") == {}


def test_a_given_bucket_is_captured_to_under_the_prefix(stack: cdk.Stack) -> None:
    assert captured(
        stack, DataCapture(bucket=a_bucket(stack), prefix="captured/fraud", sampling_percent=20)
    ) == {
        "EnableCapture": True,
        "InitialSamplingPercentage": 20,
        "DestinationS3Uri": "s3://artefacts/captured/fraud",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {
            "CsvContentTypes": ["text/csv"],
            "JsonContentTypes": ["application/json", "application/jsonlines"],
        },
    }


def test_sampling_may_be_0_which_keeps_the_wiring(stack: cdk.Stack) -> None:
    config = captured(stack, DataCapture(bucket=a_bucket(stack), sampling_percent=0))
    assert (config["EnableCapture"], config["InitialSamplingPercentage"]) == (True, 0)


def test_one_side_may_be_captured_alone(stack: cdk.Stack) -> None:
    config = captured(stack, DataCapture(bucket=a_bucket(stack), capture_input=False))
    assert config["CaptureOptions"] == [{"CaptureMode": "Output"}]


def test_types_in_no_list_are_left_to_base64(stack: cdk.Stack) -> None:
    capture = DataCapture(
        bucket=a_bucket(stack), csv_content_types=(), json_content_types=("application/json",)
    )
    assert captured(stack, capture)["CaptureContentTypeHeader"] == {"JsonContentTypes": ["application/json"]}


def test_no_listed_type_at_all_leaves_the_header_out(stack: cdk.Stack) -> None:
    capture = DataCapture(bucket=a_bucket(stack), csv_content_types=(), json_content_types=())
    assert "CaptureContentTypeHeader" not in captured(stack, capture)


def test_each_models_role_may_write_beneath_the_prefix_and_nowhere_else(stack: cdk.Stack) -> None:
    variants = [a_variant(stack, "A"), a_variant(stack, "B")]
    an_endpoint(stack, variants=variants, capture=DataCapture(bucket=a_bucket(stack), prefix="p"))
    template = synthesized(stack)
    writes = allowing(template, "s3:PutObject", role="EndpointServingPolicy")
    assert [write["Action"] for write in writes] == ["s3:PutObject"] * 2
    assert {flat(write["Resource"]) for write in writes} == {"arn:<AWS::Partition>:s3:::artefacts/p/*"}
    policies = resources(template, "AWS::IAM::Policy").values()
    writing = [each["Properties"] for each in policies if "s3:PutObject" in str(each)]
    assert sorted(str(role["Ref"])[:6] for each in writing for role in each["Roles"]) == ["ModelA", "ModelB"]
    assert not any(
        "s3:*" in str(each["Action"]) or "s3:Get" in str(each["Action"]) for each in statements(template)
    )


def test_a_model_of_another_stack_does_not_refer_back_to_the_endpoints(app: cdk.App) -> None:
    models, endpoints = cdk.Stack(app, "Models"), cdk.Stack(app, "Endpoints")
    key = kms.Key(endpoints, "Key")
    an_endpoint(endpoints, model=a_model(models), capture=DataCapture(encryption_key=key), encryption_key=key)
    assert "ImportValue" not in str(synthesized(models))


def test_without_a_bucket_one_is_made_private_encrypted_versioned_and_kept(stack: cdk.Stack) -> None:
    endpoint = an_endpoint(stack, capture=DataCapture())
    template = synthesized(stack)
    bucket, key = resource(template, "AWS::S3::Bucket"), resource(template, "AWS::KMS::Key")
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"
    props = bucket["Properties"]
    (encryption,) = props["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["BucketKeyEnabled"] is True
    assert encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert props["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(props["PublicAccessBlockConfiguration"].values()) == {True}
    assert key["Properties"]["EnableKeyRotation"] is True
    assert endpoint.capture_bucket is not None
    (denied,) = [
        each
        for each in properties(template, "AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]
        if each["Effect"] == "Deny"
    ]
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_roles_may_use_the_key_of_the_bucket(stack: cdk.Stack) -> None:
    an_endpoint(stack, capture=DataCapture())
    template = synthesized(stack)
    (key,) = resources(template, "AWS::KMS::Key")
    (grant,) = allowing(template, "kms:GenerateDataKey")
    assert grant["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert flat(grant["Resource"]) == f"<{key}.Arn>"


def test_a_given_key_encrypts_the_objects_and_the_new_bucket(stack: cdk.Stack) -> None:
    key = kms.Key(stack, "Mine")
    config = captured(stack, DataCapture(encryption_key=key))
    template = synthesized(stack)
    assert list(resources(template, "AWS::KMS::Key")) == [stack.get_logical_id(key.node.default_child)]
    assert flat(config["KmsKeyId"]) == f"<{stack.get_logical_id(key.node.default_child)}.Arn>"


def test_a_key_of_the_objects_and_another_of_the_bucket_are_both_granted(stack: cdk.Stack) -> None:
    keys = [kms.Key(stack, name) for name in ("Objects", "Buckets")]
    bucket = s3.Bucket(stack, "Bucket", encryption=s3.BucketEncryption.KMS, encryption_key=keys[1])
    captured(stack, DataCapture(bucket=bucket, encryption_key=keys[0]))
    granted = {flat(each["Resource"]) for each in allowing(synthesized(stack), "kms:GenerateDataKey")}
    assert granted == {f"<{stack.get_logical_id(key.node.default_child)}.Arn>" for key in keys}


def test_tokens_reach_the_template(stack: cdk.Stack) -> None:
    percent = cdk.CfnParameter(stack, "Percent", type="Number").value_as_number
    prefix = cdk.CfnParameter(stack, "Prefix").value_as_string
    config = captured(stack, DataCapture(bucket=a_bucket(stack), sampling_percent=percent, prefix=prefix))
    assert config["InitialSamplingPercentage"] == {"Ref": "Percent"}
    assert flat(config["DestinationS3Uri"]) == "s3://artefacts/<Prefix>"

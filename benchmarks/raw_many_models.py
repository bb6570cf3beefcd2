"""Endpoints of several models or containers on one fleet, in raw L1s: multi-model ones and pipelines."""

from __future__ import annotations

import hashlib

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker

from . import raw_iam
from .library import IMAGE
from .library_kinds import ADDED_MODELS, ARTEFACTS, CONTAINERS
from .raw_bucket import DataBucket, data_bucket
from .raw_hosting import hosted, on_instances, scaled_on_invocations
from .raw_l1 import rollback_alarms
from .raw_once import placement

_Model = sagemaker.CfnModel


def multi_model_endpoint(stack: cdk.Stack, index: int) -> None:
    """A multi-model endpoint with a bucket of its own, and models placed in it."""
    path = f"{stack.node.path}/Endpoint{index}"
    bucket = data_bucket(stack, f"Models{index}", f"Models of {path}")
    role = raw_iam.role(stack, f"Role{index}", runs=f"{path}/Model")
    reading = [
        raw_iam.allow("s3:GetObject", f"{bucket.arn}/models/*"),
        raw_iam.listing(bucket.arn, "models"),
        raw_iam.allow("kms:Decrypt", bucket.key_arn),
    ]
    policy = _policy(stack, f"Policy{index}", role, reading)
    model = _Model(
        stack,
        f"Model{index}",
        execution_role_arn=role.attr_arn,
        primary_container=_Model.ContainerDefinitionProperty(
            image=IMAGE,
            mode="MultiModel",
            model_data_url=f"s3://{bucket.name}/models/",
            multi_model_config=_Model.MultiModelConfigProperty(model_cache_setting="Enabled"),
        ),
    )
    model.add_resource_dependency(role)
    model.add_resource_dependency(policy)
    _on_fleet(stack, index, model)
    for number in range(ADDED_MODELS):
        _place(stack, f"{index}Model{number}", number, bucket)


def inference_pipeline(stack: cdk.Stack, index: int) -> None:
    """Containers that answer one after the other."""
    role = raw_iam.role(stack, f"Role{index}", runs=f"{stack.node.path}/Endpoint{index}/Model")
    policy = _policy(stack, f"Policy{index}", role, [])
    model = _Model(
        stack,
        f"Model{index}",
        execution_role_arn=role.attr_arn,
        containers=[_Model.ContainerDefinitionProperty(image=IMAGE) for _ in range(CONTAINERS)],
    )
    model.add_resource_dependency(role)
    model.add_resource_dependency(policy)
    _on_fleet(stack, index, model)


def _policy(stack: cdk.Stack, id: str, role: iam.CfnRole, more: list[raw_iam.Statement]) -> iam.CfnPolicy:
    return raw_iam.policy(stack, id, role, [*raw_iam.telemetry(stack), *raw_iam.pulling(stack), *more])


def _on_fleet(stack: cdk.Stack, index: int, model: sagemaker.CfnModel) -> None:
    config = sagemaker.CfnEndpointConfig(stack, f"Config{index}", production_variants=[on_instances(model)])
    endpoint = hosted(stack, index, config, alarms=rollback_alarms(stack, index))
    scaled_on_invocations(stack, index, endpoint)


def _place(stack: cdk.Stack, id: str, number: int, bucket: DataBucket) -> None:
    source = f"fraud/{number}.0.0.tar.gz"
    fingerprint = hashlib.sha256(f"{ARTEFACTS}/{source}".encode()).hexdigest()
    cdk.CfnResource(
        stack,
        f"Placed{id}",
        type="Custom::HostedModel",
        properties={
            "ServiceToken": placement(stack),
            "ServiceTimeout": "600",
            "SourceBucket": ARTEFACTS,
            "SourceKey": source,
            "Fingerprint": fingerprint,
            "Bucket": bucket.name,
            "Key": f"models/fraud{number}/{fingerprint[:16]}.tar.gz",
            "Keep": "false",
        },
    )

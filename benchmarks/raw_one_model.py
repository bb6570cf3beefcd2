"""Endpoints of one model that may pause, in raw L1s: serverless and asynchronous ones."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker

from . import raw_iam, raw_scaling
from .raw_alarms import errors_alarm
from .raw_bucket import DataBucket, data_bucket
from .raw_hosting import VARIANT, Hosted, endpoint_name, hosted, model, on_instances

_Config = sagemaker.CfnEndpointConfig


def serverless_endpoint(stack: cdk.Stack, index: int) -> None:
    """A serverless endpoint whose provisioned concurrency scales."""
    served, _ = model(stack, f"{index}", path=f"{stack.node.path}/Model{index}")
    variant = _Config.ProductionVariantProperty(
        variant_name=VARIANT,
        model_name=served.attr_model_name,
        initial_variant_weight=1,
        serverless_config=_Config.ServerlessConfigProperty(
            memory_size_in_mb=2048, max_concurrency=20, provisioned_concurrency=1
        ),
    )
    config = _Config(stack, f"Config{index}", production_variants=[variant])
    endpoint = hosted(stack, index, config, instance_type="", retained=False)
    target = raw_scaling.target(
        stack,
        f"Target{index}",
        resource_id=f"endpoint/{endpoint.name}/variant/{VARIANT}",
        dimension="sagemaker:variant:DesiredProvisionedConcurrency",
        low=1,
        high=4,
    )
    metric_type = "SageMakerVariantProvisionedConcurrencyUtilization"
    policy = raw_scaling.predefined(
        stack, f"ScalingPolicy{index}", f"{VARIANT}-Utilization", target.ref, metric_type, 0.7
    )
    endpoint.before(target, policy)


def async_endpoint(stack: cdk.Stack, index: int) -> None:
    """An asynchronous endpoint with a bucket of its own, which sleeps while nothing waits."""
    name, path = endpoint_name(stack, index), stack.node.path
    served, role = model(stack, f"{index}", path=f"{path}/Model{index}")
    bucket = data_bucket(stack, f"Async{index}", f"Requests and answers of {path}/Endpoint{index}")
    alarm = errors_alarm(
        stack,
        f"Errors{index}",
        f"endpoint {name}",
        {"EndpointName": name, "VariantName": VARIANT},
        requests_metric="InvocationsProcessed",
    )
    config = _Config(
        stack,
        f"Config{index}",
        production_variants=[on_instances(served, count=1)],
        async_inference_config=_Config.AsyncInferenceConfigProperty(
            output_config=_Config.AsyncInferenceOutputConfigProperty(
                s3_output_path=f"s3://{bucket.name}/async-output",
                s3_failure_path=f"s3://{bucket.name}/async-failures",
            )
        ),
    )
    config.add_resource_dependency(_data_policy(stack, index, role, bucket))
    _scaled_on_backlog(stack, index, hosted(stack, index, config, alarms=[alarm]))


def _data_policy(stack: cdk.Stack, index: int, role: iam.CfnRole, bucket: DataBucket) -> iam.CfnPolicy:
    writing = ["s3:PutObject", "s3:AbortMultipartUpload"]
    statements = [
        raw_iam.allow("s3:GetObject", f"{bucket.arn}/async-input/*"),
        raw_iam.listing(bucket.arn, "async-input"),
        raw_iam.allow(writing, f"{bucket.arn}/async-output/*"),
        raw_iam.allow(writing, f"{bucket.arn}/async-failures/*"),
        raw_iam.allow(["kms:Decrypt", "kms:GenerateDataKey"], bucket.key_arn),
    ]
    return raw_iam.policy(stack, f"AsyncPolicy{index}", role, statements)


def _scaled_on_backlog(stack: cdk.Stack, index: int, endpoint: Hosted) -> None:
    resource_id = f"endpoint/{endpoint.name}/variant/{VARIANT}"
    target = raw_scaling.target(
        stack,
        f"Target{index}",
        resource_id=resource_id,
        dimension="sagemaker:variant:DesiredInstanceCount",
        low=0,
        high=4,
    )
    of, dimensions = target.ref, {"EndpointName": endpoint.name}
    backlog = raw_scaling.customized(
        stack,
        f"ScalingPolicy{index}",
        f"{VARIANT}-Backlog",
        of,
        "ApproximateBacklogSizePerInstance",
        dimensions,
        5,
    )
    wake_up = raw_scaling.waking(
        stack,
        f"WakeUp{index}",
        f"{VARIANT}-StepWakeUp",
        of,
        resource_id=resource_id,
        metric_name="HasBacklogWithoutCapacity",
        dimensions=dimensions,
        period=60,
    )
    endpoint.before(target, backlog, *wake_up)

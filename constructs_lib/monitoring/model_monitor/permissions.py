"""What the jobs of one monitor may do. That it is enough is inferred: AWS names its policy for everything."""

from __future__ import annotations

import constructs

from ...core.buckets import attributes_of
from ...core.place import environment_of
from ...core.roles import Permissions, allow_network
from .job import ModelMonitorJob, Place

METRIC_NAMESPACES = ("/aws/sagemaker/*", "aws/sagemaker/*")
"""Documentation and working code disagree on which of them Model Monitor's own metrics are in."""

_BOUNDED = "Objects are named by time; the prefix bounds them."
_LATE = "Clarify and SageMaker name these themselves, when a job runs."


def allow_job(permissions: Permissions, scope: constructs.Construct, job: ModelMonitorJob) -> None:
    """Let jobs read what was captured, the baseline and labels, and write results, logs and metrics."""
    _allow_reading(permissions, job.captured.below(job.endpoint_name))
    _allow_reading(permissions, job.baseline)
    if job.ground_truth is not None:
        _allow_reading(permissions, job.ground_truth)
    # What one job merges, the next one reads.
    _allow_reading(permissions, job.results)
    permissions.allow("s3:PutObject", on=_objects(job.results), wildcard=_BOUNDED)
    for key in job.results.keys:
        permissions.allow_key(key, "kms:GenerateDataKey")
    _allow_telemetry(permissions, scope)
    _allow_endpoint(permissions, scope, job)
    _allow_volume(permissions, job)
    if job.vpc is not None:
        allow_network(permissions)
    if job.shap is not None:
        _allow_explaining(permissions, scope, job.shap.model_name)


def _objects(place: Place) -> str:
    return f"{attributes_of(place.bucket).arn}/{place.prefix}/*"


def _allow_reading(permissions: Permissions, place: Place) -> None:
    permissions.allow("s3:GetObject", on=_objects(place), wildcard=_BOUNDED)
    permissions.allow(
        "s3:ListBucket",
        on=attributes_of(place.bucket).arn,
        conditions={"StringLike": {"s3:prefix": [place.prefix, f"{place.prefix}/*"]}},
    )
    for key in place.keys:
        permissions.allow_key(key, "kms:Decrypt")


def _allow_telemetry(permissions: Permissions, scope: constructs.Construct) -> None:
    permissions.allow(
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:DescribeLogStreams",
        "logs:PutLogEvents",
        on=environment_of(scope).arn("logs", "log-group:/aws/sagemaker/ProcessingJobs*"),
        wildcard="Streams are named after jobs, which are named by time.",
    )
    permissions.allow(
        "cloudwatch:PutMetricData",
        on="*",
        conditions={"StringLike": {"cloudwatch:namespace": list(METRIC_NAMESPACES)}},
        wildcard="PutMetricData knows no resource; the condition binds it to SageMaker's namespaces.",
    )


def _allow_endpoint(permissions: Permissions, scope: constructs.Construct, job: ModelMonitorJob) -> None:
    """Where captured data lies is in the endpoint's configuration."""
    here = environment_of(scope)
    permissions.allow("sagemaker:DescribeEndpoint", on=here.arn("sagemaker", f"endpoint/{job.endpoint_name}"))
    permissions.allow(
        "sagemaker:DescribeEndpointConfig",
        on=here.arn("sagemaker", "endpoint-config/*"),
        wildcard="CloudFormation names configurations, and each deployment has another.",
    )


def _allow_volume(permissions: Permissions, job: ModelMonitorJob) -> None:
    if job.volume_key is None:
        return
    permissions.allow_key(
        job.volume_key, "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext"
    )
    permissions.allow(
        "kms:CreateGrant",
        on=job.volume_key.key_arn,
        conditions={"Bool": {"kms:GrantIsForAWSResource": True}},
    )


def _allow_explaining(permissions: Permissions, scope: constructs.Construct, model_name: str) -> None:
    """Clarify makes an endpoint with the model, asks it, and deletes it."""
    here = environment_of(scope)
    permissions.allow("sagemaker:DescribeModel", on=here.arn("sagemaker", f"model/{model_name}"))
    permissions.allow(
        "sagemaker:CreateEndpoint",
        "sagemaker:DescribeEndpoint",
        "sagemaker:InvokeEndpoint",
        "sagemaker:DeleteEndpoint",
        on=here.arn("sagemaker", "endpoint/sagemaker-clarify-*"),
        wildcard=_LATE,
    )
    permissions.allow(
        "sagemaker:CreateEndpointConfig",
        "sagemaker:DescribeEndpointConfig",
        "sagemaker:DeleteEndpointConfig",
        on=here.arn("sagemaker", "endpoint-config/sagemaker-clarify-*"),
        wildcard=_LATE,
    )
    # CreateEndpoint is authorised on the configuration too.
    permissions.allow(
        "sagemaker:CreateEndpoint",
        on=here.arn("sagemaker", "endpoint-config/sagemaker-clarify-*"),
        wildcard=_LATE,
    )

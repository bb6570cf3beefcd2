"""What the engine may do, for one monitor and no other."""

from __future__ import annotations

import constructs

from ..core.buckets import attributes_of
from ..core.place import environment_of
from ..core.roles import Permissions, allow_metrics
from .monitors import AttributionDrift
from .reading import BY_TIME, allow_reading
from .watch import Watch

METRIC_NAMESPACE = "ConstructsLib/Monitoring"


def allow_looking(permissions: Permissions, scope: constructs.Construct, watch: Watch) -> None:
    """Read what was captured and the labels, write results, put metrics and events; ask the model where it must."""
    captured, results = watch.captured, watch.results
    allow_reading(permissions, captured.bucket, f"{captured.prefix}/{watch.watched.name}")
    permissions.allow_key(captured.encryption_key, "kms:Decrypt")
    truth = watch.monitor.truth
    if truth is not None:
        allow_reading(permissions, truth.bucket, truth.prefix)
    allow_reading(permissions, results, watch.results_prefix)
    arn = attributes_of(results).arn
    permissions.allow("s3:PutObject", on=f"{arn}/{watch.results_prefix}/*", wildcard=BY_TIME)
    permissions.allow_key(attributes_of(results).key, "kms:Decrypt", "kms:GenerateDataKey")
    allow_metrics(permissions, METRIC_NAMESPACE)
    permissions.allow("events:PutEvents", on=environment_of(scope).arn("events", "event-bus/default"))
    if isinstance(watch.monitor, AttributionDrift) and watch.endpoint is not None:
        permissions.allow("sagemaker:InvokeEndpoint", on=watch.endpoint.endpoint_arn)

"""Right props of every construct, and what each of them may be."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk

from constructs_lib import (
    AutoScaling,
    Container,
    DataCapture,
    MetricsPublishing,
    Model,
    RealtimeEndpoint,
    Rollout,
    Variant,
)

from .kinds import a, flag, like, listed, nothing, optional, text, whole
from .made import Made
from .wrong import CAPACITY, CONTAINER, MODEL, NAME, Property

CONSTRUCTS: list[tuple[str, Any, dict[str, Property]]] = [
    (
        "Model",
        Model,
        {
            "container": (CONTAINER, a(Container)),
            "containers": (None, nothing),
            "role": (None, optional(like("role_arn"))),
            "vpc": (None, optional(like("vpc_id"))),
            "vpc_subnets": (None, nothing),
            "security_groups": (None, nothing),
            "network_isolation": (False, flag),
        },
    ),
    (
        "Model of a pipeline",
        Model,
        {"containers": ([CONTAINER, CONTAINER], listed(a(Container), 2, 15)), "container": (None, nothing)},
    ),
    (
        "RealtimeEndpoint",
        RealtimeEndpoint,
        {
            "model": (MODEL, like("model_ref")),
            "variants": (None, nothing),
            "instance_type": ("ml.m5.large", text(r"ml\.[a-z0-9-]+\.[a-z0-9-]+")),
            "instance_count": (None, optional(whole(1, CAPACITY))),
            "scaling": (None, optional(a(AutoScaling))),
            "endpoint_name": (None, optional(text(NAME))),
            "rollout": (None, optional(a(Rollout))),
            "capture": (None, optional(a(DataCapture))),
            "encryption_key": (None, optional(like("key_arn"))),
            "metrics": (None, optional(a(MetricsPublishing))),
            "weights_managed_elsewhere": (False, flag),
            "check_deployments": (True, flag),
            "parameter_name": (None, optional(text(r"[A-Za-z0-9_./-]{1,1011}"))),
        },
    ),
    (
        "RealtimeEndpoint of variants",
        RealtimeEndpoint,
        {
            "variants": (
                [Made(Variant, given={"name": "A", "model": MODEL, "instance_type": "ml.m5.large"})],
                listed(a(Variant), 1, 10),
            ),
            "model": (None, nothing),
            "instance_type": (None, nothing),
            "instance_count": (None, nothing),
            "scaling": (None, nothing),
        },
    ),
    (
        "RealtimeEndpoint.metrics",
        lambda scope, id, **given: RealtimeEndpoint(
            scope,
            id,
            model=Model.from_model_name(cdk.Stack(), "Model", "fraud"),
            instance_type="ml.m5.large",
            metrics=MetricsPublishing(**given),
        ),
        {
            "enhanced": (True, flag),
            "every": (
                None,
                optional(
                    lambda value: (
                        isinstance(value, cdk.Duration)
                        and value.to_milliseconds() / 1000 in (10, 30, 60, 120, 180, 240, 300)
                    )
                ),
            ),
        },
    ),
]

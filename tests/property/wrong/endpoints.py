"""Right props of every kind of endpoint, and what each of them may be."""

from __future__ import annotations

import aws_cdk as cdk

from constructs_lib import (
    AsyncEndpoint,
    AsyncInput,
    AsyncOutput,
    AutoScaling,
    ComponentEndpoint,
    Container,
    DataCapture,
    InferencePipeline,
    ManagedInstanceScaling,
    MetricsPublishing,
    Model,
    ModelDataPrefix,
    MultiModelEndpoint,
    RealtimeEndpoint,
    Rollout,
    RoutingStrategy,
    ServerlessEndpoint,
    Variant,
)

from ..kinds import a, flag, like, listed, nothing, one_of, optional, size, text, whole
from ..made import Made
from ..surroundings import MODELS
from .pool import (
    CONTAINER,
    IN_A_NETWORK,
    IN_NO_NETWORK,
    INSTANCE_COUNT,
    NAMED_CONTAINERS,
    NAMED_ENDPOINT,
    ROLE,
    STARTING,
    TYPE,
    Property,
    Subject,
)

MODEL = MODELS[0]

NAMED: dict[str, Property] = {**NAMED_ENDPOINT, "check_deployments": (True, flag)}
HOSTED: dict[str, Property] = {
    **NAMED,
    "capture": (None, optional(a(DataCapture))),
    "encryption_key": (None, optional(like("key_arn"))),
    "metrics": (None, optional(a(MetricsPublishing))),
}
SCALED: dict[str, Property] = {
    "instance_count": INSTANCE_COUNT,
    "scaling": (None, optional(a(AutoScaling))),
    "rollout": (None, optional(a(Rollout))),
}
INSTANCE_TYPE: dict[str, Property] = {"instance_type": ("ml.m5.large", text(TYPE))}
VOLUME: dict[str, Property] = {"volume_size": (None, optional(size(1, 512)))}
FLEET: dict[str, Property] = {**INSTANCE_TYPE, **SCALED, **HOSTED, **STARTING, **VOLUME}
SURROUNDED: dict[str, Property] = {"role": ROLE, **IN_NO_NETWORK}

ENDPOINTS: list[Subject] = [
    (
        "RealtimeEndpoint",
        RealtimeEndpoint,
        {
            "model": (MODEL, like("model_ref")),
            "variants": (None, nothing),
            "weights_managed_elsewhere": (False, flag),
            **INSTANCE_TYPE,
            **SCALED,
            **HOSTED,
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
    (
        "ServerlessEndpoint",
        ServerlessEndpoint,
        {
            "model": (MODEL, like("model_ref")),
            "memory": (None, optional(size(1, 6))),
            "max_concurrency": (200, whole(1, 200)),
            "provisioned_concurrency": (None, optional(whole(1, 200))),
            "scaling": (None, optional(a(AutoScaling))),
            # What serverless endpoints do not offer.
            "variants": (None, nothing),
            "rollout": (None, nothing),
            "capture": (None, nothing),
            "encryption_key": (None, nothing),
            "metrics": (None, nothing),
            **NAMED,
        },
    ),
    (
        "AsyncEndpoint",
        AsyncEndpoint,
        {
            "model": (MODEL, like("model_ref")),
            "input": (None, optional(a(AsyncInput))),
            "output": (None, optional(a(AsyncOutput))),
            "max_concurrent_invocations_per_instance": (None, optional(whole(1, 1000))),
            **FLEET,
        },
    ),
    (
        "MultiModelEndpoint",
        MultiModelEndpoint,
        {
            "container": (CONTAINER, a(Container)),
            "models": (None, optional(a(ModelDataPrefix))),
            "cache": (True, flag),
            "code": (None, optional(one_of("model", "image"))),
            **SURROUNDED,
            **FLEET,
        },
    ),
    (
        "InferencePipeline",
        InferencePipeline,
        {
            "containers": ([CONTAINER, CONTAINER], listed(a(Container), 2, 15)),
            "direct_invocation": (False, one_of(False)),
            **SURROUNDED,
            **FLEET,
        },
    ),
    (
        "InferencePipeline invoked directly",
        InferencePipeline,
        {
            "containers": (NAMED_CONTAINERS, listed(a(Container), 2, 15)),
            "direct_invocation": (True, flag),
            **INSTANCE_TYPE,
        },
    ),
    (
        "ComponentEndpoint",
        ComponentEndpoint,
        {
            "instance_count": INSTANCE_COUNT,
            "managed_scaling": (None, optional(a(ManagedInstanceScaling))),
            "routing": (None, optional(a(RoutingStrategy))),
            **INSTANCE_TYPE,
            **SURROUNDED,
            **HOSTED,
            **VOLUME,
        },
    ),
    ("ComponentEndpoint in a network", ComponentEndpoint, {**INSTANCE_TYPE, **IN_A_NETWORK}),
]

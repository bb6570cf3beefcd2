"""What endpoints are given afterwards: right values of the methods, and what each of them may be.

``self`` is the endpoint. Names are fresh on every call, so that nothing is refused for being there already.
"""

from __future__ import annotations

from itertools import count

import aws_cdk as cdk

from constructs_lib import (
    AutoScaling,
    ComponentEndpoint,
    Container,
    ContainerImage,
    ModelData,
    MultiModelEndpoint,
    Placement,
    Rollout,
)

from ..kinds import a, flag, like, mebibytes, number, optional, text, whole
from ..made import InStack, Made
from ..surroundings import ARTEFACTS, MODELS
from .pool import CAPACITY, NAME, STARTING, Subject

MULTI_MODEL = InStack(
    "MultiModel",
    lambda stack, id: MultiModelEndpoint(
        stack,
        id,
        container=Container(image=ContainerImage.framework("sklearn", version="1.2-1")),
        instance_type="ml.m5.large",
    ),
)
SHARED_FLEET = InStack(
    "SharedFleet", lambda stack, id: ComponentEndpoint(stack, id, instance_type="ml.g5.2xlarge")
)

_COUNT = count()
FRESH = Made(lambda: f"fresh-{next(_COUNT)}")
ARCHIVE = Made(ModelData.from_bucket, (ARTEFACTS, "1.0.0/model.tar.gz"))

ADDITIONS: list[Subject] = [
    (
        "MultiModelEndpoint.add_model",
        MultiModelEndpoint.add_model,
        {
            "self": (MULTI_MODEL, a(MultiModelEndpoint)),
            "name": (FRESH, text(r"[A-Za-z0-9!_.*'()/-]{1,200}")),
            "data": (ARCHIVE, a(ModelData)),
            "pinned": (True, flag),
            "removal_policy": (cdk.RemovalPolicy.DESTROY, a(cdk.RemovalPolicy)),
        },
    ),
    (
        "ComponentEndpoint.add_component",
        ComponentEndpoint.add_component,
        {
            "self": (SHARED_FLEET, a(ComponentEndpoint)),
            "id": (FRESH, a(object)),
            "model": (MODELS[0], like("model_ref")),
            "memory": (Made(cdk.Size.mebibytes, (128,)), mebibytes(128)),
            "max_memory": (None, optional(mebibytes(128))),
            "cpu_cores": (None, optional(number(0.25))),
            "accelerators": (None, optional(whole(1, 64))),
            "copies": (None, optional(whole(1, CAPACITY))),
            "scaling": (None, optional(a(AutoScaling))),
            "rollout": (None, optional(a(Rollout))),
            "placement": (None, optional(a(Placement))),
            "cache_artefacts": (None, optional(flag)),
            "component_name": (None, optional(text(NAME))),
            **STARTING,
        },
    ),
]

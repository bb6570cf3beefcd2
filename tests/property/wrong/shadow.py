"""Values of shadow tests, and what each of their properties may be."""

from __future__ import annotations

from datetime import datetime

import aws_cdk as cdk

from constructs_lib import (
    Comparison,
    DataCapture,
    ManagedShadowTest,
    RealtimeEndpoint,
    Rollout,
    ShadowTest,
    Variant,
)

from ..kinds import Accepts, a, duration, like, number, optional, text, whole
from ..made import InStack, Made
from .endpoints import HOSTED, MODEL
from .pool import PREFIX, Subject

_PATH = optional(text(r"\S+"))
_DAY = 86_400


def _window(value: object) -> bool:
    return duration(300, _DAY)(value) and isinstance(value, cdk.Duration) and _DAY % value.to_seconds() == 0


def _variant(name: str) -> Made:
    return Made(Variant, given={"name": name, "model": MODEL, "instance_type": "ml.m5.large"})


def _endpoint(stack: cdk.Stack, id: str) -> RealtimeEndpoint:
    model = MODEL.make(stack, f"{id}Model")
    return RealtimeEndpoint(stack, id, model=model, instance_type="ml.m5.large", check_deployments=False)


_CAPTURE: Accepts = optional(a(DataCapture))

VALUES_OF_SHADOWS: list[Subject] = [
    (
        "Comparison",
        Comparison,
        {
            "label": ("labels", _PATH),
            "number": (None, _PATH),
            "tolerance": (0, number(0)),
            "minimum_pairs": (100, whole(1, 1_000_000)),
            "least_agreement": (0.95, number(0, 1)),
            "most_difference": (None, optional(number(0))),
            "most_slowdown": (1.5, optional(number(0, above=True))),
            "every": (None, optional(_window)),
            "settle": (None, optional(duration(0, 3600))),
            "reports_prefix": ("reports", text(PREFIX)),
        },
    ),
]

SHADOWS: list[Subject] = [
    (
        "ShadowTest",
        ShadowTest,
        {
            "production": (_variant("Old"), a(Variant)),
            "challenger": (_variant("New"), a(Variant)),
            "sampling_percent": (100, number(0, 100)),
            "comparison": (None, optional(a(Comparison))),
            "rollout": (None, optional(a(Rollout))),
            **HOSTED,
        },
    ),
    (
        "ManagedShadowTest",
        ManagedShadowTest,
        {
            "endpoint": (InStack("Shadowed", _endpoint), a(RealtimeEndpoint)),
            "challenger": (_variant("New"), a(Variant)),
            "sampling_percent": (100, whole(0, 100)),
            "start": (None, optional(a(datetime))),
            "end": (None, optional(a(datetime))),
            "description": (None, optional(text(r".{1,1024}"))),
            "capture": (None, _CAPTURE),
            "encryption_key": (None, optional(like("key_arn"))),
            "role": (None, optional(like("role_arn"))),
        },
    ),
]

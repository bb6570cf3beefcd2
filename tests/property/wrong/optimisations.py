"""Values of what makes models fit for devices, and what each of their properties may be."""

from __future__ import annotations

from collections.abc import Mapping

from constructs_lib import (
    ContainerImage,
    HeldOutSet,
    ModelData,
    ModelOptimisation,
    NeoCompilation,
    NeoFramework,
    NeoTarget,
    QualityMetric,
    Quantisation,
)

from ..given.optimisations import HELD_OUT_FILE
from ..kinds import a, duration, flag, like, listed, mapping, nothing, number, one_of, optional, text, whole
from ..made import Made
from ..surroundings import BUCKET, IMAGES, KEYS, TOPICS
from .additions import ARCHIVE
from .pool import IN_A_NETWORK, PREFIX, TYPE, Property, Subject

_DAY = 86_400
_COLUMN = r"[^\x00-\x1f]{1,200}"
_NAMED = r"(?=.{1,63}$)[a-z0-9]+(-[a-z0-9]+)*"

_COLUMNS: dict[str, Property] = {
    "label": ("defect", text(_COLUMN)),
    "ignore": (["id"], listed(text(_COLUMN), 0, 50)),
    "allow_missing": (False, flag),
}
_HOW: dict[str, Property] = {"per_channel": (False, flag), "reduce_range": (False, flag)}


def _options(value: object) -> bool:
    """Names with texts, whole numbers, switches or lists of texts; at least one."""

    def option(each: object) -> bool:
        return isinstance(each, str | int | bool) or listed(a(str), 0, 100)(each)

    return mapping(option)(value) and isinstance(value, Mapping) and len(value) > 0


def _shapes(value: object) -> bool:
    each = listed(whole(1, 2**31 - 1), 1, 100)
    return mapping(each)(value) and isinstance(value, Mapping) and len(value) > 0


_OPTIONS: dict[str, Property] = {"compiler_options": (None, optional(_options))}

VALUES_OF_OPTIMISATIONS: list[Subject] = [
    (
        "HeldOutSet.from_bucket",
        HeldOutSet.from_bucket,
        {
            "bucket": (BUCKET, like("bucket_name")),
            "key": ("held-out.csv", text(r"(?!/)[^\x00-\x1f]{1,1024}")),
            **_COLUMNS,
        },
    ),
    ("HeldOutSet.from_asset", HeldOutSet.from_asset, {"path": (HELD_OUT_FILE, nothing), **_COLUMNS}),
    (
        "HeldOutSet",
        HeldOutSet,
        {"bucket": (None, nothing), "key": (None, nothing), "path": (HELD_OUT_FILE, nothing), **_COLUMNS},
    ),
    ("QualityMetric.top_k", QualityMetric.top_k, {"k": (5, whole(1, 1000))}),
    (
        "QualityMetric",
        QualityMetric,
        {"name": ("top_k", one_of("top_k")), "k": (5, whole(1, 1000))},
    ),
    ("Quantisation.int8", Quantisation.int8, _HOW),
    ("Quantisation.uint8", Quantisation.uint8, _HOW),
    ("Quantisation", Quantisation, {"weight_type": ("int8", one_of(None, "int8", "uint8")), **_HOW}),
    (
        "NeoTarget.device",
        NeoTarget.device,
        {"name": ("jetson_nano", one_of("jetson_nano")), **_OPTIONS},
    ),
    (
        "NeoTarget.platform",
        NeoTarget.platform,
        {
            "os": ("LINUX", one_of("LINUX", "ANDROID")),
            "arch": ("ARM64", one_of("ARM64")),
            "accelerator": ("MALI", one_of(None, "MALI")),
            **_OPTIONS,
        },
    ),
    (
        "NeoTarget",
        NeoTarget,
        {
            "device_name": (None, nothing),
            "os": ("LINUX", one_of("LINUX", "ANDROID")),
            "arch": ("ARM64", one_of("ARM64")),
            "accelerator": (None, one_of(None, "MALI")),
            **_OPTIONS,
        },
    ),
]

_JOB: dict[str, Property] = {
    "model": (ARCHIVE, a(ModelData)),
    "max_runtime": (None, optional(duration(60, _DAY))),
    "attempts": (3, whole(1, 10)),
    "output_bucket": (BUCKET, optional(like("bucket_name"))),
    "output_prefix": (None, optional(text(PREFIX))),
    "encryption_key": (KEYS[0], optional(like("key_arn"))),
    **{name: one for name, one in IN_A_NETWORK.items() if name != "network_isolation"},
    "tags": ({}, optional(mapping(a(str)))),
    "notify": ([TOPICS[0]], listed(like("topic_arn"), 0, 5)),
}

OPTIMISATIONS: list[Subject] = [
    (
        "ModelOptimisation",
        ModelOptimisation,
        {
            **_JOB,
            "held_out": (Made(HeldOutSet.from_bucket, (BUCKET, "held-out.csv")), a(HeldOutSet)),
            "metric": (None, optional(a(QualityMetric))),
            "max_drop": (0.01, number(0, 1)),
            "quantisation": (None, optional(a(Quantisation))),
            "rollout": (None, optional(like("start_function"))),
            "image": (IMAGES[0], optional(a(ContainerImage))),
            "instance_type": ("ml.m5.large", text(TYPE)),
            "volume_gb": (30, whole(1, 16_384)),
            "golden_records": (8, whole(1, 100)),
            "volume_encryption_key": (KEYS[0], optional(like("key_arn"))),
            "optimisation_name": (None, optional(text(_NAMED))),
        },
    ),
    (
        "NeoCompilation",
        NeoCompilation,
        {
            **_JOB,
            "framework": (NeoFramework.PYTORCH, one_of(NeoFramework.PYTORCH)),
            "framework_version": ("1.8", optional(one_of("1.8"))),
            "input_shapes": ({"input0": [1, 3, 224, 224]}, _shapes),
            "target": (Made(NeoTarget.device, ("jetson_nano",)), a(NeoTarget)),
            "compilation_name": (None, optional(text(_NAMED))),
        },
    ),
]

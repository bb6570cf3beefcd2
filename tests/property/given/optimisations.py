"""Strategies for what makes models fit for devices: optimisations, and compilations by Neo."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from hypothesis import assume
from hypothesis import strategies as st

from constructs_lib import (
    EdgeDevices,
    EdgeFleet,
    HeldOutSet,
    ModelData,
    ModelOptimisation,
    NeoCompilation,
    NeoFramework,
    NeoTarget,
    QualityMetric,
    Quantisation,
)

from .. import surroundings
from ..made import InStack, Made
from .basics import SWITCHES, Strategy, durations, maybe, properties, some
from .edge import edge_fleets
from .hosting import KEYS
from .models import ARCHIVES, IMAGES, NETWORKS

_DAY = 86_400
HELD_OUT_FILE = str(surroundings.EXAMPLES / "breast_cancer" / "baseline.csv")


def _fleet(stack: cdk.Stack, id: str) -> EdgeFleet:
    archive = ModelData.from_bucket(surroundings.ARTEFACTS.make(stack, f"{id}Bucket"), "1.0.0/model.tar.gz")
    return EdgeFleet(stack, id, model=archive, devices=EdgeDevices.matching("cam-[0-9]{6}"))


FLEET = InStack("FleetBeside", _fleet)

_COLUMNS: dict[str, Strategy] = {
    "label": maybe(st.sampled_from(["defect", "größe 日本"])),
    "ignore": maybe(st.sampled_from([[], ["id"], ["id", "seen at"]])),
    "allow_missing": maybe(SWITCHES),
}
_KEYS_OF_SETS = st.sampled_from(["held-out.csv", "größe/v1/test.npz"])
HELD_OUT_SETS = st.one_of(
    some(HeldOutSet.from_bucket, bucket=st.just(surroundings.ARTEFACTS), key=_KEYS_OF_SETS, **_COLUMNS),
    some(HeldOutSet.from_asset, path=st.just(HELD_OUT_FILE), **_COLUMNS),
    some(HeldOutSet, bucket=st.just(surroundings.ARTEFACTS), key=_KEYS_OF_SETS, **_COLUMNS),
    some(HeldOutSet, path=st.just(HELD_OUT_FILE), **_COLUMNS),
)
METRICS = st.one_of(
    st.sampled_from(
        [Made(each) for each in (QualityMetric.accuracy, QualityMetric.macro_f1, QualityMetric.rmse)]
    ),
    some(QualityMetric.top_k, k=st.integers(1, 1000)),
    some(QualityMetric, name=st.just("top_k"), k=st.integers(1, 1000)),
)
_HOW = {"per_channel": maybe(SWITCHES), "reduce_range": maybe(SWITCHES)}
QUANTISATIONS = st.one_of(
    some(Quantisation.int8, **_HOW),
    some(Quantisation.uint8, **_HOW),
    some(Quantisation, weight_type=maybe(st.sampled_from(["int8", "uint8"])), **_HOW),
    st.just(Made(Quantisation.none)),
)
_TAGS = st.dictionaries(st.sampled_from(["team", "équipe"]), st.sampled_from(["größe", ""]))

_JOB: dict[str, Strategy] = {
    "model": ARCHIVES,
    "max_runtime": maybe(durations(60, _DAY)),
    "attempts": maybe(st.integers(1, 10)),
    "output_bucket": maybe(st.just(surroundings.ARTEFACTS)),
    "output_prefix": maybe(st.sampled_from(["small", "a/b-c/d.e"])),
    "encryption_key": maybe(KEYS),
    "tags": maybe(_TAGS),
    "notify": maybe(st.lists(st.sampled_from(surroundings.TOPICS), max_size=2, unique_by=id)),
}


@st.composite
def optimisations(draw: st.DrawFn) -> Made:
    """A `ModelOptimisation`; a volume of its own has no key of its owner's."""
    given = draw(
        properties(
            held_out=HELD_OUT_SETS,
            metric=maybe(METRICS),
            max_drop=maybe(st.floats(0, 1) | st.integers(0, 1)),
            quantisation=maybe(QUANTISATIONS),
            rollout=maybe(st.just(FLEET)),
            image=maybe(IMAGES),
            instance_type=maybe(
                st.sampled_from(["ml.m5.large", "ml.c5.2xlarge", surroundings.INSTANCE_TYPE])
            ),
            volume_gb=maybe(st.integers(1, 16_384)),
            golden_records=maybe(st.integers(1, 100)),
            volume_encryption_key=maybe(KEYS),
            optimisation_name=maybe(st.uuids().map(lambda id: f"small-{id.hex[:12]}")),
            **_JOB,
        )
    )
    return Made(ModelOptimisation, given={**given, **draw(NETWORKS)})


_NEWEST = {
    NeoFramework.PYTORCH: "1.8",
    NeoFramework.TENSORFLOW: "2.4",
    NeoFramework.MXNET: "1.8",
    NeoFramework.TFLITE: "1.15",
}
_SHAPES = st.dictionaries(
    st.sampled_from(["data", "input:0"]), st.lists(st.integers(1, 4096), min_size=1, max_size=4), min_size=1
)
_OPTIONS = maybe(st.sampled_from([{"dtype": "float16"}, {"mcpu": ["a", "b"], "opt": 3, "fast": True}]))
_NVIDIA = {"gpu-code": "sm_72", "trt-ver": "6.0.1", "cuda-ver": "10.1"}
_PLATFORM: dict[str, Strategy] = {
    "os": st.sampled_from(["LINUX", "ANDROID"]),
    "arch": st.sampled_from(["X86_64", "ARM64"]),
}
_NAMES_OF_DEVICES = st.sampled_from(["jetson_xavier", "rasp4b", "qcs603"])
TARGETS = st.one_of(
    some(NeoTarget.device, name=_NAMES_OF_DEVICES, compiler_options=_OPTIONS),
    some(NeoTarget.platform, accelerator=maybe(st.just("MALI")), compiler_options=_OPTIONS, **_PLATFORM),
    some(NeoTarget.platform, accelerator=st.just("NVIDIA"), compiler_options=st.just(_NVIDIA), **_PLATFORM),
    some(NeoTarget, device_name=_NAMES_OF_DEVICES, compiler_options=_OPTIONS),
    some(NeoTarget, accelerator=maybe(st.just("NNA")), **_PLATFORM),
)


@st.composite
def compilations(draw: st.DrawFn) -> Made:
    """A `NeoCompilation`, of a framework with what has to be told of it."""
    framework = draw(st.sampled_from(NeoFramework))
    told: dict[str, Any] = {"framework": framework}
    if framework is not NeoFramework.XGBOOST:
        told["input_shapes"] = draw(_SHAPES)
    if framework in _NEWEST and draw(SWITCHES):
        told["framework_version"] = _NEWEST[framework]
    given = draw(
        properties(
            target=TARGETS,
            compilation_name=maybe(st.uuids().map(lambda id: f"neo-{id.hex[:12]}")),
            **_JOB,
        )
    )
    return Made(NeoCompilation, given={**told, **given, **draw(NETWORKS)})


@st.composite
def device_stacks(draw: st.DrawFn, most: int) -> list[Made]:
    """Fleets, optimisations and compilations that can share a stack."""
    described = draw(
        st.lists(st.one_of(edge_fleets(), optimisations(), compilations()), min_size=1, max_size=most)
    )
    # Two of one kind in one place of a bucket are no fault of the template's: names are what must differ.
    names = [each.given[name] for each in described for name in _OF_ONES_OWN if name in each.given]
    assume(len(set(names)) == len(names))
    return described


_OF_ONES_OWN = ("fleet_name", "optimisation_name", "compilation_name")

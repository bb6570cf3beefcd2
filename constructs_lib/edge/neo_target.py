"""What SageMaker Neo compiles for, and what it compiles."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from ..core.checks import kind, known, one_of
from ..core.rules import API_REFERENCE, DEVELOPER_GUIDE, Broken, Rules

_OUTPUT = API_REFERENCE + "API_OutputConfig.html"
_LONGEST_OPTIONS = 1024

DEVICES = frozenset(
    (
        *("aisage", "amba_cv2", "amba_cv22", "amba_cv25", "coreml", "imx8mplus", "imx8qm", "jacinto_tda4vm"),
        *("jetson_nano", "jetson_tx1", "jetson_tx2", "jetson_xavier", "qcs603", "qcs605", "rasp3b", "rasp4b"),
        *("rk3288", "rk3399", "sbe_c", "sitara_am57x", "x86_win32", "x86_win64"),
    )
)
"""The target devices of CreateCompilationJob that stand in the field."""
GONE = {
    "deeplens": "AWS DeepLens ended on 2024-01-31",
    "ml_eia2": "Elastic Inference ended in 2024",
    "lambda": "it is no device",
}
OSES = ("ANDROID", "LINUX")
ARCHITECTURES = ("X86_64", "X86", "ARM64", "ARM_EABI", "ARM_EABIHF")
ACCELERATORS = ("INTEL_GRAPHICS", "MALI", "NVIDIA", "NNA")
_NVIDIA_OPTIONS = ("gpu-code", "trt-ver", "cuda-ver")
Option = str | int | bool | Sequence[str]


class NeoFramework(Enum):
    """What a model was made with, and the newest version that Neo knows of it for devices.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/neo-supported-devices-edge-frameworks.html
    """

    TENSORFLOW = "TENSORFLOW"
    KERAS = "KERAS"
    MXNET = "MXNET"
    ONNX = "ONNX"
    PYTORCH = "PYTORCH"
    XGBOOST = "XGBOOST"
    TFLITE = "TFLITE"
    DARKNET = "DARKNET"

    @property
    def newest(self) -> str | None:
        """Such as ``1.7``; Darknet has none."""
        return _NEWEST[self]

    @property
    def takes_version(self) -> bool:
        """Whether CreateCompilationJob may be told a version."""
        return self in _VERSIONED

    @property
    def takes_shapes(self) -> bool:
        """Whether it has to be told the shapes of inputs: all but XGBoost."""
        return self is not NeoFramework.XGBOOST


_NEWEST: Mapping[NeoFramework, str | None] = {
    NeoFramework.TENSORFLOW: "2.4",
    NeoFramework.KERAS: "2.2",
    NeoFramework.MXNET: "1.8",
    NeoFramework.ONNX: "1.7",
    NeoFramework.PYTORCH: "1.8",
    NeoFramework.XGBOOST: "1.3",
    NeoFramework.TFLITE: "1.15",
    NeoFramework.DARKNET: None,
}
_VERSIONED = (NeoFramework.MXNET, NeoFramework.PYTORCH, NeoFramework.TENSORFLOW, NeoFramework.TFLITE)


@dataclass(frozen=True, slots=True, kw_only=True)
class NeoTarget:
    """What is compiled for: a `device` that Neo knows by name, or a `platform`.

    :raises ConstraintError: SM-EDGE-070, SM-EDGE-071.
    """

    device_name: str | None = None
    os: str | None = None
    arch: str | None = None
    accelerator: str | None = None
    compiler_options: Mapping[str, Option] | None = None

    def __post_init__(self) -> None:
        """Check."""
        target_rules.enforce(self, path="NeoTarget")

    @staticmethod
    def device(name: str, *, compiler_options: Mapping[str, Option] | None = None) -> NeoTarget:
        """A device by its name: ``NeoTarget.device("jetson_xavier")``.

        :param compiler_options: such as ``{"gpu-code": "sm_72", "trt-ver": "5.1.6", "cuda-ver": "10.0"}``; at most
            1,024 characters as JSON.
        """
        return NeoTarget(device_name=name, compiler_options=compiler_options)

    @staticmethod
    def platform(
        *,
        os: str,
        arch: str,
        accelerator: str | None = None,
        compiler_options: Mapping[str, Option] | None = None,
    ) -> NeoTarget:
        """Any device of a kind: ``NeoTarget.platform(os="LINUX", arch="ARM64")``.

        :param os: ``LINUX`` or ``ANDROID``.
        :param arch: ``X86_64``, ``X86``, ``ARM64``, ``ARM_EABIHF`` or ``ARM_EABI``.
        :param accelerator: ``NVIDIA`` (with the options gpu-code, trt-ver and cuda-ver), ``MALI``, ``INTEL_GRAPHICS``
            or ``NNA``.
        """
        return NeoTarget(os=os, arch=arch, accelerator=accelerator, compiler_options=compiler_options)

    def config(self) -> dict[str, object]:
        """As an ``OutputConfig`` has it."""
        found: dict[str, object] = {}
        if self.device_name is not None:
            found["TargetDevice"] = self.device_name
        else:
            platform = {"Os": self.os, "Arch": self.arch, "Accelerator": self.accelerator}
            found["TargetPlatform"] = {name: value for name, value in platform.items() if value is not None}
        if self.compiler_options is not None:
            found["CompilerOptions"] = _as_json(self.compiler_options)
        return found


def _as_json(options: Mapping[str, Option]) -> str:
    return json.dumps(dict(options), separators=(",", ":"))


target_rules = Rules[NeoTarget]()


@target_rules.rule("SM-EDGE-070", source=_OUTPUT)
def target_is_one(target: NeoTarget) -> Iterator[Broken]:
    """Neo compiles for a device of its list, or for a platform of an operating system and an architecture."""
    platform = {"os": target.os, "arch": target.arch, "accelerator": target.accelerator}
    if target.device_name is not None:
        yield from _device(target.device_name)
        for name, value in platform.items():
            if value is not None:
                yield Broken(name, value, "nothing beside a device", "NeoTarget.device(…) or .platform(…)")
        return
    for name in ("os", "arch"):
        yield from kind(name, platform[name], str, optional=False)
    yield from one_of("os", target.os, OSES)
    yield from one_of("arch", target.arch, ARCHITECTURES)
    yield from one_of("accelerator", target.accelerator, ACCELERATORS)


def _device(name: object) -> Iterator[Broken]:
    if not known(name) or name in DEVICES:
        return
    if isinstance(name, str) and name in GONE:
        yield Broken("device_name", name, "a device that there is", GONE[name])
    elif isinstance(name, str) and name.startswith("ml_"):
        yield Broken(
            "device_name", name, "a device: this is an instance type of endpoints", "NeoTarget.platform(…)"
        )
    else:
        yield from one_of("device_name", name, sorted(DEVICES), fix="NeoTarget.platform(…)")


@target_rules.rule("SM-EDGE-071", source=DEVELOPER_GUIDE + "neo-supported-devices-edge-devices.html")
def options_fit(target: NeoTarget) -> Iterator[Broken]:
    """Compiler options have at most 1,024 characters as JSON; an NVIDIA platform has gpu-code, trt-ver and cuda-ver."""
    options = target.compiler_options
    given = options if isinstance(options, Mapping) else {}
    if target.accelerator == "NVIDIA":
        missing = [each for each in _NVIDIA_OPTIONS if each not in given]
        if missing:
            fix = '{"gpu-code": "sm_72", "trt-ver": "6.0.1", "cuda-ver": "10.1"}'
            yield Broken("compiler_options", options, f"{', '.join(missing)} too, for NVIDIA", fix)
    if options is not None and isinstance(options, Mapping):
        length = len(_as_json(options))
        if not options or length > _LONGEST_OPTIONS:
            yield Broken(
                "compiler_options", f"{length} characters", f"1 option to {_LONGEST_OPTIONS} characters"
            )

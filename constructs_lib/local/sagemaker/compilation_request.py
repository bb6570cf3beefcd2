"""What CreateCompilationJob asks of a request beyond botocore's shapes.

Sources: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_InputConfig.html, .../API_OutputConfig.html,
.../dg/neo-supported-cloud.html, .../dg/neo-supported-devices-edge-frameworks.html. That what these pages list is all
that is accepted is inferred, and the wordings are ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .errors import NotEmulatedError, RefusedError

#: The files that a model of each framework has in its archive, by their endings: exactly one of each.
FILES: dict[str, tuple[tuple[str, ...], ...]] = {
    "DARKNET": ((".cfg",), (".weights",)),
    "KERAS": ((".h5",),),
    "MXNET": ((".json",), (".params",)),
    "ONNX": ((".onnx",),),
    "PYTORCH": ((".pth", ".pt"),),
    "TENSORFLOW": ((".pb", ".pbtxt"),),
    "TFLITE": ((".tflite",),),
}
_WITH_VERSION = ("MXNET", "PYTORCH", "TENSORFLOW", "TFLITE")
_CLOUD = frozenset({"KERAS", "MXNET", "ONNX", "PYTORCH", "TENSORFLOW", "XGBOOST", "SKLEARN"})
_EDGE = frozenset({"DARKNET", "KERAS", "MXNET", "ONNX", "PYTORCH", "TENSORFLOW", "TFLITE", "XGBOOST"})
_ONLY: dict[str, frozenset[str]] = {
    "coreml": frozenset({"PYTORCH", "TENSORFLOW"}),
    "ml_inf1": frozenset({"MXNET", "PYTORCH", "TENSORFLOW"}),
    "ml_inf2": frozenset({"PYTORCH", "TENSORFLOW"}),
    "ml_trn1": frozenset({"PYTORCH", "TENSORFLOW"}),
    "ml_eia2": frozenset({"MXNET", "PYTORCH", "TENSORFLOW"}),
}
_NVIDIA_OPTIONS = ("gpu-code", "trt-ver", "cuda-ver")


@dataclass(frozen=True, slots=True, kw_only=True)
class CompilationSpec:
    """A compilation as it is to be carried out."""

    role: str
    model: str
    framework: str
    output: str
    target: str
    """As the name of the output has it: `ml_c5`, `LINUX_ARM64_NVIDIA`."""
    key: str | None
    longest: float

    @classmethod
    def of(cls, request: dict[str, Any]) -> CompilationSpec:
        """The compilation that a request asks for; RefusedError for what AWS would not take."""
        if "ModelPackageVersionArn" in request:
            raise NotEmulatedError("A compilation of a model package")
        source, output = request.get("InputConfig"), request["OutputConfig"]
        if source is None:
            raise RefusedError("Either InputConfig or ModelPackageVersionArn must be provided.")
        problems = [*_source_problems(source, output), *_target_problems(source["Framework"], output)]
        if problems:
            raise RefusedError(" ".join(problems))
        return cls(
            role=request["RoleArn"],
            model=source["S3Uri"],
            framework=source["Framework"],
            output=output["S3OutputLocation"],
            target=output.get("TargetDevice") or _platform(output["TargetPlatform"]),
            key=output.get("KmsKeyId"),
            longest=request["StoppingCondition"].get("MaxRuntimeInSeconds", float("inf")),
        )


def _platform(platform: dict[str, str]) -> str:
    return "_".join(platform[name] for name in ("Os", "Arch", "Accelerator") if name in platform)


def _source_problems(source: dict[str, Any], output: dict[str, Any]) -> Iterator[str]:
    framework = source["Framework"]
    if "FrameworkVersion" in source and framework not in _WITH_VERSION:
        yield f"FrameworkVersion is only supported for {', '.join(_WITH_VERSION)}, not for {framework}."
    if "DataInputConfig" not in source:
        if not _can_derive(source, output):
            yield f"DataInputConfig is required for {framework} and this target."
        return
    try:
        inputs = json.loads(source["DataInputConfig"])
    except ValueError:
        yield "DataInputConfig must be valid JSON."
        return
    if isinstance(inputs, list) and framework == "PYTORCH":
        inputs = dict(enumerate(inputs))
    if not isinstance(inputs, dict) or not inputs:
        yield "DataInputConfig must be a dictionary of the inputs' names and shapes."
        return
    for name, shape in inputs.items():
        if not _is_shape(shape, output.get("TargetDevice")):
            yield f"The shape of the input {name} in DataInputConfig must be a list of whole numbers."


def _can_derive(source: dict[str, Any], output: dict[str, Any]) -> bool:
    """Whether Neo finds the inputs by itself: since September 2023 of some frameworks, for cloud instances."""
    if source["Framework"] in ("XGBOOST", "SKLEARN"):
        return True
    newest = str(source.get("FrameworkVersion", "")).startswith("2")
    in_cloud = str(output.get("TargetDevice", "")).startswith("ml_")
    return source["Framework"] == "PYTORCH" and newest and in_cloud


def _is_shape(shape: Any, device: str | None) -> bool:
    if device == "coreml" and isinstance(shape, dict):
        return "shape" in shape
    return isinstance(shape, list) and all(type(each) is int and each > 0 for each in shape)


def _target_problems(framework: str, output: dict[str, Any]) -> Iterator[str]:
    device, platform = output.get("TargetDevice"), output.get("TargetPlatform")
    if (device is None) == (platform is None):
        yield "OutputConfig must have either TargetDevice or TargetPlatform."
        return
    target = device or _platform(platform or {})
    in_cloud = target.startswith("ml_") or target == "lambda"
    if framework not in _ONLY.get(target, _CLOUD if in_cloud else _EDGE):
        yield f"The framework {framework} is not supported for the target {target}."
    options: Any = {}
    if "CompilerOptions" in output:
        try:
            options = json.loads(output["CompilerOptions"])
        except ValueError:
            yield "CompilerOptions must be valid JSON."
    if (platform or {}).get("Accelerator") == "NVIDIA":
        missing = [each for each in _NVIDIA_OPTIONS if not isinstance(options, dict) or each not in options]
        if missing:
            yield f"CompilerOptions must have {', '.join(missing)} for the accelerator NVIDIA."

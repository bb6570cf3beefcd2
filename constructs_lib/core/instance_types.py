"""Facts about ``ml.*`` instance types that decide whether a deployment can work.

The list of types comes from botocore's service model (`make instance-types`); AWS adds types more often
than we release, so an unknown one is a warning, not an error.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

PATTERN = re.compile(r"ml\.[a-z][a-z0-9-]*\.[a-z0-9-]+")

_GPU_FAMILIES = ("g", "gr", "p")
_NEURON_FAMILIES = ("inf", "trn")
_FAMILY = re.compile(r"(?P<line>[a-z]+)(?P<generation>\d+)(?P<options>[a-z0-9-]*)")


def hosting_types() -> frozenset[str]:
    """The instance types a production variant may have, as of this release."""
    return _listed("hosting")


def transform_types() -> frozenset[str]:
    """The instance types a transform job may have, as of this release."""
    return _listed("transform")


@cache
def _listed(use: str) -> frozenset[str]:
    listed = resources.files(__package__).joinpath(f"{use}_types.txt").read_text(encoding="ascii")
    return frozenset(listed.split())


def family(instance_type: str) -> str:
    """``ml.m5.large`` → ``m5``."""
    return instance_type.split(".")[1]


def _parts(instance_type: str) -> tuple[str, int, str]:
    match = _FAMILY.fullmatch(family(instance_type))
    return (
        (match["line"], int(match["generation"]), match["options"])
        if match
        else (family(instance_type), 0, "")
    )


def is_burstable(instance_type: str) -> bool:
    """Whether it runs on CPU credits: such instances cannot scale."""
    return _parts(instance_type)[0] == "t"


def has_gpu(instance_type: str) -> bool:
    """Whether it carries NVIDIA GPUs."""
    return _parts(instance_type)[0] in _GPU_FAMILIES


def has_neuron(instance_type: str) -> bool:
    """Whether it carries AWS Inferentia or Trainium chips."""
    return _parts(instance_type)[0] in _NEURON_FAMILIES


def has_accelerators(instance_type: str) -> bool:
    """Whether it carries accelerators of any maker; Gaudi ones count."""
    return has_gpu(instance_type) or has_neuron(instance_type) or _parts(instance_type)[0] == "dl"


def is_inf1(instance_type: str) -> bool:
    """Whether it is Inferentia 1, which no deployment guardrail or shadow test supports."""
    return _parts(instance_type)[:2] == ("inf", 1)


def is_arm(instance_type: str) -> bool:
    """Whether its CPU is Graviton: images must be built for arm64."""
    line, _, options = _parts(instance_type)
    return line in ("c", "m", "r", "t", "x") and options.startswith("g")


def has_local_storage(instance_type: str) -> bool:
    """Whether models and scratch data land on local NVMe, which the endpoint's KMS key does not encrypt."""
    line, generation, options = _parts(instance_type)
    always = (
        (line == "g" and generation >= 4) or (line == "p" and generation >= 4) or line in ("gr", "trn", "i")
    )
    return always or "d" in options

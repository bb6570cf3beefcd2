"""What an instance type has to give to inference components: cores, memory, accelerators."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TYPE = re.compile(r"ml\.(?P<line>[a-z]+)(?P<generation>\d+)[a-z0-9-]*\.(?P<times>\d*)(?P<size>[a-z]+)")
_CORES = {"medium": 1, "large": 2, "xlarge": 4}
_GIBIBYTES_PER_CORE = {"c": 2, "m": 4, "t": 4, "r": 8, "g": 4, "inf": 4, "trn": 4, "p": 8}
# Accelerators by line and size; a size that is not named here has one.
_ACCELERATORS = {
    "g": {"12xlarge": 4, "24xlarge": 4, "48xlarge": 8},
    "inf": {"24xlarge": 6, "48xlarge": 12},
    "trn": {"32xlarge": 16},
    "p": {"8xlarge": 4, "16xlarge": 8, "24xlarge": 8, "48xlarge": 8},
}
_MEBIBYTES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceFacts:
    """What one instance has."""

    cores: float
    memory_mb: int
    accelerators: float


# What ml.m5.large has, for a type whose name says nothing.
_DEFAULT = InstanceFacts(cores=2, memory_mb=8 * _MEBIBYTES, accelerators=0)


def facts_of(instance_type: str) -> InstanceFacts:
    """The facts, worked out from the name as AWS forms it; nobody here has such an instance."""
    found = _TYPE.fullmatch(instance_type)
    if found is None or found["line"] not in _GIBIBYTES_PER_CORE or found["size"] not in _CORES:
        return _DEFAULT
    cores = int(found["times"] or 1) * _CORES[found["size"]]
    accelerators = _ACCELERATORS.get(found["line"])
    return InstanceFacts(
        cores=cores,
        memory_mb=cores * _GIBIBYTES_PER_CORE[found["line"]] * _MEBIBYTES,
        accelerators=accelerators.get(found["times"] + found["size"], 1) if accelerators else 0,
    )

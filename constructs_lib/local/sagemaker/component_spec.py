"""The specification of an inference component: what a copy runs and what it reserves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..serving.container import ContainerSpec
from ..settings import settings
from .containers import Container
from .errors import NotEmulatedError, RefusedError
from .managed_instances import Needs
from .models import Models, fetched, require_artefacts
from .store import own_copy

_MEBIBYTE = 1024 * 1024
# A process is bounded by its address space, of which Python, its libraries and every thread take far more
# than they ever touch: about 130 MB to begin with, and 70 MB for each request under way.
_ADDRESS_SPACE_BEYOND_MEMORY = 1024 * _MEBIBYTE
_DEFAULT_STARTUP_TIMEOUT = 600.0
_NOT_EMULATED = {
    "BaseInferenceComponentName": "An adapter (BaseInferenceComponentName)",
    "InstanceType": "A specification for one instance type",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentSpec:
    """A specification that can be served, with its artefacts."""

    request: dict[str, Any]
    container: ContainerSpec
    needs: Needs
    startup_timeout: float
    memory_bytes: int
    """The address space of one copy."""
    max_memory_mb: int | None

    @classmethod
    def of(cls, request: dict[str, Any], models: Models, role: str) -> ComponentSpec:
        """Read the Specification of a request; `role` is the execution role of the endpoint configuration."""
        given = _only_specification(request)
        container = _container(given, models)
        require_artefacts(container, role)
        resources = given.get("ComputeResourceRequirements")
        if resources is None:
            raise RefusedError("ComputeResourceRequirements is required for an inference component.")
        startup = given.get("StartupParameters", {})
        return cls(
            request=own_copy(given),
            container=fetched(container, role),
            needs=_needs(resources, given.get("SchedulingConfig", {})),
            startup_timeout=float(
                startup.get("ContainerStartupHealthCheckTimeoutInSeconds", _DEFAULT_STARTUP_TIMEOUT)
            ),
            memory_bytes=_memory_bytes(resources.get("MaxMemoryRequiredInMb")),
            max_memory_mb=resources.get("MaxMemoryRequiredInMb"),
        )

    def summary(self, since: float) -> dict[str, Any]:
        """The specification as DescribeInferenceComponent shows it."""
        container = self.request.get("Container")
        if container is None:
            return self.request
        image = {
            "SpecifiedImage": container["Image"],
            "ResolvedImage": container["Image"],
            "ResolutionTime": since,
        }
        others = {name: value for name, value in container.items() if name != "Image"}
        return {**self.request, "Container": {"DeployedImage": image, **others}}


def _only_specification(request: dict[str, Any]) -> dict[str, Any]:
    if request.get("Specifications"):
        raise NotEmulatedError("A specification per instance type (Specifications)")
    given: dict[str, Any] | None = request.get("Specification")
    if given is None:
        raise RefusedError("Specification is required for an inference component.")
    for member, what in _NOT_EMULATED.items():
        if given.get(member):
            raise NotEmulatedError(what)
    return given


def _container(given: dict[str, Any], models: Models) -> Container:
    """The container to run, as a model describes one."""
    name, own = given.get("ModelName"), given.get("Container")
    if (name is None) == (own is None):
        raise RefusedError("A specification must contain exactly one of ModelName and Container.")
    if name is not None:
        return models.only_container(name)
    own = own or {}
    if not own.get("Image"):
        raise RefusedError("Image is required for the container of an inference component.")
    described = {"Image": own["Image"], "Environment": own.get("Environment", {})}
    return {**described, "ModelDataUrl": own["ArtifactUrl"]} if own.get("ArtifactUrl") else described


def _needs(resources: dict[str, Any], scheduling: dict[str, Any]) -> Needs:
    least, most = resources["MinMemoryRequiredInMb"], resources.get("MaxMemoryRequiredInMb")
    if most is not None and most < least:
        raise RefusedError(
            f"MaxMemoryRequiredInMb ({most}) must be greater than or equal to MinMemoryRequiredInMb ({least})."
        )
    return Needs(
        memory_mb=least,
        cores=resources.get("NumberOfCpuCoresRequired", 0),
        accelerators=resources.get("NumberOfAcceleratorDevicesRequired", 0),
        spread=scheduling.get("PlacementStrategy") == "SPREAD",
    )


def _memory_bytes(most_mb: int | None) -> int:
    """MinMemoryRequiredInMb only reserves; MaxMemoryRequiredInMb limits."""
    limit = settings().worker_memory_bytes
    return limit if most_mb is None else min(limit, most_mb * _MEBIBYTE + _ADDRESS_SPACE_BEYOND_MEMORY)

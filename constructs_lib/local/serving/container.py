"""A container on an instance: what the model says of it, and what of it lies on this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..settings import settings
from .artifact import ArtifactError, unpack


class FleetError(Exception):
    """The fleet cannot be started; the message is fit for a FailureReason."""

    def __init__(self, message: str, container: str = "primary") -> None:
        super().__init__(message)
        self.container = container


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The models of a multi-model container: fetched by name when they are asked for."""

    fetch: Callable[[str], bytes]
    """The archive of a model; ModelMissingError when there is none."""
    cached: bool = True
    """Whether a model stays loaded after it has answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """A container as the model describes it, with its artefacts already fetched."""

    image: str
    archive: bytes | None
    environment: Mapping[str, str] = field(default_factory=dict)
    code_archive: bytes | None = None
    name: str = "primary"
    """The host name of the container in its pipeline, as messages and logs have it."""
    catalogue: Catalogue | None = None
    """Only for a multi-model container, which has no archive of its own."""


class UnpackedContainer:
    """A container whose artefacts lie in a folder: every instance starts its process from there."""

    def __init__(self, spec: ContainerSpec, base: Path) -> None:
        self.spec = spec
        self.base = base
        self.model_dir = base / "model"

    def unpack(self) -> None:
        """Unpack the artefacts; FleetError for an archive that cannot be served."""
        self.model_dir.mkdir(parents=True)
        limit = settings().max_model_bytes
        try:
            if self.spec.archive is not None:
                unpack(self.spec.archive, self.model_dir, max_bytes=limit)
            if self.spec.code_archive is not None:
                (self.base / "code").mkdir()
                unpack(self.spec.code_archive, self.base / "code", max_bytes=limit)
        except ArtifactError as error:
            raise FleetError(f"Failed to extract model data archive: {error}", self.spec.name) from error

    def environment(self) -> dict[str, str]:
        """The container's environment, and nothing of this machine's but where programs are."""
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(self.base),
            "TMPDIR": str(self.base),
            "PYTHONDONTWRITEBYTECODE": "1",
            # One thread each: an instance is one of many processes on this machine here.
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            **self.spec.environment,
            "SAGEMAKER_BASE_DIR": str(self.base),
            **self._submit_directory(),
            # As AWS tells the container.
            **({} if self.spec.catalogue is None else {"SAGEMAKER_MULTI_MODEL": "true"}),
        }

    def _submit_directory(self) -> dict[str, str]:
        """Where the code is that was submitted apart from the model, if any."""
        given = self.spec.environment.get("SAGEMAKER_SUBMIT_DIRECTORY")
        if given is None:
            return {}
        apart = self.spec.code_archive is not None
        local = str(self.base / "code") if apart else given.replace("/opt/ml", str(self.base), 1)
        return {"SAGEMAKER_SUBMIT_DIRECTORY": local}

"""CreateModel and its relatives."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from .. import emulator
from ..serving.fleet import ContainerSpec
from .errors import NotEmulatedError, RefusedError
from .store import Record, Shelf, own_copy

_SERVICE_PRINCIPAL = "sagemaker.amazonaws.com"


class Models(Shelf[Record]):
    """The models of all accounts."""

    def __init__(self) -> None:
        super().__init__("model", "model")

    def create(self, request: dict[str, Any]) -> Record:
        """Keep a model whose container, role and data can be served."""
        self.require_free(request["ModelName"])
        container = _only_container(request)
        role = request.get("ExecutionRoleArn")
        require_usable_role(role)
        require_artefacts(container, role)
        record = Record(
            name=request["ModelName"], arn=self.arn(request["ModelName"]), request=own_copy(request)
        )
        self.add(record)
        return record

    def describe(self, name: str) -> dict[str, Any]:
        """The answer to DescribeModel."""
        record = self.find(name)
        isolation = {"EnableNetworkIsolation": False}
        return {**isolation, **record.request, "ModelArn": record.arn, "CreationTime": record.created}

    def containers(self, name: str) -> list[ContainerSpec]:
        """The containers of a model with their artefacts, as they are now: a fleet keeps them."""
        return [fetched(self.container(name))]

    def container(self, name: str) -> dict[str, Any]:
        """The container of a model, as its creator described it."""
        return _only_container(self.find(name).request)


def fetched(container: dict[str, Any]) -> ContainerSpec:
    """A container with its artefacts."""
    environment = dict(container.get("Environment", {}))
    submitted = environment.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    data_url = _data_url(container)
    return ContainerSpec(
        image=container.get("Image", ""),
        archive=_fetch(data_url) if data_url else None,
        environment=environment,
        code_archive=_fetch(submitted) if submitted.startswith("s3://") else None,
    )


def _only_container(request: dict[str, Any]) -> dict[str, Any]:
    """The container of a single-container model; anything else is refused."""
    primary, several = request.get("PrimaryContainer"), request.get("Containers", [])
    if primary and several:
        raise RefusedError("Cannot specify both Containers and PrimaryContainer at the same time.")
    if len(several) > 1:
        raise NotEmulatedError("An inference pipeline (several containers)")
    container: dict[str, Any] = primary or (several[0] if several else {})
    if not container:
        raise RefusedError("You must specify either PrimaryContainer or Containers.")
    if container.get("Mode") == "MultiModel":
        raise NotEmulatedError("A multi-model container")
    if container.get("ModelPackageName"):
        raise NotEmulatedError("A model package")
    if not container.get("Image"):
        raise RefusedError("Image is required for a container that is not made of a model package.")
    return container


def _data_url(container: dict[str, Any]) -> str | None:
    """The S3 URL of the model's archive, if it has one."""
    source = container.get("ModelDataSource", {}).get("S3DataSource")
    if source is None:
        url: str | None = container.get("ModelDataUrl")
        return url
    if source.get("S3DataType") != "S3Object" or source.get("CompressionType") != "Gzip":
        raise NotEmulatedError("Uncompressed model data (ModelDataSource)")
    return str(source["S3Uri"])


def _artefact_urls(container: dict[str, Any]) -> list[str]:
    submitted = container.get("Environment", {}).get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    urls = [_data_url(container), submitted if submitted.startswith("s3://") else None]
    return [url for url in urls if url]


def _split(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    if parts.scheme == "https" and ".s3" in parts.netloc:
        return parts.netloc.split(".s3")[0], parts.path.lstrip("/")
    if parts.scheme != "s3":
        raise RefusedError(f'Invalid S3 URL "{url}".')
    return parts.netloc, parts.path.lstrip("/")


def require_usable_role(role: str | None) -> None:
    """Under IAM enforcement the role must exist and trust SageMaker."""
    if not emulator.iam_is_enforced():
        return
    if role is None or not emulator.role_trusts(role, _SERVICE_PRINCIPAL):
        raise RefusedError(
            f"Could not assume role {role}. Please ensure that the role exists and allows principal "
            f"'{_SERVICE_PRINCIPAL}' to assume the role."
        )


def require_artefacts(container: dict[str, Any], role: str | None) -> None:
    """What a container is made of must be there and, under IAM enforcement, readable for the role."""
    for url in _artefact_urls(container):
        _require_readable(url, role)


def _require_readable(url: str, role: str | None) -> None:
    bucket, key = _split(url)
    allowed = role is None or not emulator.iam_is_enforced()
    if not allowed and not emulator.role_allows(str(role), "s3:GetObject", f"arn:aws:s3:::{bucket}/{key}"):
        raise RefusedError(
            f"Could not access model data at {url}. Please ensure that the role \"{role}\" exists and that its "
            "trust relationship policy allows the action \"sts:AssumeRole\" for the service principal "
            f"\"{_SERVICE_PRINCIPAL}\". Also ensure that the role has \"s3:GetObject\" permissions and that the "
            "object is located in the region of the model."
        )  # fmt: skip
    if not emulator.object_exists(bucket, key):
        raise RefusedError(f"Could not find model data at {url}.")


def _fetch(url: str) -> bytes:
    content = emulator.read_object(*_split(url))
    if content is None:
        raise RefusedError(f"Could not find model data at {url}.")
    return content

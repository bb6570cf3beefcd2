"""CreateModel and its relatives."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from .. import emulator
from ..serving.container import ContainerSpec
from .catalogue import catalogue_of
from .containers import (
    Container,
    container_names,
    containers_of,
    data_url,
    is_direct,
    is_multi_model,
    only_container,
)
from .errors import RefusedError
from .store import Record, Shelf, own_copy

_SERVICE_PRINCIPAL = "sagemaker.amazonaws.com"


class Models(Shelf[Record]):
    """The models of all accounts."""

    def __init__(self) -> None:
        super().__init__("model", "model")

    def create(self, request: dict[str, Any]) -> Record:
        """Keep a model whose containers, role and data can be served."""
        self.require_free(request["ModelName"])
        role = request.get("ExecutionRoleArn")
        containers = containers_of(request)
        require_usable_role(role)
        for container in containers:
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
        request = self.find(name).request
        containers = containers_of(request)
        return [
            fetched(container, request.get("ExecutionRoleArn"), name)
            for container, name in zip(containers, container_names(containers), strict=True)
        ]

    def only_container(self, name: str) -> Container:
        """The container of a model of one, as its creator described it."""
        return only_container(self.find(name).request)

    def is_direct(self, name: str) -> bool:
        """Whether the containers of a model are called one by one."""
        return is_direct(self.find(name).request)


def fetched(container: Container, role: str | None, name: str = "primary") -> ContainerSpec:
    """A container with its artefacts; the role is for the models of a multi-model container."""
    submitted, url = _submitted(container), data_url(container)
    multi_model = is_multi_model(container)
    return ContainerSpec(
        name=name,
        image=container.get("Image", ""),
        archive=_fetch(url) if url and not multi_model else None,
        environment=dict(container.get("Environment", {})),
        code_archive=_fetch(submitted) if submitted else None,
        catalogue=catalogue_of(container, *_split(str(url)), role) if multi_model else None,
    )


def _artefact_urls(container: Container) -> list[str]:
    """The objects that must be there; the models of a multi-model container may come later."""
    submitted = _submitted(container)
    urls = [None if is_multi_model(container) else data_url(container), submitted]
    return [url for url in urls if url]


def _submitted(container: Container) -> str | None:
    """The S3 URL of the code that is submitted apart from the model, if any."""
    url: str = container.get("Environment", {}).get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    return url if url.startswith("s3://") else None


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


def require_artefacts(container: Container, role: str | None) -> None:
    """What a container is made of must be there and, under IAM enforcement, readable for the role."""
    for url in _artefact_urls(container):
        _require_readable(url, role)
    if is_multi_model(container):
        _require_listable(container["ModelDataUrl"], role)


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


def _require_listable(url: str, role: str | None) -> None:
    """The bucket of the models must be there, and the role must be allowed to list the prefix."""
    bucket, prefix = _split(url)
    allowed = role is None or not emulator.iam_is_enforced()
    condition = {"s3:prefix": prefix}
    if not allowed and not emulator.role_allows(
        str(role), "s3:ListBucket", f"arn:aws:s3:::{bucket}", condition
    ):
        # Inferred: AWS's guide wants this permission, and when it is looked at is not known.
        raise RefusedError(
            f"Could not access model data at {url}. Please ensure that the role \"{role}\" has \"s3:ListBucket\" "
            "permissions on the bucket."
        )  # fmt: skip
    if not emulator.bucket_exists(bucket):
        raise RefusedError(f"Could not find model data at {url}.")


def _fetch(url: str) -> bytes:
    content = emulator.read_object(*_split(url))
    if content is None:
        raise RefusedError(f"Could not find model data at {url}.")
    return content

"""The containers of a model: which combinations SageMaker takes, and what is refused."""

from __future__ import annotations

from typing import Any

from .errors import NotEmulatedError, RefusedError

_MOST_CONTAINERS = 15

Container = dict[str, Any]


def containers_of(request: dict[str, Any]) -> list[Container]:
    """The containers of a CreateModel request, in their order; RefusedError for what AWS refuses."""
    primary, several = request.get("PrimaryContainer"), request.get("Containers", [])
    if primary and several:
        raise RefusedError("Cannot specify both Containers and PrimaryContainer at the same time.")
    found: list[Container] = [primary] if primary else several
    if not found:
        raise RefusedError("You must specify either PrimaryContainer or Containers.")
    if len(found) > _MOST_CONTAINERS:
        raise RefusedError(f"Containers must have at most {_MOST_CONTAINERS} members.")
    for container in found:
        _check(container)
    _check_host_names(several, direct=is_direct(request))
    _check_multi_model(found)
    return found


def is_direct(request: dict[str, Any]) -> bool:
    """Whether the containers are called one by one, rather than one after the other."""
    return bool(request.get("InferenceExecutionConfig", {}).get("Mode") == "Direct")


def is_multi_model(container: Container) -> bool:
    """Whether the container loads models by name."""
    return container.get("Mode") == "MultiModel"


def refuse_targets(request: dict[str, Any]) -> None:
    """Refuse a model that needs a target: InvokeEndpointAsync has no member for it. Inferred."""
    if is_direct(request) or any(is_multi_model(each) for each in containers_of(request)):
        raise RefusedError(
            "Multi-model containers and direct invocation are not supported for asynchronous endpoints."
        )


def only_container(request: dict[str, Any]) -> Container:
    """The container of a model for an inference component; refused when there is not just one model.

    Inferred: that AWS refuses the others is not documented.
    """
    containers = containers_of(request)
    if len(containers) > 1 or is_multi_model(containers[0]):
        raise RefusedError(
            f'Model "{request["ModelName"]}" cannot be deployed to an inference component, which has one container '
            "with one model: inference pipelines and multi-model containers are not supported."
        )
    return containers[0]


def container_names(containers: list[Container]) -> list[str]:
    """How messages, logs and metrics call the containers."""
    if len(containers) == 1:
        return ["primary"]
    return [each.get("ContainerHostname", f"container-{number}") for number, each in enumerate(containers, 1)]


def data_url(container: Container) -> str | None:
    """The S3 URL of the model's archive, or of the prefix of its models, if it has one."""
    source = container.get("ModelDataSource", {}).get("S3DataSource")
    if source is None:
        url: str | None = container.get("ModelDataUrl")
        return url
    if source.get("S3DataType") != "S3Object" or source.get("CompressionType") != "Gzip":
        raise NotEmulatedError("Uncompressed model data (ModelDataSource)")
    return str(source["S3Uri"])


def _check(container: Container) -> None:
    if container.get("ModelPackageName"):
        raise NotEmulatedError("A model package")
    if not container.get("Image"):
        raise RefusedError("Image is required for a container that is not made of a model package.")


# The rules below are AWS's; its words for them are not known but for the one with a quotation.


def _check_host_names(several: list[Container], *, direct: bool) -> None:
    if direct and len(several) < 2:
        raise RefusedError("InferenceExecutionConfig with Mode Direct requires at least two Containers.")
    names = [each["ContainerHostname"] for each in several if each.get("ContainerHostname")]
    if direct and len(names) < len(several):
        raise RefusedError("ContainerHostname is required for every container when Mode is Direct.")
    if names and len(names) < len(several) and len(several) > 1:
        raise RefusedError("ContainerHostname must be specified for all containers or for none of them.")
    if len(set(names)) < len(names):
        raise RefusedError("ContainerHostname must be unique among the containers of a model.")


def _check_multi_model(containers: list[Container]) -> None:
    multi_model = [each for each in containers if is_multi_model(each)]
    if len(multi_model) > 1:
        # https://github.com/OElesin/sagemaker-autopilot-step-functions/issues/10
        raise RefusedError(
            "More than one container in MultiModel mode is not supported with inference pipeline."
        )
    for container in containers:
        if container.get("MultiModelConfig") and not is_multi_model(container):
            raise RefusedError("MultiModelConfig can only be specified for a container in MultiModel mode.")
    for container in multi_model:
        if container.get("ModelDataSource") or not container.get("ModelDataUrl"):
            raise RefusedError("ModelDataUrl is required for a container in MultiModel mode.")

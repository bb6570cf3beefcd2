"""Containers: an image, the data it loads, and its environment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import constructs
from aws_cdk import aws_sagemaker as sagemaker

from ..core.checks import folder, kind, text
from ..core.limits import (
    MAX_ENVIRONMENT_BYTES,
    MAX_ENVIRONMENT_KEYS,
    NAME_ALLOWED,
    NAME_PATTERN,
    VARIABLE_PATTERN,
)
from ..core.roles import Permissions
from ..core.rules import API_REFERENCE, DEVELOPER_GUIDE, Broken, Rules
from ..core.tokens import is_token
from .data import BoundData, ModelData, ModelDataPrefix
from .image import BoundImage, ContainerImage

# SageMaker has no property for the version of model data. A change here replaces the model, and that
# is what makes the endpoint load the artefact again.
_CODE_VARIABLE = "SAGEMAKER_SUBMIT_DIRECTORY"
_VERSION_VARIABLE = "CONSTRUCTS_LIB_MODEL_DATA_VERSION"


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiModel:
    """Serve many models from one container: each is loaded when a request first names it.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/multi-model-endpoints.html
    """

    cache: bool = True
    """Keep models loaded while there is memory. ``False``: load each for its request only, which suits
    many models that are seldom asked twice."""
    code: str | None = None
    """Folder whose ``inference.py`` serves all models; uploaded as ``SAGEMAKER_SUBMIT_DIRECTORY``.
    Default: the image's own code, or what each archive brings."""

    def __post_init__(self) -> None:
        """Check."""
        multi_model_rules.enforce(self, path="MultiModel")


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container of a model.

    :raises ConstraintError: SM-CONTAINER-001 … SM-CONTAINER-005.
    """

    image: ContainerImage | None = None
    data: ModelData | None = None
    """The artefact, unpacked to ``/opt/ml/model``. Default: none, the image carries the model."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """At most 97 variables and 32 KB in all."""
    hostname: str | None = None
    """DNS name within a pipeline; needed to call one container of it directly."""
    model_package: str | None = None
    """ARN of a version in the model registry, in place of image and data."""
    multi_model: MultiModel | None = None
    """Serve the archives under `data` (``ModelData.from_prefix``) on demand. Default: `data` is the model."""

    def __post_init__(self) -> None:
        """Check."""
        container_rules.enforce(self, path="Container")

    @staticmethod
    def from_model_package(arn: str, *, environment: Mapping[str, str] | None = None) -> Container:
        """Serve a version of the model registry by its ARN; pin it: "latest approved" is not reproducible."""
        return Container(model_package=arn, environment={} if environment is None else environment)

    @property
    def loads_uncompressed(self) -> bool:
        """Whether its model is a prefix of objects, loaded as they are."""
        return isinstance(self.data, ModelDataPrefix) and self.multi_model is None

    def bind(
        self, scope: constructs.Construct, id: str, permissions: Permissions
    ) -> sagemaker.CfnModel.ContainerDefinitionProperty:
        """The container definition, its assets made under `scope`, pulling and reading allowed."""
        if self.image is None:
            return sagemaker.CfnModel.ContainerDefinitionProperty(
                model_package_name=self.model_package,
                environment=dict(self.environment) or None,
                container_hostname=self.hostname,
            )
        image = self.image.bind(scope, f"{id}Image", permissions)
        if self.multi_model is not None and isinstance(self.data, ModelDataPrefix):
            return self._on_demand(scope, id, permissions, image, self.multi_model, self.data)
        data = self.data.bind(scope, f"{id}Data", permissions) if self.data is not None else None
        return sagemaker.CfnModel.ContainerDefinitionProperty(
            image=image.uri,
            environment={**image.environment, **_version_of(data), **self.environment} or None,
            container_hostname=self.hostname,
            model_data_url=data.url if data is not None and not data.uncompressed else None,
            model_data_source=_source(data) if data is not None and data.uncompressed else None,
        )

    def _on_demand(
        self,
        scope: constructs.Construct,
        id: str,
        permissions: Permissions,
        image: BoundImage,
        multi_model: MultiModel,
        data: ModelDataPrefix,
    ) -> sagemaker.CfnModel.ContainerDefinitionProperty:
        # The image's own value is the folder of a lone model, which there is not.
        environment = {**image.environment}
        environment.pop(_CODE_VARIABLE, None)
        if multi_model.code is not None:
            bound = ModelData.from_asset(multi_model.code).bind(scope, f"{id}Code", permissions)
            environment[_CODE_VARIABLE] = bound.url
        return sagemaker.CfnModel.ContainerDefinitionProperty(
            image=image.uri,
            environment={**environment, **self.environment} or None,
            container_hostname=self.hostname,
            mode="MultiModel",
            model_data_url=data.bind_on_demand(permissions).url,
            multi_model_config=sagemaker.CfnModel.MultiModelConfigProperty(
                model_cache_setting="Enabled" if multi_model.cache else "Disabled"
            ),
        )


def _version_of(data: BoundData | None) -> dict[str, str]:
    return {_VERSION_VARIABLE: data.version} if data is not None and data.version is not None else {}


def _source(data: BoundData) -> sagemaker.CfnModel.ModelDataSourceProperty:
    return sagemaker.CfnModel.ModelDataSourceProperty(
        s3_data_source=sagemaker.CfnModel.S3DataSourceProperty(
            s3_uri=data.url, s3_data_type="S3Prefix", compression_type="None"
        )
    )


container_rules = Rules[Container]()
multi_model_rules = Rules[MultiModel]()

_SOURCE = API_REFERENCE + "API_ContainerDefinition.html"
_PACKAGE = re.compile(r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:\d{12}:model-package/[\S]{1,2048}")


@container_rules.rule("SM-CONTAINER-001", source=_SOURCE)
def image_or_package(container: Container) -> Iterator[Broken]:
    """A container has an image (with or without data) or a model package, not both."""
    yield from kind("image", container.image, ContainerImage, fix="ContainerImage.framework(…), .from_uri(…)")
    yield from kind("data", container.data, ModelData, fix="ModelData.from_asset(…), .from_bucket(…)")
    allowed = "a model package, or an image with optional data"
    if (container.image is None) == (container.model_package is None):
        yield Broken("image", container.image, allowed)
    if container.data is not None and container.model_package is not None:
        yield Broken("data", container.data, allowed, "the package names its own data")
    yield from text("model_package", container.model_package, _PACKAGE, "the ARN of a model package version")


@container_rules.rule("SM-CONTAINER-002", source=_SOURCE)
def environment_fits(container: Container) -> Iterator[Broken]:
    """The environment has at most 97 variables of text (100 with the library's own), 32 KB in all."""
    given = container.environment
    if is_token(given):
        return
    if not isinstance(given, Mapping):
        yield Broken("environment", given, "a mapping of names to strings")
        return
    for name, value in given.items():
        yield from text("environment", name, VARIABLE_PATTERN, "names of letters, digits and underscores")
        if not isinstance(value, str):
            yield Broken(f"environment[{name!r}]", value, "a string", f"{str(value)!r}")
    room = MAX_ENVIRONMENT_KEYS - 3  # ours: entry point, its folder, data version
    if len(given) > room:
        yield Broken("environment", f"{len(given)} variables", f"at most {room} (and 3 of the library's)")
    used = sum(len(f"{name}{value}".encode()) for name, value in given.items() if not is_token(value))
    if used > MAX_ENVIRONMENT_BYTES:
        yield Broken("environment", f"{used} bytes", f"at most {MAX_ENVIRONMENT_BYTES} bytes in all")


@container_rules.rule("SM-CONTAINER-003", source=_SOURCE)
def hostname_is_a_name(container: Container) -> Iterator[Broken]:
    """A container's hostname is a DNS label."""
    yield from text("hostname", container.hostname, NAME_PATTERN, NAME_ALLOWED)


_MULTI_MODEL = DEVELOPER_GUIDE + "create-multi-model-endpoint.html"


@container_rules.rule("SM-CONTAINER-004", source=_MULTI_MODEL)
def many_models_lie_under_a_prefix(container: Container) -> Iterator[Broken]:
    """A multi-model container has an image, and the prefix under which its models lie."""
    if container.multi_model is None:
        return
    if not isinstance(container.data, ModelDataPrefix):
        yield Broken("data", container.data, "the prefix of the models", "ModelData.from_prefix(bucket, …)")
    if container.model_package is not None:
        yield Broken("model_package", container.model_package, "an image, since multi_model is given")


@multi_model_rules.rule("SM-CONTAINER-005", source=_MULTI_MODEL)
def shared_code_exists(multi_model: MultiModel) -> Iterator[Broken]:
    """The code that serves all models is a folder that exists where synthesis runs."""
    if multi_model.code is not None and not folder(multi_model.code):
        where = f"looked in {Path.cwd()}"
        yield Broken("code", multi_model.code, "an existing folder with your inference.py", where)

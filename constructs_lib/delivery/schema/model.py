"""What is served: images, data, packages. Nothing that could change by itself."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from .base import Choice, Digest, ObjectUri, Part, RepositoryPath, refuse_floating, whole

PackageArn = Annotated[
    str,
    Field(
        pattern=whole(r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:[0-9]{12}:model-package/[A-Za-z0-9-]+/[0-9]+"),
        examples=["arn:aws:sagemaker:eu-central-1:111122223333:model-package/fraud/3"],
    ),
]


class FrameworkImage(Part):
    """A framework's image of AWS, which runs your script."""

    name: str
    """Such as `sklearn`, `pytorch`, `xgboost`, `huggingface`."""
    version: str
    """As AWS publishes it, such as `1.2-1`; in quotes where it looks like a number."""
    entry_point: str = "inference.py"
    """File name of the script, within `code`."""
    processor: str | None = None
    """`cpu`, `gpu`, `neuronx` …, where several are published. Default: `cpu`."""
    py_version: str | None = None
    """Such as `py310`, where several are published."""
    base_framework: str | None = None
    """Hugging Face only, such as `pytorch2.1.0`."""


class BuiltInImage(Part):
    """An algorithm of AWS."""

    name: str
    """Such as `xgboost`."""
    version: str | None = None
    """Needed where AWS publishes several."""
    processor: str | None = None
    """`cpu` or `gpu`, where both are published. Default: `cpu`."""


class BuiltImage(Part):
    """An image that is built from a Dockerfile of this repository and pushed with the stack."""

    directory: RepositoryPath
    """Folder of the Dockerfile."""
    file: str | None = None
    """Name of the Dockerfile. Default: `Dockerfile`."""


class Image(Choice):
    """The image of a container."""

    framework: FrameworkImage | None = None
    built_in: BuiltInImage | None = None
    uri: str | None = None
    """An image in ECR by its digest: `account.dkr.ecr.region.amazonaws.com/name@sha256:…`."""
    build: BuiltImage | None = None

    @model_validator(mode="after")
    def _pinned(self) -> Self:
        if self.uri is not None and "@sha256:" not in self.uri:
            raise PydanticCustomError(
                "floating", "an image by its digest, …/name@sha256:…: tags can be moved", {"field": "uri"}
            )
        return self


class Data(Part):
    """The artefact: an archive in S3, pinned by a version or a digest; or a folder of this repository."""

    uri: ObjectUri | None = None
    """`s3://bucket/key.tar.gz`, or a prefix with a slash at the end whose objects are loaded as they are."""
    version_id: Annotated[str, Field(min_length=1)] | None = None
    """Version id of the S3 object. Another one replaces the model."""
    digest: Digest | None = None
    """SHA-256 of the archive. Of a file of this repository it is compared."""
    asset: RepositoryPath | None = None
    """A folder of this repository that is packed with the stack, or a ready `.tar.gz`."""
    code: RepositoryPath | None = None
    """Folder with your `inference.py` (and `requirements.txt`), packed into the archive. With `asset` only."""
    exclude: list[str] = []
    """File-name patterns that are left out of the archive. With `asset` only."""

    @model_validator(mode="after")
    def _one_place_pinned(self) -> Self:
        if (self.uri is None) == (self.asset is None):
            raise PydanticCustomError("one_of", "exactly one of {names}", {"names": "uri, asset"})
        if self.uri is not None and self.version_id is None and self.digest is None:
            raise PydanticCustomError(
                "floating", "versionId or digest beside it: an object can be overwritten", {"field": "uri"}
            )
        refuse_floating(self.version_id)
        if self.uri is not None and (self.code is not None or self.exclude):
            raise PydanticCustomError(
                "together", "no code or exclude beside uri: the archive is packed already", {"field": "code"}
            )
        if self.asset is not None and self.version_id is not None:
            raise PydanticCustomError(
                "together", "no versionId beside asset: the content is its version", {"field": "versionId"}
            )
        return self


class ContainerSpec(Part):
    """One container: an image with optional data, or a package."""

    image: Image | None = None
    data: Data | None = None
    model_package: PackageArn | None = None
    """ARN of a model package with its version: a group alone would float. In place of image and data."""
    environment: dict[str, str] = {}
    """Variables of the container; numbers in quotes."""

    @model_validator(mode="after")
    def _image_or_package(self) -> Self:
        if (self.image is None) == (self.model_package is None):
            raise PydanticCustomError("one_of", "exactly one of {names}", {"names": "image, modelPackage"})
        if self.model_package is not None and self.data is not None:
            raise PydanticCustomError(
                "together", "no data beside modelPackage: the package names its own", {"field": "data"}
            )
        return self


class Network(Part):
    """The VPC that the containers are in, by ids, since nothing is looked up at synthesis."""

    vpc_id: Annotated[str, Field(pattern=whole(r"vpc-[0-9a-f]+"))]
    subnet_ids: Annotated[
        list[Annotated[str, Field(pattern=whole(r"subnet-[0-9a-f]+"))]], Field(min_length=1, max_length=16)
    ]
    """Private subnets, one a zone, in the order of `availabilityZones`."""
    availability_zones: Annotated[list[str], Field(min_length=1)]
    security_group_ids: list[Annotated[str, Field(pattern=whole(r"sg-[0-9a-f]+"))]] = []
    """Default: a new one that lets all traffic out."""


class ModelSpec(ContainerSpec):
    """What is served."""

    network: Network | None = None
    """Default: SageMaker's own network."""
    network_isolation: bool = False
    """No outbound calls at all from the container, not even to AWS."""


class StepSpec(ContainerSpec):
    """One container of a pipeline."""

    hostname: str | None = None
    """A DNS label, for direct invocation; all containers have one, or none has."""

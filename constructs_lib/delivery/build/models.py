"""Images, data and models."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import aws_ec2 as ec2

from ...model import archive
from ...model.container import Container
from ...model.data import ModelData
from ...model.image import ContainerImage
from ...model.model import Model
from ..checking import shown
from ..problems import PINNED_RULE
from ..schema.model import ContainerSpec, Data, Image, ModelSpec, Network, StepSpec
from .site import Where


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where containers stand in a VPC."""

    vpc: ec2.IVpc | None = None
    groups: Sequence[ec2.ISecurityGroup] | None = None


def image(where: Where, spec: Image) -> ContainerImage | None:
    """The image of a container."""
    if spec.framework is not None:
        framework = spec.framework
        return (where / "framework").make(
            lambda: ContainerImage.framework(
                framework.name,
                version=framework.version,
                entry_point=framework.entry_point,
                processor=framework.processor,
                py_version=framework.py_version,
                base_framework=framework.base_framework,
            )
        )
    if spec.built_in is not None:
        built_in = spec.built_in
        return (where / "builtIn").make(
            lambda: ContainerImage.built_in(
                built_in.name, version=built_in.version, processor=built_in.processor
            )
        )
    if spec.build is not None:
        build = spec.build
        directory = (where / "build" / "directory").file(build.directory)
        return (where / "build").make(lambda: ContainerImage.from_asset(directory, file=build.file))
    uri = spec.uri or ""
    return where.make(lambda: ContainerImage.from_uri(uri))


def data(where: Where, spec: Data) -> ModelData | None:
    """The artefact."""
    if spec.uri is not None:
        bucket, key = where.s3_object(spec.uri)
        version = spec.version_id or spec.digest
        spelled = {"key": "uri", "prefix": "uri", "version": "version_id"}
        if key.endswith("/"):
            return where.make(lambda: ModelData.from_prefix(bucket, key, version=version), spelled)
        return where.make(lambda: ModelData.from_bucket(bucket, key, version=version), spelled)
    asset = (where / "asset").file(spec.asset or "")
    code = None if spec.code is None else (where / "code").file(spec.code)
    made = where.make(lambda: ModelData.from_asset(asset, code=code, exclude=spec.exclude), {"path": "asset"})
    if made is not None and spec.digest is not None:
        _compare(where / "digest", spec, asset, code)
    return made


def _compare(where: Where, spec: Data, asset: str, code: str | None) -> None:
    """What is packed is what was approved."""
    try:
        actual = _digest(Path(asset), None if code is None else Path(code), spec.exclude)
    except archive.ArchiveError:
        return  # told when the archive is made
    if spec.digest != f"sha256:{actual}":
        where.refuse(shown(spec.digest), f"sha256:{actual}, which {spec.asset} has", PINNED_RULE)


def _digest(path: Path, code: Path | None, exclude: Sequence[str]) -> str:
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return archive.pack(path, code=code, exclude=exclude).digest


def container(where: Where, spec: ContainerSpec) -> Container | None:
    """One container."""
    hostname = spec.hostname if isinstance(spec, StepSpec) else None
    if spec.model_package is not None:
        package = spec.model_package
        return where.make(
            lambda: Container(model_package=package, environment=spec.environment, hostname=hostname)
        )
    made_image = None if spec.image is None else image(where / "image", spec.image)
    made_data = None if spec.data is None else data(where / "data", spec.data)
    if made_image is None or (spec.data is not None and made_data is None):
        return None
    return where.make(
        lambda: Container(image=made_image, data=made_data, environment=spec.environment, hostname=hostname)
    )


def place(where: Where, spec: Network | None) -> Place:
    """The VPC, by its ids."""
    if spec is None:
        return Place()
    vpc = where.make(
        lambda: where.site.imported(
            "Vpc",
            "/".join([spec.vpc_id, *spec.subnet_ids]),
            lambda id: ec2.Vpc.from_vpc_attributes(
                where.scope,
                id,
                vpc_id=spec.vpc_id,
                availability_zones=spec.availability_zones,
                private_subnet_ids=spec.subnet_ids,
            ),
        )
    )
    groups = [_group(where, each) for each in spec.security_group_ids]
    return Place(vpc=vpc, groups=groups or None)


def _group(where: Where, id: str) -> ec2.ISecurityGroup:
    return where.site.imported(
        "Group", id, lambda own: ec2.SecurityGroup.from_security_group_id(where.scope, own, id)
    )


def model(where: Where, spec: ModelSpec, id: str = "Model") -> Model | None:
    """What is served, as a construct of its own."""
    made = container(where, spec)
    stands = place(where / "network", spec.network)
    if made is None:
        return None
    return where.make(
        lambda: Model(
            where.scope,
            id,
            container=made,
            vpc=stands.vpc,
            security_groups=stands.groups,
            network_isolation=spec.network_isolation,
        )
    )

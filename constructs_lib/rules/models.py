"""Models: their containers, data, images and network."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..core.catalogue import Broken
from ..core.limits import (
    ECR_URI,
    ECR_URI_ALLOWED,
    MAX_CONTAINERS,
    MAX_ENVIRONMENT_BYTES,
    MAX_ENVIRONMENT_KEYS,
    MAX_SECURITY_GROUPS,
    MAX_SUBNETS,
    NAME_ALLOWED,
    NAME_PATTERN,
    VARIABLE_PATTERN,
)
from .checks import at_most, counted, exactly_one, matching
from .links import MODEL, containers, is_multi_model, is_uncompressed
from .registry import template_rule
from .template import Node, Resource

# An asset of CDK keeps only the last part of its file's name.
_ARCHIVE = re.compile(r"\.tar\.gz$|/[0-9a-f]{64}\.gz$")


@template_rule("SM-MODEL-001", MODEL)
def _one_container_or_a_pipeline(model: Resource) -> Iterator[Broken]:
    yield from exactly_one([model["PrimaryContainer"], model["Containers"]])
    yield from at_most(model["Containers"], MAX_CONTAINERS, "containers")


@template_rule("SM-MODEL-002", MODEL)
def _hostnames_all_or_none(model: Resource) -> Iterator[Broken]:
    names = [each["ContainerHostname"] for each in model["Containers"].items if each.known]
    texts = [name.text for name in names if name.text is not None]
    some = any(name.sure for name in names) and any(name.absent for name in names)
    if some or len(set(texts)) < len(texts):
        shown = [name.text for name in names]
        yield Broken("Containers", shown, "a hostname of its own for every container, or for none")


@template_rule("SM-MODEL-003", MODEL)
def _network_is_whole(model: Resource) -> Iterator[Broken]:
    network = model["VpcConfig"]
    yield from counted(network["Subnets"], (1, MAX_SUBNETS), "subnets")
    yield from counted(network["SecurityGroupIds"], (1, MAX_SECURITY_GROUPS), "groups")


@template_rule("SM-MODEL-004", MODEL)
def _direct_invocation_names_containers(model: Resource) -> Iterator[Broken]:
    mode = model.properties.at("InferenceExecutionConfig", "Mode")
    if mode.text != "Direct":
        return
    if model["PrimaryContainer"].known and model["Containers"].absent:
        yield Broken(mode.path, "Direct", "Serial for a single container")
    for each in model["Containers"].items:
        if each["ContainerHostname"].absent:
            yield Broken(each["ContainerHostname"].path, None, "a hostname for every container")


@template_rule("SM-CONTAINER-001", MODEL)
def _image_or_package(model: Resource) -> Iterator[Broken]:
    for each in containers(model):
        yield from exactly_one([each["Image"], each["ModelPackageName"]])
        if each["ModelPackageName"].sure and each["ModelDataUrl"].known:
            yield Broken(
                each["ModelDataUrl"].path, each["ModelDataUrl"].value, "nothing: the package names its data"
            )


@template_rule("SM-CONTAINER-002", MODEL)
def _environment_fits(model: Resource) -> Iterator[Broken]:
    for each in containers(model):
        environment = each["Environment"]
        variables = environment.value if isinstance(environment.value, dict) else {}
        for name in variables:
            yield from matching(
                Node(f"{environment.path}.{name}", name), VARIABLE_PATTERN, "letters, digits and underscores"
            )
        if len(variables) > MAX_ENVIRONMENT_KEYS:
            yield Broken(environment.path, f"{len(variables)} variables", f"at most {MAX_ENVIRONMENT_KEYS}")
        used = sum(
            len(f"{name}{value}".encode()) for name, value in variables.items() if isinstance(value, str)
        )
        if used > MAX_ENVIRONMENT_BYTES:
            yield Broken(environment.path, f"{used} bytes", f"at most {MAX_ENVIRONMENT_BYTES} bytes in all")


@template_rule("SM-CONTAINER-003", MODEL)
def _hostname_is_a_name(model: Resource) -> Iterator[Broken]:
    for each in containers(model):
        yield from matching(each["ContainerHostname"], NAME_PATTERN, NAME_ALLOWED)


@template_rule("SM-CONTAINER-004", MODEL)
def _many_models_lie_under_a_prefix(model: Resource) -> Iterator[Broken]:
    for each in containers(model):
        if not is_multi_model(each):
            continue
        url = each["ModelDataUrl"]
        if url.absent and each["ModelDataSource"].absent:
            yield Broken(url.path, None, "the prefix of the models")
        elif (url.text or "").endswith(".tar.gz"):
            yield Broken(url.path, url.text, "the prefix of the models, not one archive")


@template_rule("SM-MULTIMODEL-011", MODEL)
def _models_are_archives(model: Resource) -> Iterator[Broken]:
    for each in containers(model):
        if is_multi_model(each) and is_uncompressed(each):
            where = each["ModelDataSource"]
            yield Broken(
                where.path, "uncompressed model data", "ModelDataUrl: each model is a .tar.gz under it"
            )


@template_rule("SM-DATA-003", MODEL)
def _one_archive(model: Resource) -> Iterator[Broken]:
    for each in containers(model):
        url = each["ModelDataUrl"]
        if url.text is not None and not is_multi_model(each) and not _ARCHIVE.search(url.text):
            fix = "ModelDataSource loads uncompressed objects" if url.text.endswith("/") else ""
            yield Broken(url.path, url.text, "the address of one .tar.gz object", fix)


@template_rule("SM-DATA-004", MODEL)
def _prefix_ends_with_a_slash(model: Resource) -> Iterator[Broken]:
    for each in containers(model):
        source = each.at("ModelDataSource", "S3DataSource")
        address = source["S3Uri"]
        # Of an address in parts, the last one tells.
        shown = address.partly
        if source["S3DataType"].text == "S3Prefix" and shown and shown[-1] not in "/\0":
            yield Broken(
                address.path,
                address.text or "…" + shown.rpartition("\0")[2],
                "an address that ends with a slash",
            )


@template_rule("SM-IMAGE-002", MODEL)
def _image_is_in_ecr(model: Resource) -> Iterator[Broken]:
    for each in containers(model):
        # Other registries are for models in a VPC, which say so.
        if each.at("ImageConfig", "RepositoryAccessMode").text != "Vpc":
            yield from matching(each["Image"], ECR_URI, ECR_URI_ALLOWED)


@template_rule("SM-IMAGE-101", MODEL)
def _image_is_pinned(model: Resource) -> Iterator[Broken]:
    for each in containers(model):
        match = ECR_URI.fullmatch(each["Image"].text or "")
        if match is not None and match["pin"] in (None, ":latest"):
            yield Broken(each["Image"].path, each["Image"].value, "a digest, or a tag that is not moved")

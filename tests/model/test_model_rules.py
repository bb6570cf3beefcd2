"""Each rule of images, data, containers and models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import count
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam

from constructs_lib import Container, ContainerImage, Model, ModelData
from tests.support.refusals import (
    WRONG_OBJECTS,
    WRONG_SWITCHES,
    WRONG_TEXTS,
    Refusal,
    WrongType,
    as_parameters,
    refused,
    wrong_types,
)
from tests.support.synth import ACCOUNT, IMAGE_URI, a_bucket, fresh_app

PACKAGE = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:model-package/fraud/3"
DIGEST = "sha256:" + "0a" * 32
ids = count()


@cache
def scope() -> cdk.Stack:
    return cdk.Stack(fresh_app(), "Models")


@cache
def bucket() -> object:
    return a_bucket(scope())


@cache
def repository() -> ecr.IRepository:
    return ecr.Repository.from_repository_name(scope(), "Repository", "fraud")


@cache
def vpc() -> ec2.IVpc:
    return ec2.Vpc(scope(), "Vpc", nat_gateways=0)


@cache
def groups(number: int) -> tuple[ec2.ISecurityGroup, ...]:
    return tuple(
        ec2.SecurityGroup.from_security_group_id(scope(), f"Group{number}of{index}", f"sg-{index}")
        for index in range(number)
    )


IMAGE = ContainerImage.from_uri(IMAGE_URI)


def container(**props: object) -> Container:
    return Container(**{"image": IMAGE, **props})


def model(**props: object) -> Model:
    if "containers" not in props:
        props = {"container": container(), **props}
    return Model(scope(), f"Model{next(ids)}", **props)


def sklearn(**props: object) -> ContainerImage:
    return ContainerImage.framework(**{"name": "sklearn", "version": "1.2-1", **props})


def in_bucket(**props: object) -> ModelData:
    return ModelData.from_bucket(**{"bucket": bucket(), "key": "fraud/model.tar.gz", **props})


def under_prefix(**props: object) -> ModelData:
    return ModelData.from_prefix(**{"bucket": bucket(), "prefix": "fraud/", **props})


def pinned(**props: object) -> ContainerImage:
    return ContainerImage.from_repository(**{"repository": repository(), "tag_or_digest": "1", **props})


REFUSALS = [
    Refusal("SM-IMAGE-001", lambda: sklearn(name="scikit"), "name", "scikit", "sklearn"),
    Refusal("SM-IMAGE-001", lambda: sklearn(version="1.2"), "version", "1.2", "1.2-1"),
    Refusal("SM-IMAGE-001", lambda: sklearn(processor="gpu"), "processor", "gpu", "cpu"),
    Refusal("SM-IMAGE-001", lambda: sklearn(name="kmeans"), "name", "kmeans", "sklearn"),
    Refusal("SM-IMAGE-001", lambda: ContainerImage.built_in("sklearn"), "name", "sklearn", "kmeans"),
    Refusal("SM-IMAGE-001", lambda: ContainerImage.built_in("xgboost"), "version", None, "1.7-1"),
    Refusal("SM-IMAGE-002", lambda: ContainerImage.from_uri("fraud:1"), "uri", "fraud:1", "dkr.ecr"),
    Refusal("SM-IMAGE-002", lambda: ContainerImage.from_uri(""), "uri", "", "dkr.ecr"),
    Refusal(
        "SM-IMAGE-002",
        lambda: ContainerImage.from_uri("docker.io/library/python:3.12"),
        "uri",
        "docker.io/library/python:3.12",
        "@sha256:<digest>",
    ),
    Refusal(
        "SM-IMAGE-002",
        lambda: ContainerImage.from_uri(f"{IMAGE_URI}@sha256:0a"),
        "uri",
        f"{IMAGE_URI}@sha256:0a",
        "@sha256:<digest>",
    ),
    Refusal("SM-IMAGE-004", lambda: pinned(tag_or_digest=":1"), "tag_or_digest", ":1", "without the colon"),
    Refusal("SM-IMAGE-004", lambda: pinned(tag_or_digest=""), "tag_or_digest", "", "a tag"),
    Refusal("SM-IMAGE-004", lambda: pinned(tag_or_digest="a" * 129), "tag_or_digest", "a" * 129, "a tag"),
    Refusal(
        "SM-IMAGE-004", lambda: pinned(tag_or_digest="sha256:0A"), "tag_or_digest", "sha256:0A", "64 hex"
    ),
    Refusal(
        "SM-IMAGE-005",
        lambda: ContainerImage.from_asset("nowhere"),
        "directory",
        "nowhere",
        "a folder with a Dockerfile",
    ),
    Refusal(
        "SM-IMAGE-006",
        lambda: sklearn(entry_point="code/inference.py"),
        "entry_point",
        "code/inference.py",
        "the file name of a script",
    ),
    Refusal("SM-DATA-001", lambda: ModelData.from_asset("nowhere"), "path", "nowhere", "an existing folder"),
    Refusal(
        "SM-DATA-001",
        lambda: ModelData.from_asset("tests", code="nowhere"),
        "code",
        "nowhere",
        "an existing folder with your inference.py",
    ),
    Refusal("SM-DATA-003", lambda: in_bucket(key="fraud/model.zip"), "key", "fraud/model.zip", ".tar.gz"),
    Refusal("SM-DATA-003", lambda: in_bucket(key="/m.tar.gz"), "key", "/m.tar.gz", "leading slash"),
    Refusal(
        "SM-DATA-003", lambda: in_bucket(key="s3://b/m.tar.gz"), "key", "s3://b/m.tar.gz", "without bucket"
    ),
    Refusal("SM-DATA-003", lambda: in_bucket(key="fraud/"), "key", "fraud/", ".tar.gz"),
    Refusal("SM-DATA-003", lambda: in_bucket(key=None), "key", None, "a str"),
    Refusal("SM-DATA-004", lambda: under_prefix(prefix="fraud"), "prefix", "fraud", "ends with a slash"),
    Refusal("SM-DATA-004", lambda: under_prefix(prefix="/fraud/"), "prefix", "/fraud/", "ends with a slash"),
    Refusal("SM-DATA-004", lambda: under_prefix(prefix="s3://b/"), "prefix", "s3://b/", "ends with a slash"),
    Refusal("SM-CONTAINER-001", lambda: Container(), "image", None, "a model package, or an image"),
    Refusal(
        "SM-CONTAINER-001",
        lambda: container(model_package=PACKAGE),
        "image",
        IMAGE,
        "a model package, or an image",
    ),
    Refusal(
        "SM-CONTAINER-001",
        lambda: Container(model_package="fraud/3"),
        "model_package",
        "fraud/3",
        "the ARN of a model package version",
    ),
    Refusal(
        "SM-CONTAINER-002",
        lambda: container(environment={f"V{index}": "" for index in range(98)}),
        "environment",
        "98 variables",
        "at most 97",
    ),
    Refusal(
        "SM-CONTAINER-002",
        lambda: container(environment={"A": "é" * 16_384}),
        "environment",
        "32769 bytes",
        "at most 32768 bytes",
    ),
    Refusal(
        "SM-CONTAINER-002",
        lambda: container(environment={"1ST": ""}),
        "environment",
        "1ST",
        "letters, digits",
    ),
    Refusal("SM-CONTAINER-002", lambda: container(environment={"A": 1}), "environment['A']", 1, "a string"),
    Refusal("SM-CONTAINER-002", lambda: container(environment=None), "environment", None, "a mapping"),
    Refusal("SM-CONTAINER-003", lambda: container(hostname="a_b"), "hostname", "a_b", "1–63 letters"),
    Refusal("SM-CONTAINER-003", lambda: container(hostname="a" * 64), "hostname", "a" * 64, "1–63 letters"),
    Refusal("SM-MODEL-001", lambda: model(container=None), "container", None, "exactly one of"),
    Refusal("SM-MODEL-001", lambda: model(containers=[]), "containers", "0 containers", "2–15"),
    Refusal("SM-MODEL-001", lambda: model(containers=[container()]), "containers", "1 containers", "2–15"),
    Refusal(
        "SM-MODEL-001", lambda: model(containers=[container()] * 16), "containers", "16 containers", "2–15"
    ),
    Refusal(
        "SM-MODEL-002",
        lambda: model(containers=[container(hostname="a"), container()]),
        "containers",
        ["a", None],
        "for every container, or for none",
    ),
    Refusal(
        "SM-MODEL-002",
        lambda: model(containers=[container(hostname="a")] * 2),
        "containers",
        ["a", "a"],
        "of its own",
    ),
    Refusal(
        "SM-MODEL-003",
        lambda: model(vpc=vpc(), security_groups=groups(6)),
        "security_groups",
        "6 groups",
        "1–5 groups",
    ),
    Refusal(
        "SM-MODEL-003",
        lambda: model(vpc=vpc(), security_groups=[]),
        "security_groups",
        "0 groups",
        "1–5 groups",
    ),
    Refusal(
        "SM-MODEL-003",
        lambda: model(security_groups=groups(1)),
        "security_groups",
        groups(1),
        "nothing without a vpc",
    ),
    Refusal("SM-TYPE-001", lambda: model(role="runs-models"), "role", "runs-models", "a Role"),
    Refusal("SM-TYPE-001", lambda: model(vpc="vpc-1"), "vpc", "vpc-1", "a Vpc"),
    Refusal("SM-MODEL-003", lambda: model(network_isolation=None), "network_isolation", None, "a bool"),
]


@pytest.mark.parametrize("refusal", as_parameters(REFUSALS))
def test_a_broken_rule_is_named_with_what_was_given_and_what_is_allowed(refusal: Refusal) -> None:
    refusal.check()


def token() -> str:
    return cdk.Fn.ref("Parameter")


ACCEPTED: dict[str, Callable[[], object]] = {
    "an alias of a version": lambda: ContainerImage.framework("pytorch", version="2.0", py_version="py310"),
    "the processor there is": lambda: sklearn(processor="cpu"),
    "a URI without a tag": lambda: ContainerImage.from_uri(IMAGE_URI.removesuffix(":1")),
    "a URI with a digest": lambda: ContainerImage.from_uri(f"{IMAGE_URI.removesuffix(':1')}@{DIGEST}"),
    "a URI in China": lambda: ContainerImage.from_uri(
        f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn/team/fraud:1"
    ),
    "a token for the URI": lambda: ContainerImage.from_uri(token()),
    "a tag of 128 characters": lambda: pinned(tag_or_digest="a" * 128),
    "a digest": lambda: pinned(tag_or_digest=DIGEST),
    "a token for the tag": lambda: pinned(tag_or_digest=token()),
    "a key at the top": lambda: in_bucket(key="m.tar.gz"),
    "a token for the key": lambda: in_bucket(key=token(), version=token()),
    "a token for the prefix": lambda: under_prefix(prefix=token()),
    "97 variables": lambda: container(environment={f"V{index}": "" for index in range(97)}),
    "32 KB of variables": lambda: container(environment={"A": "a" * (32 * 1024 - 1)}),
    "a token for a variable": lambda: container(environment={"A": token()}),
    "a hostname of 63 characters": lambda: container(hostname="a" * 63),
    "a package": lambda: Container.from_model_package(PACKAGE),
    "a package in China": lambda: Container.from_model_package(PACKAGE.replace("arn:aws", "arn:aws-cn")),
    "a token for the package": lambda: Container.from_model_package(token()),
    "two containers": lambda: model(containers=[container()] * 2),
    "fifteen containers": lambda: model(containers=[container()] * 15),
    "containers in a tuple": lambda: model(containers=(container(hostname="a"), container(hostname="b"))),
    "one security group": lambda: model(vpc=vpc(), security_groups=groups(1), vpc_subnets=isolated()),
    "five security groups": lambda: model(vpc=vpc(), security_groups=groups(5), vpc_subnets=isolated()),
}


def isolated() -> ec2.SubnetSelection:
    return ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)


@pytest.mark.parametrize("accepted", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_is_just_allowed_passes(accepted: Callable[[], object]) -> None:
    assert accepted() is not None


LISTS_OF_OBJECTS = ("text", 5, {"a": 1}, ["text"], [5], [None])

WRONG: list[tuple[Callable[..., object], str, tuple[object, ...]]] = [
    (sklearn, "name", (None, *WRONG_TEXTS)),
    (sklearn, "version", (None, *WRONG_TEXTS)),
    (sklearn, "processor", WRONG_TEXTS),
    (sklearn, "py_version", WRONG_TEXTS),
    (sklearn, "base_framework", WRONG_TEXTS),
    (sklearn, "entry_point", (None, "", "code/inference.py", *WRONG_TEXTS)),
    (lambda **props: ContainerImage.built_in(**props), "name", (None, *WRONG_TEXTS)),
    (lambda **props: ContainerImage.from_uri(**props), "uri", (None, *WRONG_TEXTS)),
    (pinned, "repository", (None, *WRONG_OBJECTS)),
    (pinned, "tag_or_digest", (None, *WRONG_TEXTS)),
    (lambda **props: ContainerImage.from_asset(**props), "directory", (None, *WRONG_TEXTS)),
    (lambda **props: ModelData.from_asset(**props), "path", (None, *WRONG_TEXTS)),
    (lambda **props: ModelData.from_asset("tests", **props), "code", WRONG_TEXTS),
    (lambda **props: ModelData.from_asset("tests", **props), "exclude", ("*.ipynb", None, 5, [5], [None])),
    (in_bucket, "bucket", (None, *WRONG_OBJECTS)),
    (in_bucket, "key", (None, *WRONG_TEXTS)),
    (in_bucket, "version", WRONG_TEXTS),
    (under_prefix, "bucket", (None, *WRONG_OBJECTS)),
    (under_prefix, "prefix", (None, *WRONG_TEXTS)),
    (under_prefix, "version", WRONG_TEXTS),
    (container, "image", WRONG_OBJECTS),
    (container, "data", WRONG_OBJECTS),
    (container, "environment", ("A=1", 5, True, ["A"])),
    (container, "hostname", WRONG_TEXTS),
    (lambda **props: Container(**props), "model_package", WRONG_TEXTS),
    (model, "container", WRONG_OBJECTS),
    (model, "containers", LISTS_OF_OBJECTS),
    (model, "role", WRONG_OBJECTS),
    (model, "vpc", WRONG_OBJECTS),
    (lambda **props: model(vpc=vpc(), **props), "vpc_subnets", WRONG_OBJECTS),
    (lambda **props: model(vpc=vpc(), **props), "security_groups", LISTS_OF_OBJECTS),
    (model, "network_isolation", WRONG_SWITCHES),
]


@pytest.mark.parametrize(
    "wrong",
    [case for factory, property, values in WRONG for case in wrong_types(factory, **{property: values})],
)
def test_a_wrong_type_is_refused_for_its_property(wrong: WrongType) -> None:
    wrong.check()


@pytest.fixture
def packing(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "model"
    folder.mkdir()
    yield folder


def test_a_folder_that_cannot_be_packed_is_refused_with_the_reason(packing: Path) -> None:
    (packing / "model.json").symlink_to("gone")
    data = ModelData.from_asset(str(packing))
    error = refused(lambda: model(container=container(data=data)))
    (violation,) = error.violations
    assert (violation.rule, violation.property, violation.given) == ("SM-DATA-002", "data", str(packing))
    assert "model.json is a broken link" in violation.fix
    assert error.path.startswith("Models/Model")


def test_code_beside_a_ready_archive_is_refused(packing: Path) -> None:
    ready = packing / "model.tar.gz"
    ready.touch()
    error = refused(lambda: ModelData.from_asset(str(ready), code=str(packing)))
    assert (error.rules, error.violations[0].property) == (("SM-DATA-001",), "code")
    assert error.violations[0].fix == "put code/ into the archive"


def test_an_image_of_another_region_is_refused_where_the_stack_has_one() -> None:
    app = fresh_app()
    stack = cdk.Stack(app, "Oregon", env=cdk.Environment(account=ACCOUNT, region="us-west-2"))
    error = refused(lambda: Model(stack, "Model", container=container()))
    (violation,) = error.violations
    assert (violation.rule, violation.property, violation.given) == ("SM-IMAGE-003", "uri", IMAGE_URI)
    assert violation.allowed == "an image in the stack's region, us-west-2"
    assert error.path.startswith("Oregon/Model")


def test_a_published_image_that_the_region_lacks_is_refused_with_those_that_have_it() -> None:
    stack = cdk.Stack(fresh_app(), "Mars", env=cdk.Environment(account=ACCOUNT, region="mars-north-1"))
    error = refused(lambda: Model(stack, "Model", container=container(image=sklearn())))
    (violation,) = error.violations
    assert (violation.rule, violation.property, violation.given) == ("SM-IMAGE-001", "region", "mars-north-1")
    assert "eu-west-1" in violation.allowed
    assert "from_uri" in violation.fix


def test_several_broken_rules_are_reported_together_and_nothing_is_made() -> None:
    error = refused(
        lambda: Model(
            scope(),
            "Broken",
            containers=[container(hostname="a")],
            security_groups=groups(1),
            network_isolation="no",
        )
    )
    assert error.path == "Models/Broken"
    assert error.rules == ("SM-MODEL-001", "SM-MODEL-003", "SM-MODEL-003")
    assert scope().node.try_find_child("Broken") is None


def test_the_role_may_be_any_role_and_the_vpc_any_vpc() -> None:
    role = iam.Role.from_role_name(scope(), "Imported", "runs-models")
    assert model(role=role).role is role

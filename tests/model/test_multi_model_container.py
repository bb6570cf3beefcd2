"""Containers that serve many models, and where their archives lie."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cache
from itertools import count
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2

from constructs_lib import Container, ContainerImage, Model, ModelData, ModelDataPrefix, MultiModel
from tests.support.refusals import (
    WRONG_SWITCHES,
    WRONG_TEXTS,
    Refusal,
    WrongType,
    as_parameters,
    refused,
    wrong_types,
)
from tests.support.synth import (
    ACCOUNT,
    IMAGE_URI,
    a_bucket,
    allowing,
    fresh_app,
    properties,
    synthesized,
)

PACKAGE = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:model-package/fraud/3"
FOLDER = "SAGEMAKER_SUBMIT_DIRECTORY"
ids = count()


@cache
def scope() -> cdk.Stack:
    return cdk.Stack(fresh_app(), "Models")


@cache
def a_prefix() -> ModelDataPrefix:
    return ModelData.from_prefix(a_bucket(scope()), "models/")


@cache
def archive() -> ModelData:
    return ModelData.from_bucket(a_bucket(scope(), "Archives"), "1.4.2/model.tar.gz")


@cache
def vpc() -> ec2.IVpc:
    return ec2.Vpc(scope(), "Vpc", nat_gateways=0)


IMAGE = ContainerImage.from_uri(IMAGE_URI)
SKLEARN = ContainerImage.framework("sklearn", version="1.2-1")


def many(**props: object) -> Container:
    return Container(**{"image": IMAGE, "data": a_prefix(), "multi_model": MultiModel(), **props})


def model(**props: object) -> Model:
    if "containers" not in props:
        props = {"container": Container(image=IMAGE), **props}
    return Model(scope(), f"Model{next(ids)}", **props)


def definition(stack: cdk.Stack, container: Container) -> dict[str, object]:
    Model(stack, "Model", container=container)
    return dict(properties(synthesized(stack), "AWS::SageMaker::Model")["PrimaryContainer"])


REFUSALS = [
    Refusal("SM-CONTAINER-004", lambda: many(data=None), "data", None, "the prefix of the models"),
    Refusal("SM-CONTAINER-004", lambda: many(data=archive()), "data", archive(), "the prefix of the models"),
    Refusal("SM-CONTAINER-005", lambda: MultiModel(code="nowhere"), "code", "nowhere", "inference.py"),
    Refusal("SM-CONTAINER-005", lambda: MultiModel(code=""), "code", "", "an existing folder"),
    Refusal("SM-CONTAINER-005", lambda: MultiModel(code=__file__), "code", __file__, "an existing folder"),
    Refusal(
        "SM-MODEL-004",
        lambda: model(direct_invocation=True),
        "direct_invocation",
        True,
        "False for a single container",
    ),
    Refusal(
        "SM-MODEL-004",
        lambda: model(containers=[Container(image=IMAGE)] * 2, direct_invocation=True),
        "containers",
        [None, None],
        "a hostname for every container",
    ),
    Refusal(
        "SM-MODEL-003",
        lambda: model(vpc=vpc(), vpc_subnets=ec2.SubnetSelection(subnets=[])),
        "vpc_subnets",
        "0 subnets",
        "1–16 subnets",
    ),
    Refusal(
        "SM-MODEL-003",
        lambda: model(vpc=vpc(), vpc_subnets=ec2.SubnetSelection(subnets=[vpc().isolated_subnets[0]] * 17)),
        "vpc_subnets",
        "17 subnets",
        "1–16 subnets",
    ),
]


@pytest.mark.parametrize("refusal", as_parameters(REFUSALS))
def test_a_broken_rule_is_named_with_what_was_given_and_what_is_allowed(refusal: Refusal) -> None:
    refusal.check()


def test_a_model_package_is_one_model() -> None:
    error = refused(lambda: Container(model_package=PACKAGE, multi_model=MultiModel()))
    assert error.rules == ("SM-CONTAINER-004", "SM-CONTAINER-004")
    assert [each.property for each in error.violations] == ["data", "model_package"]


ACCEPTED: dict[str, Callable[[], object]] = {
    "direct invocation of two": lambda: model(
        containers=[Container(image=IMAGE, hostname=name) for name in "ab"], direct_invocation=True
    ),
    "code that exists": lambda: MultiModel(code="tests"),
    "one subnet": lambda: model(
        vpc=vpc(), vpc_subnets=ec2.SubnetSelection(subnets=[vpc().isolated_subnets[0]])
    ),
}


@pytest.mark.parametrize("accepted", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_is_just_allowed_passes(accepted: Callable[[], object]) -> None:
    assert accepted() is not None


@pytest.mark.parametrize(
    "wrong",
    [
        *wrong_types(MultiModel, "MultiModel", cache=WRONG_SWITCHES, code=WRONG_TEXTS),
        *wrong_types(many, "Container", multi_model=("text", 5, True, [], {})),
        *wrong_types(model, "Model", direct_invocation=WRONG_SWITCHES),
    ],
)
def test_a_wrong_type_is_refused_for_its_property(wrong: WrongType) -> None:
    wrong.check()


# --- what becomes of it -----------------------------------------------------------------------------------


def under(stack: cdk.Stack, **props: object) -> ModelDataPrefix:
    return ModelData.from_prefix(a_bucket(stack), "models/", **props)


def test_a_multi_model_container_names_its_prefix_and_its_cache(stack: cdk.Stack) -> None:
    container = Container(
        image=IMAGE, data=under(stack), multi_model=MultiModel(cache=False), hostname="many"
    )
    assert definition(stack, container) == {
        "Image": IMAGE_URI,
        "ContainerHostname": "many",
        "Mode": "MultiModel",
        "ModelDataUrl": "s3://artefacts/models/",
        "MultiModelConfig": {"ModelCacheSetting": "Disabled"},
    }


def test_without_code_the_images_own_folder_is_not_named(stack: cdk.Stack) -> None:
    """It is where the code of a lone model lies, and there is none."""
    made = definition(stack, Container(image=SKLEARN, data=under(stack), multi_model=MultiModel()))
    assert FOLDER not in made["Environment"]
    assert made["Environment"]["SAGEMAKER_PROGRAM"] == "inference.py"


def test_the_folder_of_yours_is(stack: cdk.Stack) -> None:
    container = Container(
        image=SKLEARN,
        data=under(stack),
        multi_model=MultiModel(),
        environment={FOLDER: "s3://mine/code.tar.gz"},
    )
    assert definition(stack, container)["Environment"][FOLDER] == "s3://mine/code.tar.gz"


def test_shared_code_is_an_asset_that_the_role_may_read(stack: cdk.Stack, tmp_path: Path) -> None:
    (tmp_path / "inference.py").write_text("")
    multi_model = MultiModel(code=str(tmp_path))
    made = definition(stack, Container(image=IMAGE, data=under(stack), multi_model=multi_model))
    template = synthesized(stack)
    key = made["Environment"][FOLDER]["Fn::Sub"].rsplit("/", 1)[1]
    reads = [json.dumps(each["Resource"]) for each in allowing(template, "s3:GetObject")]
    assert len(reads) == 2
    assert any(key in each and "*" not in each for each in reads)


def test_changed_code_replaces_the_model(tmp_path: Path) -> None:
    def folder() -> object:
        stack = cdk.Stack(fresh_app(), "Test")
        multi_model = MultiModel(code=str(tmp_path))
        made = definition(stack, Container(image=IMAGE, data=under(stack), multi_model=multi_model))
        return made["Environment"][FOLDER]

    (tmp_path / "inference.py").write_text("")
    first = folder()
    assert folder() == first
    (tmp_path / "inference.py").write_text("changed = True")
    assert folder() != first


def test_a_multi_model_container_is_no_uncompressed_model() -> None:
    assert not many().loads_uncompressed
    assert many(multi_model=None).loads_uncompressed


# --- archives ---------------------------------------------------------------------------------------------


def test_an_archive_in_a_bucket_is_told_by_bucket_key_and_version(stack: cdk.Stack) -> None:
    data = ModelData.from_bucket(a_bucket(stack), "1.4.2/model.tar.gz", version="b")
    archived = data.archived(stack, "Data")
    named = b"artefacts/1.4.2/model.tar.gz/b"
    assert (archived.key, archived.fingerprint) == ("1.4.2/model.tar.gz", hashlib.sha256(named).hexdigest())
    assert archived.bucket.bucket_name == "artefacts"
    assert stack.node.try_find_child("Data") is None


def test_a_folder_is_told_by_its_content(stack: cdk.Stack, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text("{}")
    archived = ModelData.from_asset(str(tmp_path)).archived(stack, "Data")
    assert archived.key.startswith(archived.fingerprint)
    assert stack.node.find_child("Data").asset_hash == archived.fingerprint


def test_what_is_known_late_is_its_own_label(stack: cdk.Stack) -> None:
    key = cdk.CfnParameter(stack, "Key").value_as_string
    archived = ModelData.from_bucket(a_bucket(stack), key).archived(stack, "Data")
    assert cdk.Token.is_unresolved(archived.fingerprint)


def test_a_prefix_is_no_archive(stack: cdk.Stack) -> None:
    with pytest.raises(TypeError, match="ModelDataPrefix is no archive"):
        under(stack).archived(stack, "Data")

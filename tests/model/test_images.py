"""Where each kind of image comes from, and what pulling it takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ecr as ecr

from constructs_lib import Container, ContainerImage, Model
from tests.support.advice import Advised, warnings
from tests.support.synth import (
    ACCOUNT,
    IMAGE_URI,
    allowing,
    flat,
    fresh_app,
    properties,
    resources,
    synthesized,
)

DIGEST = "sha256:" + "0a" * 32
InRegion = Callable[[str], cdk.Stack]


def served(stack: cdk.Stack, image: ContainerImage, id: str = "Model") -> Model:
    return Model(stack, id, container=Container(image=image))


def image_of(stack: cdk.Stack) -> str:
    return flat(properties(synthesized(stack), "AWS::SageMaker::Model")["PrimaryContainer"]["Image"])


def pulled(stack: cdk.Stack) -> list[str]:
    return [flat(each["Resource"]) for each in allowing(synthesized(stack), "ecr:BatchGetImage")]


def sklearn() -> ContainerImage:
    return ContainerImage.framework("sklearn", version="1.2-1")


@pytest.mark.parametrize(
    ("image", "region", "uri"),
    [
        (
            sklearn,
            "us-east-1",
            "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
        ),
        (
            sklearn,
            "cn-north-1",
            "450853457545.dkr.ecr.cn-north-1.amazonaws.com.cn/sagemaker-scikit-learn:1.2-1-cpu-py3",
        ),
        (
            lambda: ContainerImage.built_in("xgboost", version="1.7-1"),
            "eu-west-1",
            "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:1.7-1",
        ),
        (
            lambda: ContainerImage.built_in("kmeans"),
            "eu-west-1",
            "438346466558.dkr.ecr.eu-west-1.amazonaws.com/kmeans:1",
        ),
        (
            lambda: ContainerImage.framework("pytorch", version="2.6.0", processor="gpu"),
            "us-gov-west-1",
            "442386744353.dkr.ecr.us-gov-west-1.amazonaws.com/pytorch-inference:2.6.0-gpu-py312",
        ),
    ],
)
def test_a_published_image_has_its_known_uri_in_a_known_region(
    stack_in: InRegion, image: Callable[[], ContainerImage], region: str, uri: str
) -> None:
    stack = stack_in(region)
    served(stack, image())
    assert image_of(stack) == uri
    assert "Mappings" not in synthesized(stack)
    account, repository = uri[:12], uri.split("/")[1].split(":")[0]
    partition = "aws-cn" if region.startswith("cn-") else "<AWS::Partition>"
    assert pulled(stack)[0].replace("<AWS::Partition>", partition) == (
        f"arn:{partition}:ecr:{region}:{account}:repository/{repository}"
    )


def test_where_the_region_is_open_a_mapping_knows_the_account(stack: cdk.Stack) -> None:
    served(stack, sklearn())
    template = synthesized(stack)
    ((name, accounts),) = template["Mappings"].items()
    assert accounts["us-east-1"] == {"account": "683313688378"}
    assert accounts["cn-north-1"] == {"account": "450853457545"}
    assert len(accounts) > 30
    assert image_of(stack) == (
        f"<{name}[<AWS::Region>].account>.dkr.ecr.<AWS::Region>.<AWS::URLSuffix>/sagemaker-scikit-learn:1.2-1-cpu-py3"
    )
    assert pulled(stack) == [
        f"arn:<AWS::Partition>:ecr:<AWS::Region>:<{name}[<AWS::Region>].account>:repository/sagemaker-scikit-learn"
    ]


def test_images_of_the_same_accounts_share_one_mapping_and_others_have_their_own(stack: cdk.Stack) -> None:
    served(stack, sklearn(), "A")
    served(stack, ContainerImage.built_in("xgboost", version="1.7-1"), "B")
    served(stack, ContainerImage.built_in("kmeans"), "C")
    template = synthesized(stack)
    assert len(template["Mappings"]) == 2
    images = [
        flat(each["Properties"]["PrimaryContainer"]["Image"])
        for each in resources(template, "AWS::SageMaker::Model").values()
    ]
    assert len({image.split("[")[0] for image in images}) == 2


def test_the_script_is_named_to_a_framework_and_not_to_an_algorithm(stack: cdk.Stack) -> None:
    served(stack, ContainerImage.framework("sklearn", version="1.2-1", entry_point="serve.py"), "Script")
    served(stack, ContainerImage.built_in("kmeans"), "Algorithm")
    models = resources(synthesized(stack), "AWS::SageMaker::Model")
    environments = [each["Properties"]["PrimaryContainer"].get("Environment") for each in models.values()]
    assert environments == [
        {"SAGEMAKER_PROGRAM": "serve.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"},
        None,
    ]


def test_a_uri_of_another_account_may_be_pulled_from_there_alone(stack: cdk.Stack) -> None:
    served(stack, ContainerImage.from_uri("999988887777.dkr.ecr.eu-west-1.amazonaws.com/team/fraud:1"))
    assert image_of(stack) == "999988887777.dkr.ecr.eu-west-1.amazonaws.com/team/fraud:1"
    assert pulled(stack) == ["arn:<AWS::Partition>:ecr:eu-west-1:999988887777:repository/team/fraud"]
    (token,) = allowing(synthesized(stack), "ecr:GetAuthorizationToken")
    assert token["Resource"] == "*"


def test_a_uri_with_a_digest_is_taken_as_it_is(stack: cdk.Stack) -> None:
    uri = f"{IMAGE_URI.removesuffix(':1')}@{DIGEST}"
    served(stack, ContainerImage.from_uri(uri))
    assert image_of(stack) == uri
    assert pulled(stack) == [f"arn:<AWS::Partition>:ecr:eu-west-1:{ACCOUNT}:repository/fraud"]


def test_a_uri_known_at_deployment_only_may_be_pulled_from_this_account(stack: cdk.Stack) -> None:
    parameter = cdk.CfnParameter(stack, "Uri")
    served(stack, ContainerImage.from_uri(parameter.value_as_string))
    assert image_of(stack) == "<Uri>"
    assert pulled(stack) == ["arn:<AWS::Partition>:ecr:<AWS::Region>:<AWS::AccountId>:repository/*"]


def test_a_uri_in_the_stacks_own_region_is_welcome(stack_in: InRegion) -> None:
    stack = stack_in("eu-west-1")
    served(stack, ContainerImage.from_uri(IMAGE_URI))
    assert image_of(stack) == IMAGE_URI


def test_a_repository_of_this_stack_is_pulled_by_its_arn(stack: cdk.Stack) -> None:
    repository = ecr.Repository(stack, "Repository")
    served(stack, ContainerImage.from_repository(repository, tag_or_digest="3"))
    assert image_of(stack).endswith("<AWS::URLSuffix>/<Repository22E53BBD>:3")
    assert pulled(stack) == ["<Repository22E53BBD.Arn>"]


def test_a_digest_is_joined_with_an_at_sign(stack: cdk.Stack) -> None:
    repository = ecr.Repository.from_repository_name(stack, "Repository", "fraud")
    served(stack, ContainerImage.from_repository(repository, tag_or_digest=DIGEST))
    assert image_of(stack).endswith(f"/fraud@{DIGEST}")


def test_a_repository_of_another_account_is_pulled_from_there(stack: cdk.Stack) -> None:
    arn = "arn:aws:ecr:eu-west-1:999988887777:repository/fraud"
    repository = ecr.Repository.from_repository_attributes(
        stack, "Repository", repository_arn=arn, repository_name="fraud"
    )
    served(stack, ContainerImage.from_repository(repository, tag_or_digest="3"))
    assert pulled(stack) == [arn]
    assert image_of(stack).startswith("999988887777.dkr.ecr.eu-west-1.")


def test_an_image_asset_is_built_for_x86_whatever_builds_it(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch")
    app = fresh_app()
    stack = cdk.Stack(app, "Assets")
    served(stack, ContainerImage.from_asset(str(tmp_path)))
    assembly = app.synth()
    manifest = json.loads((Path(assembly.directory) / "Assets.assets.json").read_text(encoding="utf-8"))
    (image,) = manifest["dockerImages"].values()
    assert image["source"]["platform"] == "linux/amd64"
    (pull,) = allowing(synthesized(stack), "ecr:BatchGetImage")
    repository = pull["Resource"]["Fn::Join"][1][-1]["Fn::Sub"]
    assert repository == "cdk-hnb659fds-container-assets-${AWS::AccountId}-${AWS::Region}"


def test_another_dockerfile_may_be_named(stack: cdk.Stack, tmp_path: Path) -> None:
    (tmp_path / "serving.Dockerfile").write_text("FROM scratch")
    assert served(stack, ContainerImage.from_asset(str(tmp_path), file="serving.Dockerfile")).cfn_model


@pytest.mark.parametrize(
    "advised",
    [
        Advised(
            "SM-IMAGE-101",
            lambda stack: served(
                stack,
                ContainerImage.from_repository(ecr.Repository.from_repository_name(stack, "R", "fraud")),
            ),
            "the tag 'latest' moves",
        ),
        Advised(
            "SM-IMAGE-101",
            lambda stack: served(stack, ContainerImage.from_uri(IMAGE_URI.replace(":1", ":latest"))),
            "names no fixed image",
        ),
        Advised(
            "SM-IMAGE-101",
            lambda stack: served(stack, ContainerImage.from_uri(IMAGE_URI.removesuffix(":1"))),
            "names no fixed image",
        ),
    ],
    ids=["repository", "latest", "no tag"],
)
def test_a_moving_image_is_advised_against(advised: Advised) -> None:
    advised.check()


@pytest.mark.parametrize("pin", [":1", f"@{DIGEST}"])
def test_a_pinned_image_is_not(pin: str) -> None:
    uri = IMAGE_URI.removesuffix(":1") + pin
    assert warnings(lambda stack: served(stack, ContainerImage.from_uri(uri))) == []

"""IAM enforcement: what creating components and deployments asks of a role."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tools.embedded_aws import ACCOUNT, REGION, LocalAws, local_aws

from .fleets import Fleet, arn
from .hosting import BUCKET, error_of
from .test_iam import allow, as_role


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with local_aws(tmp_path_factory.mktemp("iam"), "--enforce-iam") as aws:
        aws.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        yield aws


@pytest.fixture
def fleet(strict: LocalAws) -> Fleet:
    return Fleet(strict)


def greengrass(fleet: Fleet, *grants: dict[str, Any]) -> Any:
    """Greengrass as a new role that has these grants."""
    return fleet.aws.client("greengrassv2", as_role(fleet.aws, f"Role-{fleet.number}-{len(grants)}", *grants))


def gg(resource: str) -> str:
    return f"arn:aws:greengrass:{REGION}:{ACCOUNT}:{resource}"


def test_a_component_needs_the_action_and_its_artefacts(fleet: Fleet) -> None:
    uri = fleet.upload(b"x")
    text = json.dumps(fleet.recipe("Model", artifacts=[{"URI": uri}])).encode()
    create = allow("greengrass:CreateComponentVersion", "*")
    nobody = greengrass(fleet)
    assert error_of(lambda: nobody.create_component_version(inlineRecipe=text))[0] == "AccessDeniedException"
    blind = greengrass(fleet, create)
    assert "cannot be accessed" in error_of(lambda: blind.create_component_version(inlineRecipe=text))[1]
    read = allow("s3:GetObject", f"arn:aws:s3:::{uri.removeprefix('s3://')}")
    assert greengrass(fleet, create, read).create_component_version(inlineRecipe=text)["arn"]


def test_a_component_is_described_by_those_who_may(fleet: Fleet) -> None:
    mine, other = fleet.publish("Mine"), fleet.publish("Other")
    reader = greengrass(fleet, allow("greengrass:DescribeComponent", mine))
    assert reader.describe_component(arn=mine)["componentName"] == fleet.name("Mine")
    assert error_of(lambda: reader.describe_component(arn=other))[0] == "AccessDeniedException"


def test_a_deployment_needs_the_rights_on_the_job_behind_it(fleet: Fleet) -> None:
    fleet.publish("Model")
    group, other = fleet.group(fleet.thing()), fleet.group(stem="other")
    components = {fleet.name("Model"): {"componentVersion": "1.0.0"}}
    create = allow("greengrass:CreateDeployment", "*")
    job = allow("iot:CreateJob", arn("job/*"))
    on_group = allow("iot:CreateJob", group)

    def refusal(client: Any, target: str = group) -> str:
        return error_of(lambda: client.create_deployment(targetArn=target, components=components))[1]

    assert "iot:CreateJob on resource: " + arn("job/") in refusal(greengrass(fleet, create))
    assert f"iot:CreateJob on resource: {group}" in refusal(greengrass(fleet, create, job))
    deployer = greengrass(fleet, create, job, on_group)
    assert f"iot:CreateJob on resource: {other}" in refusal(deployer, other)
    assert deployer.create_deployment(targetArn=group, components=components)["iotJobId"]
    # The next one replaces it, and so needs to end the job of the first.
    assert "iot:DescribeThingGroup" in refusal(deployer)
    whole = greengrass(
        fleet,
        create,
        job,
        on_group,
        allow("iot:DescribeThingGroup", group),
        {
            "Effect": "Allow",
            "Action": ["iot:DescribeJob", "iot:CancelJob", "iot:UpdateJob"],
            "Resource": arn("job/*"),
        },
    )
    assert whole.create_deployment(targetArn=group, components=components)["iotJobId"]


def test_reading_a_deployment_needs_its_job_and_its_target(fleet: Fleet) -> None:
    fleet.publish("Model")
    group = fleet.group(fleet.thing())
    made = fleet.deploy(group, {"Model": "1.0.0"})["deploymentId"]
    own = allow("greengrass:GetDeployment", gg(f"deployments:{made}"))
    assert (
        "iot:DescribeThingGroup"
        in error_of(lambda: greengrass(fleet, own).get_deployment(deploymentId=made))[1]
    )
    reader = greengrass(
        fleet, own, allow("iot:DescribeThingGroup", group), allow("iot:DescribeJob", arn("job/*"))
    )
    assert reader.get_deployment(deploymentId=made)["deploymentId"] == made

"""A folder of manifests, deployed as it is with the real CDK CLI, is in service; an edited one changes what is."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.breast_cancer.train import split as cancer
from tests.deploy.conftest import Account
from tools.cdk_cli import Cdk

pytestmark = pytest.mark.deploy

ENDPOINT = "dev-breast-cancer"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of manifests and models, as a team has one."""
    shutil.copytree("deployments", tmp_path / "deployments")
    shutil.copytree("examples", tmp_path / "examples")
    for each in (tmp_path / "deployments" / "dev").glob("*.yaml"):
        if each.stem not in ("_environment", "breast-cancer"):
            each.unlink()
    return tmp_path


@pytest.fixture
def cdk(account: Account, repository: Path, tmp_path: Path) -> Iterator[Cdk]:
    environment = {**account.aws.environment(), "PYTHONPATH": "."}
    cli = Cdk(environment=environment, folder=account.folder, app=f"{sys.executable} app.py")
    yield cli
    cli.run("destroy", "--all", "--force", context=context(repository))


def context(repository: Path) -> dict[str, str]:
    return {"environment": "dev", "deployments": str(repository / "deployments")}


def test_a_manifest_is_deployed_and_a_change_of_it_too(account: Account, repository: Path, cdk: Cdk) -> None:
    cdk.run("deploy", "--all", "--require-approval", "never", context=context(repository))

    sagemaker = account.aws.client("sagemaker")
    _, test_x, _, test_y = cancer()
    rows = "\n".join(",".join(str(value) for value in row) for row in test_x[:50])
    answer = account.aws.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=ENDPOINT, ContentType="text/csv", Body=rows
    )
    told = json.loads(answer["Body"].read())["labels"]
    right = [("malignant", "benign")[y] == label for y, label in zip(test_y[:50], told, strict=True)]
    assert sum(right) >= 45
    before = sagemaker.describe_endpoint(EndpointName=ENDPOINT)
    tags = sagemaker.list_tags(ResourceArn=before["EndpointArn"])["Tags"]
    assert {"Key": "owner", "Value": "team-diagnostics"} in tags

    manifest = repository / "deployments" / "dev" / "breast-cancer.yaml"
    manifest.write_text(manifest.read_text() + "  instanceType: ml.c5.large\n")
    cdk.run("deploy", "--all", "--require-approval", "never", context=context(repository))

    after = sagemaker.describe_endpoint(EndpointName=ENDPOINT)
    configuration = sagemaker.describe_endpoint_config(EndpointConfigName=after["EndpointConfigName"])
    assert configuration["ProductionVariants"][0]["InstanceType"] == "ml.c5.large"
    assert after["EndpointConfigName"] != before["EndpointConfigName"]

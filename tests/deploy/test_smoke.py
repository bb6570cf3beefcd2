"""Smoke tests at work: a right model passes, a wrong one fails the deployment and the one before serves on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.breast_cancer.train import split
from tests.deploy.conftest import Account
from tools.cdk_cli import Cdk, CdkError

pytestmark = pytest.mark.deploy
MODEL = Path("examples/breast_cancer/model/model.json")
ROW = ",".join(map(str, split()[1][0]))
RIGHT = ("malignant", "benign")[int(split()[3][0])]


def model(folder: Path, version: str, *, mirrored: bool = False) -> str:
    """A version of the model; a mirrored one takes each label for the other."""
    place = folder / version
    place.mkdir(exist_ok=True)
    parameters = json.loads(MODEL.read_text(encoding="utf-8"))
    if mirrored:
        parameters["coefficients"] = [-each for each in parameters["coefficients"]]
        parameters["intercept"] *= -1
    (place / "model.json").write_text(json.dumps({**parameters, "version": version}), encoding="utf-8")
    return str(place)


@pytest.fixture
def cdk(strict_account: Account) -> Iterator[Cdk]:
    """The CLI, on an account whose policies are enforced."""
    cli = strict_account.cdk("smoked")
    cli.run("bootstrap", context={"model": model(strict_account.folder, "one")})
    yield cli
    cli.run("destroy", "Smoked", "--force", context={"model": model(strict_account.folder, "one")})


def ask(account: Account) -> dict[str, Any]:
    answer = account.aws.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="smoked-realtime", ContentType="text/csv", Body=ROW
    )
    return dict(json.loads(answer["Body"].read()))


def stack_status(account: Account) -> str:
    (stack,) = account.aws.client("cloudformation").describe_stacks(StackName="Smoked")["Stacks"]
    return str(stack["StackStatus"])


def test_a_wrong_model_fails_the_deployment_and_the_one_before_serves_on(
    strict_account: Account, cdk: Cdk
) -> None:
    folder = strict_account.folder
    cdk.deploy("Smoked", context={"model": model(folder, "one"), "expect": RIGHT})
    assert ask(strict_account)["version"] == "one"

    wrong = model(folder, "two", mirrored=True)
    with pytest.raises(CdkError, match="failed its smoke test") as failed:
        cdk.deploy("Smoked", context={"model": wrong, "expect": RIGHT})
    assert f'where "{RIGHT}" was expected' in failed.value.output, "what it answered, and what it should"
    assert stack_status(strict_account) == "UPDATE_ROLLBACK_COMPLETE"
    assert ask(strict_account)["version"] == "one"

    cdk.deploy("Smoked", context={"model": model(folder, "three"), "expect": RIGHT})
    assert ask(strict_account)["version"] == "three"

    with pytest.raises(CdkError, match="failed its smoke test"):
        cdk.deploy("Smoked", context={"model": model(folder, "three"), "expect": "neither"})
    assert stack_status(strict_account) == "UPDATE_ROLLBACK_COMPLETE", "the expectation alone has changed"


@pytest.mark.parametrize("kind", ["serverless", "async"])
def test_other_kinds_are_asked_in_their_own_ways(strict_account: Account, cdk: Cdk, kind: str) -> None:
    same = {"model": model(strict_account.folder, "one"), "kind": kind}
    cdk.deploy("Smoked", context={**same, "expect": RIGHT})
    with pytest.raises(CdkError, match="failed its smoke test"):
        cdk.deploy("Smoked", context={**same, "expect": "neither"})

"""From a merge to a changed endpoint that answers: the workflow as it stands in the repository, run by a hook."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from examples.breast_cancer.train import split
from tests.deploy.conftest import Account
from tests.support.merging import Run, Team

pytestmark = pytest.mark.deploy

ROW = ",".join(map(str, split()[1][0]))
RIGHT = ("malignant", "benign")[int(split()[3][0])]
DEV, STAGING, PROD = (f"{environment}-cancer" for environment in ("dev", "staging", "prod"))

BASE = f"""\
apiVersion: constructs-lib.dev/v1
kind: RealtimeEndpoint
metadata:
  name: cancer
  owner: team-diagnostics
spec:
  model:
    image:
      framework: {{name: sklearn, version: "1.2-1"}}
    data:
      asset: examples/breast_cancer/model
      code: examples/breast_cancer/code
  instanceType: ml.m5.large
  instanceCount: 1
  smokeTest:
    request:
      contentType: text/csv
      body: "{ROW}"
    expect:
      jsonPath: $.labels[0]
      equals: {RIGHT}
"""
MANIFEST = """\
metadata:
  name: cancer
spec:
  instanceCount: 1
"""


def environment(name: str) -> str:
    return f"apiVersion: constructs-lib.dev/v1\nkind: Environment\nmetadata:\n  name: {name}\nspec: {{}}\n"


@pytest.fixture(scope="module")
def team(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Team:
    """A team whose repository says that one model is in service in three environments; not pushed yet."""
    team = Team(tmp_path_factory.mktemp("team"), account.aws.environment())
    team.begin()
    folder = team.clone / "deployments"
    (folder / "_base").mkdir(parents=True)
    (folder / "_base" / "cancer.yaml").write_text(BASE)
    for name in ("dev", "staging", "prod"):
        (folder / name).mkdir()
        (folder / name / "_environment.yaml").write_text(environment(name))
        (folder / name / "cancer.yaml").write_text(MANIFEST)
    return team


def edit_model(team: Team, version: str, *, mirrored: bool = False) -> None:
    """Another model; a mirrored one takes each label for the other."""
    place = team.clone / "examples" / "breast_cancer" / "model" / "model.json"
    parameters = json.loads(Path("examples/breast_cancer/model/model.json").read_text(encoding="utf-8"))
    if mirrored:
        parameters["coefficients"] = [-each for each in parameters["coefficients"]]
        parameters["intercept"] *= -1
    place.write_text(json.dumps({**parameters, "version": version}), encoding="utf-8")


def version(account: Account, endpoint: str) -> str:
    """Of the model that answers."""
    answer = account.aws.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint, ContentType="text/csv", Body=ROW
    )
    return str(json.loads(answer["Body"].read())["version"])


def endpoints(account: Account) -> set[str]:
    found = account.aws.client("sagemaker").list_endpoints(NameContains="-cancer")["Endpoints"]
    return {each["EndpointName"] for each in found}


def results(run: Run | None, **expected: str) -> None:
    assert run is not None, "the push began no workflow"
    assert run.results == expected, "\n".join(f"--- {job}\n{log[-3000:]}" for job, log in run.logs.items())


def test_a_merge_is_deployed_everywhere_and_prod_waits_for_an_approval(account: Account, team: Team) -> None:
    edit_model(team, "one")
    team.git("checkout", "--quiet", "-b", "change")
    assert team.push("The first model", branch="change") is None, "a branch deploys nothing"
    assert endpoints(account) == set()

    team.git("branch", "--force", "main", "change")
    team.git("checkout", "--quiet", "main")
    first = team.push_head()
    results(first, synth="success", dev="success", staging="success", prod="waiting")
    assert version(account, DEV) == version(account, STAGING) == "one"
    assert endpoints(account) == {DEV, STAGING}

    second = team.approve(first.commit, "prod")
    results(second, synth="success", dev="success", staging="success", prod="success")
    assert version(account, PROD) == "one"


def test_a_bad_manifest_is_refused_at_its_line_and_nothing_is_deployed(account: Account, team: Team) -> None:
    before = described(account)
    manifest = team.clone / "deployments" / "dev" / "cancer.yaml"
    manifest.write_text(MANIFEST + "  instanceTyp: ml.m5.large\n")
    edit_model(team, "never")
    run = team.push("A slip of the pen")
    results(run, synth="failure", dev="skipped", staging="skipped", prod="skipped")
    assert run is not None
    (told,) = (line for line in run.logs["synth"].splitlines() if line.startswith("::error"))
    assert "file=deployments/dev/cancer.yaml,line=5" in told
    assert "instanceTyp" in told
    assert "pipeline synth" not in run.logs["synth"], "nothing was synthesized"
    assert described(account) == before
    manifest.write_text(MANIFEST)


def described(account: Account) -> list[Any]:
    """The configurations that endpoints are on."""
    client = account.aws.client("sagemaker")
    return [
        client.describe_endpoint(EndpointName=each)["EndpointConfigName"]
        for each in sorted(endpoints(account))
    ]


def test_a_model_that_answers_wrongly_goes_back_and_gets_no_further(account: Account, team: Team) -> None:
    edit_model(team, "two", mirrored=True)
    run = team.push("A model that is worse than it looks")
    results(run, synth="success", dev="failure", staging="skipped", prod="skipped")
    assert run is not None
    assert "failed its smoke test" in run.logs["dev"]
    assert {version(account, each) for each in (DEV, STAGING, PROD)} == {"one"}


def test_the_next_good_model_is_deployed_again(account: Account, team: Team) -> None:
    edit_model(team, "three")
    run = team.push("A better model")
    results(run, synth="success", dev="success", staging="success", prod="waiting")
    assert version(account, DEV) == version(account, STAGING) == "three"
    assert version(account, PROD) == "one", "nobody has approved"

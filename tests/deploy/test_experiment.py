"""The experiment stack as app.py has it, deployed with the real CDK CLI: its functions run, the better model wins."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from constructs_lib.experiments.runtime.fold import Counting
from constructs_lib.experiments.runtime.ledger import Ledger
from tests.deploy.conftest import Account
from tools.cdk_cli import Cdk
from tools.embedded_aws import LocalAws, until
from tools.visitors import Visitors, described, look, weights

pytestmark = pytest.mark.deploy

# Seconds in place of a day, an hour and two weeks.
CONTEXT = {"window": "2", "period": "1", "least": "15"}


class Deployed:
    """The experiment, its visitors, and what can be seen of it."""

    def __init__(self, aws: LocalAws, cdk: Cdk) -> None:
        self.aws = aws
        self._cdk = cdk
        self.deploy()
        self.visitors = Visitors(aws, self.outputs)
        self.endpoint = described(aws, self.outputs).endpoint

    def deploy(self, **context: str) -> None:
        self._cdk.deploy("Experiment", context={**CONTEXT, **context})
        self.outputs = self.aws.outputs("Experiment")

    def look(self, **event: Any) -> str:
        return look(self.aws, self.outputs, **event)

    def weights(self) -> dict[str, float]:
        return weights(self.aws, self.endpoint)

    def counted(self) -> dict[str, tuple[int, int]]:
        """Exposures and rewards by variant, from the table."""
        experiment = described(self.aws, self.outputs)
        ledger = Ledger(self.aws.client("dynamodb"), self.outputs["TableName"], Counting(experiment))
        found: dict[str, tuple[int, int]] = dict.fromkeys(experiment.names, (0, 0))
        for bucket in ledger.buckets():
            exposures, rewards = found[bucket.arm]
            totals = bucket.totals
            found[bucket.arm] = (exposures + int(totals.exposures), rewards + int(totals.total))
        return found

    def sent(self) -> dict[str, tuple[int, int]]:
        """Exposures and rewards by variant, as the visitors know them."""
        return {arm: (self.visitors.served[arm], self.visitors.rewarded[arm]) for arm in ("few", "many")}


@pytest.fixture(scope="module")
def experiment(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("experiment")
    environment = {**account.aws.environment(), "PYTHONPATH": "."}
    cdk = Cdk(environment=environment, folder=folder, app=f"{sys.executable} app.py")
    yield Deployed(account.aws, cdk)
    cdk.run("destroy", "Experiment", "--force")


def test_the_better_model_wins_and_a_redeploy_in_the_middle_loses_nothing(experiment: Deployed) -> None:
    assert experiment.weights() == {"few": 0.5, "many": 0.5}
    experiment.visitors.come(120)
    assert "no change" in experiment.look()

    # A redeploy in the middle: another threshold of the experiment, the same arms.
    experiment.deploy(least="16")
    assert experiment.weights() == {"few": 0.5, "many": 0.5}
    until(lambda: experiment.counted() == experiment.sent(), seconds=30, what="every event is counted once")

    def won() -> bool:
        experiment.visitors.come(60)
        experiment.look()
        return experiment.weights() == {"few": 0, "many": 1}

    until(won, seconds=90, what="all traffic goes to the better model")
    until(lambda: experiment.counted() == experiment.sent(), seconds=30, what="every event is counted once")
    assert "stopped" in experiment.look()


def test_a_guardrail_outranks_the_winner(experiment: Deployed) -> None:
    """It follows the test above: the alarm's change of state alone has the controller look."""
    runtime = experiment.aws.client("sagemaker-runtime")
    assert experiment.weights() == {"few": 0, "many": 1}

    def tripped() -> bool:
        with contextlib.suppress(runtime.exceptions.ModelError):
            runtime.invoke_endpoint(
                EndpointName=experiment.endpoint,
                ContentType="text/csv",
                Body="no number",
                TargetVariant="many",
            )
        return experiment.weights() == {"few": 1, "many": 0}

    until(tripped, seconds=60, what="the failing variant loses its traffic")
    assert "many" in experiment.look()


def test_the_report_tells_all_of_it(experiment: Deployed, tmp_path: Path) -> None:
    """It follows the tests above, and is read with nothing but the name of the experiment."""
    name = experiment.outputs["ExperimentName"]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "constructs_lib.experiments",
            "report",
            name,
            "-o",
            str(tmp_path / "page.html"),
        ],
        env=experiment.aws.environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    page = (tmp_path / "page.html").read_text()
    assert f"Experiment {name}" in page
    assert "A guardrail has taken many out" in page
    assert "keep few" in page or "keep many" in page

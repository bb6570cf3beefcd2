"""The main job, from end to end, on an embedded AWS: what `make demo` runs.

Trains three models, bootstraps, deploys the first with the real CDK CLI, calls it with boto3, deploys a
better one over it while requests keep coming, then one that cannot load, which must be rolled back. Then a
bandit finds out which of two models is better. The exit status says whether all of that happened.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from examples.breast_cancer.train import split, train
from tools import demo_experiment
from tools.cdk_cli import Cdk, CdkError
from tools.embedded_aws import ACCOUNT, REGION, LocalAws, local_aws

STACK = "Realtime"
ENDPOINTS_PATH = "/sagemaker/endpoints"

# AWS's minutes of baking last seconds here.
PACE = {"CONSTRUCTS_LOCAL_UPDATE_DELAY": "0.5"}


class DemoFailedError(Exception):
    """Something that must happen did not."""


def must(condition: bool, what: str) -> None:
    """Stop the demo where `condition` does not hold."""
    if not condition:
        raise DemoFailedError(what)


@dataclass
class Traffic:
    """Requests that keep coming while something else happens, and what became of them."""

    ask: Callable[[], str]
    versions: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Not yet running."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Traffic:
        """Start."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, the last request finished."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(0.05):
            try:
                self.versions.append(self.ask())
            except Exception as error:  # whatever a client would see
                self.failures.append(str(error))


class Demo:
    """One run, step by step."""

    def __init__(self, aws: LocalAws, folder: Path) -> None:
        self._aws = aws
        self._folder = folder
        self._cdk = Cdk(environment=aws.environment(), folder=folder)
        self._started = time.monotonic()
        self._rows: list[tuple[str, str, str, str]] = []
        _, self._test_x, _, self._test_y = split()

    def run(self) -> None:
        """All steps; raises where one fails."""
        self._say("training three models: a plain one, a better one, and one that cannot load")
        models = self._models()
        self._say("cdk bootstrap")
        self._cdk.bootstrap(ACCOUNT, REGION)
        self._first(models["1"])
        self._better(models["2"])
        self._broken(models["3"])
        self._say("cdk destroy")
        self._cdk.run("destroy", STACK, "--force")
        must(not self._endpoint_names(), "the endpoint was to be gone")
        report = demo_experiment.run(self._aws, self._cdk, self._say)
        self._table()
        print(f"\n  The better of two models has won its experiment; how, with plots: {report}")

    def _first(self, model: Path) -> None:
        self._deploy(model, "version 1: 2 measurements")
        self._row("1", "deployed", "1")

    def _better(self, model: Path) -> None:
        with Traffic(self._version) as traffic:
            self._deploy(model, "version 2: 30 measurements, while requests keep coming")
        must(not traffic.failures, f"requests failed while version 2 came: {traffic.failures[:3]}")
        must({"1", "2"} >= set(traffic.versions), f"unknown versions answered: {set(traffic.versions)}")
        self._say(f"{len(traffic.versions)} requests during the update, none failed")
        self._row("2", "deployed over it", "2")

    def _broken(self, model: Path) -> None:
        self._say("deploying version 3: it cannot load, so this deployment must fail")
        with Traffic(self._version) as traffic:
            try:
                self._cdk.deploy(STACK, context={"model": str(model)})
            except CdkError as refused:
                must("ROLLBACK" in refused.output, f"no rollback:\n{refused.output}")
            else:
                raise DemoFailedError("the deployment of a model that cannot load turned green")
        must(not traffic.failures, f"requests failed during the rollback: {traffic.failures[:3]}")
        must(set(traffic.versions) == {"2"}, f"version 2 was to answer all the time: {set(traffic.versions)}")
        self._say(f"rolled back; {len(traffic.versions)} requests meanwhile, all answered by version 2")
        self._row("3", "failed, rolled back", "2")

    def _models(self) -> dict[str, Path]:
        models = {}
        for version, features in {"1": 2, "2": 30, "3": 30}.items():
            models[version] = self._folder / f"model-{version}"
            models[version].mkdir()
            parameters = train(features, version)
            if version == "3":
                del parameters["coefficients"]
            (models[version] / "model.json").write_text(json.dumps(parameters), encoding="utf-8")
        return models

    def _deploy(self, model: Path, what: str) -> None:
        self._say(f"cdk deploy {STACK}: {what}")
        started = time.monotonic()
        self._cdk.deploy(STACK, context={"model": str(model)})
        self._say(f"deployed in {time.monotonic() - started:.0f} s")

    def _row(self, version: str, outcome: str, answered: str) -> None:
        """Ask for the whole test set, check who answers, and note how well."""
        answer = self._ask(self._test_x)
        must(answer["version"] == answered, f"version {answer['version']} answered instead of {answered}")
        hits = [
            label == ("malignant", "benign")[truth]
            for label, truth in zip(answer["labels"], self._test_y, strict=True)
        ]
        accuracy = sum(hits) / len(hits)
        self._rows.append((version, outcome, answered, f"{accuracy:.3f} of {len(hits)}"))
        self._say(f"version {answered} answers; accuracy on held-out data {accuracy:.3f}")

    def _version(self) -> str:
        return str(self._ask(self._test_x[:1])["version"])

    def _ask(self, rows: Sequence[Sequence[float]]) -> dict[str, Any]:
        """Call the endpoint as an application would: name from SSM, rows as CSV."""
        body = "\n".join(",".join(f"{value:g}" for value in row) for row in rows)
        response = self._aws.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=self._endpoint_names()[0], ContentType="text/csv", Body=body
        )
        return dict(json.loads(response["Body"].read()))

    def _endpoint_names(self) -> list[str]:
        found = self._aws.client("ssm").get_parameters_by_path(Path=ENDPOINTS_PATH)["Parameters"]
        return [parameter["Value"] for parameter in found]

    def _say(self, what: str) -> None:
        print(f"[{time.monotonic() - self._started:5.1f} s] {what}", flush=True)

    def _table(self) -> None:
        head = ("version", "deployment", "answering", "accuracy")
        widths = [max(len(row[column]) for row in (head, *self._rows)) for column in range(len(head))]
        print("\nDeployed to a local emulator, with the real CDK CLI and boto3:\n")
        for row in (head, tuple("-" * width for width in widths), *self._rows):
            print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))


def main() -> int:
    """Run the demo; 0 when everything happened that must."""
    folder = Path(tempfile.mkdtemp(prefix="constructs-lib-demo-"))
    try:
        with ExitStack() as running:
            aws = running.enter_context(local_aws(folder, settings=PACE))
            print(f"embedded AWS at {aws.url}; logs in {folder}", flush=True)
            Demo(aws, folder).run()
    except (DemoFailedError, CdkError, demo_experiment.ExperimentNotDecidedError) as failure:
        print(f"\nFAILED: {failure}\nlogs: {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())

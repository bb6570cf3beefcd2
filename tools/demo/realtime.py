"""First act: a model goes into service, a better one takes its place, and one that cannot load is rolled back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from examples.breast_cancer.train import train
from tools.cdk_cli import CdkError
from tools.demo.patients import RECORDS, TRUTH, accuracy, answer_of, csv_of
from tools.demo.stage import DemoFailedError, Stage, must
from tools.demo.traffic import Traffic

STACK = "Realtime"
_ENDPOINTS = "/sagemaker/endpoints"


def run(stage: Stage) -> Path:
    """All of it; the folder of the model that serves in the end."""
    act = _Realtime(stage)
    stage.say("training three models: a plain one, a better one, and one that cannot load")
    models = _models(stage.folder)
    act.first(models["1"])
    act.better(models["2"])
    act.broken(models["3"])
    return models["2"]


def _models(folder: Path) -> dict[str, Path]:
    models = {}
    for version, features in {"1": 2, "2": 30, "3": 30}.items():
        models[version] = folder / f"model-{version}"
        models[version].mkdir()
        parameters = train(features, version)
        if version == "3":
            del parameters["coefficients"]
        (models[version] / "model.json").write_text(json.dumps(parameters), encoding="utf-8")
    return models


class _Realtime:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def first(self, model: Path) -> None:
        self._stage.deploy("version 1: 2 measurements", STACK, context={"model": str(model)})
        self._ask_all("1")

    def better(self, model: Path) -> None:
        with Traffic(self._version) as traffic:
            self._stage.deploy(
                "version 2: 30 measurements, while requests keep coming",
                STACK,
                context={"model": str(model)},
            )
        must(not traffic.failures, f"requests failed while version 2 came: {traffic.failures[:3]}")
        must({"1", "2"} >= set(traffic.versions), f"unknown versions answered: {set(traffic.versions)}")
        self._stage.say(f"{len(traffic.versions)} requests during the update, none failed")
        self._ask_all("2")
        self._shifted(
            "version 1", "version 2", f"a deployment; {len(traffic.versions)} requests, none failed"
        )

    def broken(self, model: Path) -> None:
        self._stage.say("deploying version 3: it cannot load, so this deployment must fail")
        with Traffic(self._version) as traffic:
            try:
                self._stage.cdk.deploy(STACK, context={"model": str(model)})
            except CdkError as refused:
                must("ROLLBACK" in refused.output, f"no rollback:\n{refused.output}")
            else:
                raise DemoFailedError("the deployment of a model that cannot load turned green")
        must(not traffic.failures, f"requests failed during the rollback: {traffic.failures[:3]}")
        must(set(traffic.versions) == {"2"}, f"version 2 was to answer all the time: {set(traffic.versions)}")
        told = f"{len(traffic.versions)} requests meanwhile, all answered by version 2"
        self._stage.say(f"rolled back; {told}")
        self._shifted("version 3", "version 2", f"it cannot load, rolled back; {told}")

    def _shifted(self, before: str, after: str, why: str) -> None:
        self._stage.seen.shifted.append(("RealtimeEndpoint", "all traffic", before, after, why))

    def _ask_all(self, version: str) -> None:
        """Ask for the whole test set, check who answers, and note how well."""
        answer = self._ask(csv_of(RECORDS))
        must(answer["version"] == version, f"version {answer['version']} answered instead of {version}")
        how = accuracy(answer["labels"], TRUTH)
        self._stage.say(f"version {version} answers: {how}")
        self._stage.seen.answered.append(("RealtimeEndpoint", f"version {version}", "1 request", how))

    def _version(self) -> str:
        return str(self._ask(csv_of(RECORDS[:1]))["version"])

    def _ask(self, body: bytes) -> dict[str, Any]:
        """Call the endpoint as an application would: its name from SSM."""
        parameters = self._stage.aws.client("ssm").get_parameters_by_path(Path=_ENDPOINTS)["Parameters"]
        (name,) = [each["Value"] for each in parameters if each["Value"].startswith("realtime")]
        response = self._stage.aws.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=name, ContentType="text/csv", Body=body
        )
        return answer_of(response["Body"].read())

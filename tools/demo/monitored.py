"""A model that says when it stops being right: three measurements drift, and are named."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from sklearn.datasets import load_breast_cancer

from tools.demo.functions import call
from tools.demo.patients import RECORDS, csv_of
from tools.demo.stage import Stage, must, until
from tools.embedded_aws import ROOT

STACK = "Monitored"
_ENDPOINT = "monitored-endpoint"
_NAMES = [str(name) for name in load_breast_cancer().feature_names]
_DRIFT = {"mean radius": 1.5, "worst texture": 1.6, "area error": 3.0}


def run(stage: Stage) -> None:
    """Ask as ever, then with drift; how the window stands after each."""
    outputs = stage.aws.outputs(STACK)
    began = _early_in_an_hour()
    for number, (what, factors) in enumerate({"as ever": {}, "with drift": _DRIFT}.items()):
        _ask(stage, what.replace(" ", "-"), factors)
        wanted = (number + 1) * len(RECORDS)

        def looked(wanted: int = wanted) -> dict[str, object] | None:
            result = call(stage, outputs["DataQualityFunction"], {"at": began.isoformat()})
            return result if result["records"] == wanted else None

        result = until(looked, seconds=60, what="all captured records")
        named = [name for name, told in result["features"].items() if told["drifted"]]  # type: ignore[attr-defined]
        must(bool(named) == bool(factors), f"{what}: {named} drifted")
        must(set(factors) <= set(named), f"what drifted was not named: {named}")
        stage.say(f"Monitored, {what}: {result['status']}{', ' + ', '.join(named) if named else ''}")
        stage.seen.drifted.append(
            (
                "DataQuality",
                f"{wanted} requests, {what}",
                str(result["status"]),
                ", ".join(named) or "nothing",
            )
        )
    _report(stage, str(result["baseline"]))


def _ask(stage: Stage, batch: str, factors: Mapping[str, float]) -> None:
    runtime = stage.aws.client("sagemaker-runtime")
    for number, record in enumerate(RECORDS):
        drifted = [value * factors.get(name, 1) for name, value in zip(_NAMES, record, strict=True)]
        runtime.invoke_endpoint(
            EndpointName=_ENDPOINT,
            ContentType="text/csv",
            Body=csv_of([drifted]),
            InferenceId=f"{batch}-{number}",
        )


def _early_in_an_hour() -> datetime:
    """What a monitor looks at is an hour: where this one is about to end, the next."""
    while (now := datetime.now(UTC)).minute >= 58:
        time.sleep(1)
    return now


def _report(stage: Stage, baseline: str) -> None:
    """As a person would make it, of the hour so far."""
    window = baseline.rpartition("/baseline")[0] + "/so-far"
    target = stage.pages / "drift.html"
    command = [sys.executable, "-m", "constructs_lib.monitoring", "report", window, "-o", str(target)]
    subprocess.run(  # noqa: S603 - our own command
        command, cwd=ROOT, env=stage.aws.environment(), check=True, stdout=subprocess.DEVNULL
    )
    stage.seen.reports[target.name] = "Which measurements drifted, and how far"

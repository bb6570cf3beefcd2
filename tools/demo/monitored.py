"""A model that says when it stops being right: three measurements drift, and are named."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime

from sklearn.datasets import load_breast_cancer

from tools.demo.patients import RECORDS, csv_of
from tools.demo.stage import Stage, must
from tools.embedded_aws import until

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
            result = stage.aws.call(outputs["DataQualityFunction"], {"at": began.isoformat()})
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
    # Of the hour so far.
    window = str(result["baseline"]).rpartition("/baseline")[0] + "/so-far"
    stage.report("monitoring", window, "drift.html", "Which measurements drifted, and how far")


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

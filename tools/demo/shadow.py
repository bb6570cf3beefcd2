"""A challenger in the shadow of production: it gets every request, and answers nobody."""

from __future__ import annotations

from datetime import UTC, datetime

from tools.demo.patients import RECORDS, csv_of
from tools.demo.stage import Stage, must
from tools.embedded_aws import until

STACK = "Shadow"
_ENDPOINT = "shadow-endpoint"


def run(stage: Stage) -> None:
    """Ask production, and have the answers of both compared."""
    runtime = stage.aws.client("sagemaker-runtime")
    began = datetime.now(UTC)
    for number, record in enumerate(RECORDS):
        answer = runtime.invoke_endpoint(
            EndpointName=_ENDPOINT,
            ContentType="text/csv",
            Body=csv_of([record]),
            InferenceId=f"shadow-{number}",
        )
        must(answer["InvokedProductionVariant"] == "Production", "the challenger has answered a caller")
    function = stage.aws.outputs(STACK)["Comparison"]

    def compared() -> dict[str, object] | None:
        last = stage.aws.call(function, {"at": began.isoformat()}).get("last")
        return last if last and last["pairing"]["pairs"] == len(RECORDS) else None

    last = until(compared, seconds=60, what="the comparison of all answers")
    agreement = last["comparison"]["agreement"]  # type: ignore[index]
    stage.say(f"Shadow: {len(RECORDS)} answers compared, the challenger agrees in {agreement:.1%}")
    stage.seen.answered.append(
        (
            "ShadowTest",
            "production, and its challenger unseen",
            f"{len(RECORDS)} requests",
            f"{agreement:.1%} alike",
        )
    )

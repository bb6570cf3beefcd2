"""A data set scored in bulk, into a database."""

from __future__ import annotations

from tools.demo.patients import RECORDS, TRUTH, accuracy, csv_of
from tools.demo.stage import Stage, must
from tools.embedded_aws import until

STACK = "Batch"


def run(stage: Stage) -> None:
    """Bring patients, start a run, and read what it has written."""
    outputs = stage.aws.outputs(STACK)
    bucket, _, prefix = outputs["Input"].removeprefix("s3://").partition("/")
    lines = csv_of(RECORDS).decode().splitlines()
    body = "".join(f"patient-{number},{line}\n" for number, line in enumerate(lines))
    stage.aws.client("s3").put_object(Bucket=bucket, Key=f"{prefix}demo/patients.csv", Body=body.encode())
    begun = stage.aws.call(outputs["Start"], {"input": f"{outputs['Input']}demo/"})
    must(begun["outcome"] == "started", f"the run did not start: {begun}")
    states = stage.aws.client("stepfunctions")
    arn = f"{outputs['StateMachine'].replace(':stateMachine:', ':execution:')}:{begun['run']}"

    def ended() -> str:
        status = str(states.describe_execution(executionArn=arn)["status"])
        return "" if status == "RUNNING" else status

    must(until(ended, seconds=180, what="the end of the run") == "SUCCEEDED", "the run has failed")
    labels = _labels(stage, outputs["Predictions"])
    how = accuracy(labels, TRUTH)
    stage.say(f"Batch: {len(labels)} predictions in the table: {how}")
    stage.seen.answered.append(("BatchTransform", "one run", f"{len(labels)} records", how))


def _labels(stage: Stage, table: str) -> list[str]:
    pages = stage.aws.client("dynamodb").get_paginator("scan").paginate(TableName=table)
    found = {each["patient"]["S"]: each["label"]["S"] for page in pages for each in page["Items"]}
    must(len(found) == len(RECORDS), f"{len(found)} predictions of {len(RECORDS)}")
    return [found[f"patient-{number}"] for number in range(len(RECORDS))]

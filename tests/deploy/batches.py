"""A deployed batch transform, as the tests see it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.embedded_aws import LocalAws, until

LONG = 120
"""Seconds that a run may take: the machine has two cores."""


class DeployedBatch:
    """A batch transform of a deployed stack.

    `told` are the stack's outputs: ``Input``, ``Output`` (buckets), ``Table``, ``Start``, ``Machine``, ``Requests``
    and ``DeadLetters``.
    """

    def __init__(self, aws: LocalAws, told: Mapping[str, str], name: str) -> None:
        self.aws, self.told, self.name = aws, told, name

    # --- what is asked ----------------------------------------------------------------------------------

    def put(self, key: str, body: bytes) -> None:
        """An object of the input's bucket."""
        self.aws.client("s3").put_object(Bucket=self.told["Input"], Key=key, Body=body)

    def start(self, request: dict[str, Any]) -> dict[str, Any]:
        """Call the deployed function, with no right but those of its role."""
        return self.call("Start", request)

    def call(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        """What the function of an output answers."""
        called = self.aws.client("lambda").invoke(FunctionName=self.told[function], Payload=json.dumps(event))
        answered = json.loads(called["Payload"].read())
        assert "FunctionError" not in called, answered
        return dict(answered)

    def begun(self, place: str) -> str:
        """The run of what lies in a folder of the input's bucket."""
        answer = self.start({"input": f"s3://{self.told['Input']}/{place}/"})
        assert answer["outcome"] == "started", answer
        return str(answer["run"])

    # --- runs -------------------------------------------------------------------------------------------

    def executions(self) -> dict[str, str]:
        """The status of each run."""
        found = self.aws.client("stepfunctions").list_executions(stateMachineArn=self.told["Machine"])
        return {each["name"]: each["status"] for each in found["executions"]}

    def another(self, before: Mapping[str, str]) -> str:
        """The run that has come beside those before."""
        return until(
            lambda: next(iter(set(self.executions()) - set(before)), ""), seconds=30, what="another run"
        )

    def ended(self, run: str) -> str:
        """How a run ended."""
        return until(
            lambda: (status := self.executions().get(run, "")) not in ("", "RUNNING") and status,
            seconds=LONG,
            what=f"the end of {run}",
        )

    def execution(self, run: str) -> str:
        """Its ARN."""
        return self.told["Machine"].replace(":stateMachine:", ":execution:") + f":{run}"

    def why(self, run: str) -> str:
        """What an execution says of its end."""
        told = self.aws.client("stepfunctions").describe_execution(executionArn=self.execution(run))
        return json.dumps({name: told.get(name) for name in ("status", "error", "cause")})

    # --- what they left ---------------------------------------------------------------------------------

    def file(self, run: str, name: str) -> Any:
        """A JSON file of a run's folder."""
        return json.loads(self.body(f"batch/{self.name}/{run}/{name}"))

    def body(self, key: str) -> bytes:
        """An object of the output's bucket."""
        found = self.aws.client("s3").get_object(Bucket=self.told["Output"], Key=key)
        return bytes(found["Body"].read())

    def keys(self, prefix: str) -> list[str]:
        """Keys in the output's bucket."""
        listed = self.aws.client("s3").list_objects_v2(Bucket=self.told["Output"], Prefix=prefix)
        return [each["Key"] for each in listed.get("Contents", ())]

    def written(self, run: str, folder: str) -> list[str]:
        """What lies in a folder of a run."""
        inside = f"batch/{self.name}/{run}/{folder}"
        return [key.removeprefix(inside) for key in self.keys(inside)]

    def items(self) -> dict[str, dict[str, Any]]:
        """What is in the table, by patient."""
        pages = self.aws.client("dynamodb").get_paginator("scan").paginate(TableName=self.told["Table"])
        return {item["patient"]["S"]: item for page in pages for item in page["Items"]}

    def partitions(self) -> dict[tuple[str, str], str]:
        """Where the partitions of the Glue table lie that is called as the transform, by day and run."""
        found = self.aws.client("glue").get_partitions(DatabaseName=self.name, TableName=self.name)
        return {tuple(each["Values"]): each["StorageDescriptor"]["Location"] for each in found["Partitions"]}

    # --- what is told -----------------------------------------------------------------------------------

    def letters(self) -> list[dict[str, Any]]:
        """The dead letters, which stay where they are."""
        answer = self.aws.client("sqs").receive_message(
            QueueUrl=self.told["DeadLetters"],
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            MessageAttributeNames=["All"],
        )
        return list(answer.get("Messages", ()))

    def letter(self, run: str) -> dict[str, Any]:
        """The dead letter of a run."""

        def find() -> dict[str, Any] | None:
            bodies = [json.loads(each["Body"]) for each in self.letters()]
            return next((each for each in bodies if each.get("failed", {}).get("run") == run), None)

        found = until(find, seconds=30, what="the dead letter")
        assert found is not None
        return found

    def drain(self) -> None:
        """Throw the dead letters away."""
        self.aws.client("sqs").purge_queue(QueueUrl=self.told["DeadLetters"])

    def redrive(self) -> None:
        """Move the dead letters back, as a person does."""
        sqs = self.aws.client("sqs")
        arns = [
            sqs.get_queue_attributes(QueueUrl=self.told[name], AttributeNames=["QueueArn"])["Attributes"][
                "QueueArn"
            ]
            for name in ("DeadLetters", "Requests")
        ]
        sqs.start_message_move_task(SourceArn=arns[0], DestinationArn=arns[1])


def kill_workers(aws: LocalAws, function: str) -> int:
    """Kill the processes of this embedded AWS that run a function; how many there were."""
    mine, killed = _descendants(aws.process.pid), 0
    for pid in mine:
        with contextlib.suppress(OSError):
            if f"/ministack-lambda-{function}-" in str(Path(f"/proc/{pid}/cwd").readlink()):
                os.kill(pid, signal.SIGKILL)
                killed += 1
    return killed


def _descendants(pid: int) -> list[int]:
    children = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            children += [int(each) for each in (task / "children").read_text().split()]
    return [*children, *(found for each in children for found in _descendants(each))]

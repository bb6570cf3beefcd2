"""The clients of the report: a table in memory, and answers of SSM and Lambda that botocore has checked."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import boto3
from botocore.response import StreamingBody
from botocore.stub import Stubber

from constructs_lib.experiments.report.source import Clients
from constructs_lib.experiments.runtime.experiment import Experiment
from tests.support.memory_table import MemoryTable

PLACE = {"table": "ledger", "endpoint": "pricing", "stream": "events", "controller": "looks"}


class Answers:
    """What the services will answer, in order; anything else that is asked is an error."""

    def __init__(self, table: MemoryTable) -> None:
        session = boto3.Session("test", "test", region_name="eu-west-1")
        ssm, lambda_ = session.client("ssm"), session.client("lambda")
        self.clients = Clients(ssm=ssm, dynamodb=table.client(), lambda_=lambda_)
        self.ssm, self.lambda_ = Stubber(ssm), Stubber(lambda_)

    def place(self, value: str = json.dumps(PLACE)) -> None:
        parameter = {"Name": "/constructs-lib/experiments/pricing", "Value": value}
        self.ssm.add_response(
            "get_parameter", {"Parameter": parameter}, {"Name": "/constructs-lib/experiments/pricing"}
        )

    def description(self, experiment: Experiment) -> None:
        self.environment({"EXPERIMENT": json.dumps(asdict(experiment))})

    def environment(self, variables: dict[str, str]) -> None:
        answer = {"Environment": {"Variables": variables}}
        self.lambda_.add_response("get_function_configuration", answer, {"FunctionName": "looks"})

    def invoked(self, event: dict[str, str], payload: bytes, **more: Any) -> None:
        body = StreamingBody(io.BytesIO(payload), len(payload))
        given = {"FunctionName": "looks", "Payload": json.dumps(event).encode()}
        self.lambda_.add_response("invoke", {"StatusCode": 200, "Payload": body, **more}, given)

    @contextmanager
    def ready(self) -> Iterator[Clients]:
        with self.ssm, self.lambda_:
            yield self.clients
        self.ssm.assert_no_pending_responses()
        self.lambda_.assert_no_pending_responses()

"""An experiment on the embedded AWS: its table, stream and bucket, and its functions, run in this process."""

from __future__ import annotations

import base64
import itertools
from typing import Any

from constructs_lib.experiments.runtime.experiment import Experiment
from constructs_lib.experiments.runtime.fold import Counting
from constructs_lib.experiments.runtime.ingest import Ingest, respond
from constructs_lib.experiments.runtime.ledger import Ledger
from constructs_lib.experiments.runtime.state import StateStore
from tests.support.experiment_events import EXPERIMENT, Truth, as_truth
from tools.embedded_aws import LocalAws, until

_numbers = itertools.count(1)


class Laboratory:
    """What one test has for itself."""

    def __init__(self, aws: LocalAws, experiment: Experiment = EXPERIMENT) -> None:
        self.aws = aws
        self.experiment = experiment
        self.name = f"experiment-{next(_numbers)}"
        self._control = aws.client("dynamodb")
        self._control.create_table(
            TableName=self.name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        )
        self.dynamodb = self.client("dynamodb")

    def client(self, service: str) -> Any:
        """A client of its own, so that faults of it are nobody else's."""
        return self.aws.client(service, self.aws.session())

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.dynamodb, self.name, Counting(self.experiment), pause=lambda _: None)

    @property
    def store(self) -> StateStore:
        return StateStore(self.dynamodb, self.name)

    def ingest(self, event: dict[str, Any]) -> dict[str, Any]:
        """The function that counts, just started."""
        return respond(Ingest(self.experiment, self.ledger, log=lambda _: None), event)

    def counted(self) -> Truth:
        ledger = Ledger(self._control, self.name, Counting(self.experiment))
        return as_truth(ledger.counted(), self.experiment)

    def delete(self) -> None:
        self._control.delete_table(TableName=self.name)


class Stream:
    """A Kinesis stream, read as Lambda reads it."""

    def __init__(self, aws: LocalAws) -> None:
        self.name = f"events-{next(_numbers)}"
        self.client = aws.client("kinesis")
        self.client.create_stream(StreamName=self.name, ShardCount=2)
        until(lambda: self._described()["StreamStatus"] == "ACTIVE", what="the stream is active")

    def _described(self) -> dict[str, Any]:
        return dict(self.client.describe_stream(StreamName=self.name)["StreamDescription"])

    def batches(self) -> list[dict[str, Any]]:
        """Everything in it, as the events of a function, a shard each."""
        return [
            {"Records": records}
            for shard in self._described()["Shards"]
            if (records := self._records(shard["ShardId"]))
        ]

    def _records(self, shard: str) -> list[dict[str, Any]]:
        start = self.client.get_shard_iterator(
            StreamName=self.name, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        return [
            {
                "eventID": f"{shard}:{record['SequenceNumber']}",
                "eventSource": "aws:kinesis",
                "kinesis": {
                    "partitionKey": record["PartitionKey"],
                    "sequenceNumber": record["SequenceNumber"],
                    "data": base64.b64encode(record["Data"]).decode(),
                    "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"].timestamp(),
                },
            }
            for record in self.client.get_records(ShardIterator=start, Limit=10_000)["Records"]
        ]

    def delete(self) -> None:
        self.client.delete_stream(StreamName=self.name)

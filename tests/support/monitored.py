"""A monitor with all that it talks to in memory, behind real boto3 clients; the model that it asks is a real one."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from botocore.response import StreamingBody

from constructs_lib.core.runtime.windows import iso, seconds
from constructs_lib.monitoring.runtime.run.description import Description

from .bucket import BUCKET, FakeBucket
from .fake_aws import Params, client_answered_by

ENDPOINT = "fraud"
START = seconds("2026-11-28T10:00:00")
BASELINE = Path(__file__).parents[2] / "examples" / "breast_cancer" / "baseline.csv"


@dataclass
class FakeMonitored(FakeBucket):
    """The bucket, CloudWatch, EventBridge and the endpoint."""

    metrics: list[Params] = field(default_factory=list)
    """Each datum that was put."""
    events: list[Params] = field(default_factory=list)
    """Details."""
    model: Callable[[list[list[float]]], Sequence[float]] | None = None
    asked: list[Params] = field(default_factory=list)

    def client(self, service: str, config: Any = None) -> Any:
        """A real boto3 client that talks to this."""
        return client_answered_by(self._answer, service)

    def _PutMetricData(self, params: Params) -> Params:  # noqa: N802
        assert params["Namespace"] == "ConstructsLib/Monitoring"
        self.metrics += params["MetricData"]
        return {}

    def _PutEvents(self, params: Params) -> Params:  # noqa: N802
        self.events += [json.loads(each["Detail"]) for each in params["Entries"]]
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "e"} for _ in params["Entries"]]}

    def _InvokeEndpoint(self, params: Params) -> Params:  # noqa: N802
        assert self.model is not None
        self.asked.append(params)
        rows = [[float(cell) for cell in line.split(",")] for line in params["Body"].decode().split()]
        body = json.dumps({"scores": [float(each) for each in self.model(rows)]}).encode()
        return {
            "Body": StreamingBody(BytesIO(body), len(body)),
            "ContentType": "application/json",
            "InvokedProductionVariant": "AllTraffic",
        }

    def values(self, name: str) -> list[float]:
        """Of a metric, in the order they were put."""
        return [each["Value"] for each in self.metrics if each["MetricName"] == name]

    def json(self, key: str) -> Any:
        """An object as JSON."""
        return json.loads(self.objects[key])

    def capture(
        self,
        rows: Sequence[Sequence[object]],
        *,
        answers: Sequence[object] | None = None,
        ids: Sequence[str] | None = None,
        at: float = START + 60,
        variant: str = "AllTraffic",
        name: str = "a.jsonl",
    ) -> None:
        """A captured file with a request of CSV for each row."""
        lines = []
        for number, row in enumerate(rows):
            metadata = {"eventId": f"{name}-{number}", "inferenceTime": iso(at)}
            if ids is not None:
                metadata["inferenceId"] = ids[number]
            data = ",".join(map(str, row))
            sides = {"endpointInput": {"observedContentType": "text/csv", "data": data, "encoding": "CSV"}}
            if answers is not None:
                told = {"observedContentType": "application/json", "data": json.dumps(answers[number])}
                sides["endpointOutput"] = {**told, "encoding": "JSON"}
            lines.append(json.dumps({"captureData": sides, "eventMetadata": metadata, "eventVersion": "0"}))
        hour = iso(at)[:13].replace("-", "/").replace("T", "/")
        self.objects[f"capture/{ENDPOINT}/{variant}/{hour}/{name}"] = "\n".join(lines).encode()


def described(kind: str, *, name: str = "M", **props: Any) -> Description:
    """The monitor as its construct would describe it."""
    given = {
        "name": name,
        "kind": kind,
        "endpoint": ENDPOINT,
        "captured": {"bucket": BUCKET, "prefix": f"capture/{ENDPOINT}"},
        "results": {"bucket": BUCKET, "prefix": f"monitoring/{ENDPOINT}/{name}"},
        "baseline": "baseline/0123",
        "every": 3600,
        "settle": 900,
        "least": 100,
        "options": {},
    }
    return Description.of({**given, **props})


def spec(options: Params | None = None, *, not_features: Sequence[str] = ()) -> Params:
    """What a baseline is made of: ``train.csv`` in the bucket."""
    data = {"bucket": BUCKET, "key": "train.csv", "not_features": list(not_features)}
    return {"data": data, "at_deploy": True, "options": options or {}}

"""A shadow test with its bucket and CloudWatch in memory, behind real boto3 clients."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

from .bucket import BUCKET, FakeBucket
from .fake_aws import Params

ENDPOINT = "fraud"
DESCRIBED: Params = {
    "name": ENDPOINT,
    "production": "old",
    "challenger": "new",
    "bucket": BUCKET,
    "captured": "capture",
    "reports": "reports/fraud",
    "every": 3600,
    "settle": 600,
    "selection": {"label": "label", "number": "score"},
    "criteria": {"tolerance": 0, "minimum_pairs": 2, "least_agreement": 0.9, "most_slowdown": 1.5},
}


def seconds(text: str) -> float:
    """``2026-11-22T14:00:00``, of UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def line(at: str, label: str, score: float, *, id: str = "") -> str:
    """A captured record."""
    answered = json.dumps({"label": label, "score": score})
    return json.dumps(
        {
            "captureData": {
                "endpointInput": {"observedContentType": "text/csv", "data": id, "encoding": "CSV"},
                "endpointOutput": {
                    "observedContentType": "application/json",
                    "data": answered,
                    "encoding": "JSON",
                },
            },
            "eventMetadata": {"eventId": f"{label}{score}", "inferenceId": id, "inferenceTime": f"{at}Z"},
            "eventVersion": "0",
        }
    )


@dataclass
class FakeShadow(FakeBucket):
    """The bucket, what CloudWatch knows, and what was called."""

    latencies: dict[str, float] = field(default_factory=dict)
    """p99 by variant."""
    metrics: list[Params] = field(default_factory=list)
    """Each PutMetricData."""
    queries: list[Params] = field(default_factory=list)

    def write(self, variant: str, hour: str, *lines: str, name: str = "file.jsonl") -> None:
        """A captured file, in the folder of the hour it was written: ``2026/11/22/14``."""
        self.objects[f"capture/{ENDPOINT}/{variant}/{hour}/{name}"] = "\n".join(lines).encode()

    def reports(self) -> dict[str, Params]:
        """The reports by what comes after their prefix."""
        prefix = "reports/fraud/"
        return {
            key.removeprefix(prefix): json.loads(body)
            for key, body in self.objects.items()
            if key.startswith(prefix)
        }

    def put(self) -> list[dict[str, float]]:
        """The metrics of each PutMetricData, by name."""
        return [{each["MetricName"]: each["Value"] for each in one["MetricData"]} for one in self.metrics]

    def _GetMetricData(self, params: Params) -> Params:  # noqa: N802
        self.queries.append(params)
        results = []
        for query in params["MetricDataQueries"]:
            stat = query["MetricStat"]
            variant = next(
                each["Value"] for each in stat["Metric"]["Dimensions"] if each["Name"] == "VariantName"
            )
            known = stat["Stat"] == "p99" and variant in self.latencies
            results.append({"Id": query["Id"], "Values": [self.latencies[variant]] if known else []})
        return {"MetricDataResults": results}

    def _PutMetricData(self, params: Params) -> Params:  # noqa: N802
        self.metrics.append(params)
        return {}

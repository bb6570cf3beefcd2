"""A shadow test with its bucket and CloudWatch in memory, behind real boto3 clients."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.response import StreamingBody

from .fake_aws import EPOCH, Killed, Params, Refused, client_answered_by

BUCKET, ENDPOINT = "captured", "fraud"
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
class FakeShadow:
    """What lies in the bucket, what CloudWatch knows, and what was called."""

    objects: dict[str, bytes] = field(default_factory=dict)
    latencies: dict[str, float] = field(default_factory=dict)
    """p99 by variant."""
    metrics: list[Params] = field(default_factory=list)
    """Each PutMetricData."""
    calls: list[str] = field(default_factory=list)
    queries: list[Params] = field(default_factory=list)
    kill_before: str | None = None

    def client(self, service: str) -> Any:
        """A real boto3 client that talks to this."""
        return client_answered_by(self._answer, service)

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

    def _answer(self, operation: str, params: Params) -> Params:
        self.calls.append(operation)
        if operation == self.kill_before:
            raise Killed
        answered: Params = getattr(self, f"_{operation}")(params)
        return answered

    def _ListObjectsV2(self, params: Params) -> Params:  # noqa: N802
        assert params["Bucket"] == BUCKET
        found = sorted(key for key in self.objects if key.startswith(params["Prefix"]))
        # One a page, so that whoever reads the first page only is found out.
        start = int(params.get("ContinuationToken", "0"))
        page = [{"Key": key, "LastModified": EPOCH} for key in found[start : start + 1]]
        more = start + 1 < len(found)
        following = {"NextContinuationToken": str(start + 1)} if more else {}
        return {"IsTruncated": more, **({"Contents": page} if page else {}), **following}

    def _GetObject(self, params: Params) -> Params:  # noqa: N802
        body = self.objects.get(params["Key"])
        if body is None:
            raise Refused("NoSuchKey", "The specified key does not exist.")
        return {"Body": StreamingBody(io.BytesIO(body), len(body))}

    def _PutObject(self, params: Params) -> Params:  # noqa: N802
        self.objects[params["Key"]] = params["Body"]
        return {"ETag": '"e"'}

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

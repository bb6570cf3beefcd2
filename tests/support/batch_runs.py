"""A run of a batch transform as its steps see it: a bucket with inputs and outputs, and the state machine's state."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from constructs_lib.batch.runtime import work
from constructs_lib.batch.runtime.run_files import Run, Settings
from tests.support.bucket import BUCKET, FakeBucket
from tests.support.fake_aws import EPOCH, Killed, Params, Refused

RUN = "0123456789abcdef0123456789abcdef"
FOLDER = f"scores/{RUN}"
ORDER = 1_795_917_600_000
"""2026-11-29T02:00:00Z."""
TRANSFORMED = {
    "TransformJobName": "nightly-0123456789ab-mf3k2s-t1",
    "TransformStartTime": ORDER + 60_000,
    "TransformEndTime": ORDER + 360_000,
}
COLUMNS: list[dict[str, Any]] = [
    {"name": "id", "type": "string", "role": "key", "path": None},
    {"name": "score", "type": "double", "role": "prediction", "path": None},
]


@dataclass
class BatchAws(FakeBucket):
    """The bucket, with as much more of S3 as the steps use, and CloudWatch."""

    metrics: list[Params] = field(default_factory=list)
    kill_at: int | None = None
    """Number of the call, counted from 1, that is never made."""
    refused: dict[str, Refused] = field(default_factory=dict)
    """Operations that are refused, always."""
    page: int = 1
    """Keys that one answer lists."""

    def _answer(self, operation: str, params: Params) -> Params:
        if self.kill_at == len(self.calls) + 1:
            self.calls.append(operation)
            raise Killed
        if operation in self.refused:
            raise self.refused[operation]
        return super()._answer(operation, params)

    def _ListObjectsV2(self, params: Params) -> Params:  # noqa: N802
        assert "Delimiter" not in params
        keys = sorted(key for key in self.objects if key.startswith(params["Prefix"]))
        start = int(params.get("ContinuationToken", "0"))
        after = start + self.page
        return {
            "IsTruncated": after < len(keys),
            "Contents": [
                {"Key": key, "LastModified": EPOCH, "Size": len(self.objects[key])}
                for key in keys[start:after]
            ],
            **({"NextContinuationToken": str(after)} if after < len(keys) else {}),
        }

    def _HeadObject(self, params: Params) -> Params:  # noqa: N802
        body = self.objects.get(params["Key"])
        if body is None:
            raise Refused("404", "Not Found")
        return {"ETag": f'"{etag(body)}"', "ContentLength": len(body)}

    def _PutMetricData(self, params: Params) -> Params:  # noqa: N802
        assert params["Namespace"] == "ConstructsLib/Batch"
        self.metrics += params["MetricData"]
        return {}


def etag(body: bytes) -> str:
    """As the bucket tells it."""
    return hashlib.sha256(body).hexdigest()


def scored(body: bytes) -> bytes:
    """What a model makes of each record: its first field, and a score."""
    lines = [line.strip() for line in body.split(b"\n")]
    return b"".join(line.split(b",")[0] + b",0.5\n" for line in lines if line)


class BatchRun:
    """A run. `play` is the way of one that goes well; a test changes what lies there in between."""

    def __init__(self, inputs: Mapping[str, bytes], **settings: Any) -> None:
        self.aws = BatchAws({f"in/{name}": body for name, body in inputs.items()})
        self.settings: dict[str, Any] = {
            **{"transform": "Nightly", "bucket": BUCKET, "prefix": "scores/", "input_bucket": BUCKET},
            **{"format": "csv", "lines": True, "gzip": False, "columns": [], "sinks": []},
            **{"prepares": False, "finishes": False, "finish_keeps_count": False},
            **{"instance_count": 2, "instance_type": "ml.m5.large"},
            **settings,
        }
        objects = [[key, len(body), etag(body)] for key, body in sorted(self.aws.objects.items())]
        self.state: dict[str, Any] = {
            **{
                "run": RUN,
                "digest": RUN,
                "model": "fraud-7",
                "order": ORDER,
                "job": "nightly",
                "on": "2026-11-29",
            },
            **{"objects": len(objects), "bytes": sum(size for _, size, _ in objects)},
            "request": {"attempt": 1, "force": ""},
            "prepare": {"attempt": 1},
            "transform": {"attempt": 1, "done": {"job": TRANSFORMED}},
            "finish": {"attempt": 1},
        }
        self.put("plan.json", json.dumps({"run": RUN, "bucket": BUCKET, "objects": objects}).encode())

    # --- what lies there ----------------------------------------------------------------------------------

    def put(self, name: str, body: bytes) -> None:
        """Put a file into the run's folder."""
        self.aws.objects[f"{FOLDER}/{name}"] = body

    def get(self, name: str) -> Any:
        """A JSON file of the run's folder."""
        return json.loads(self.aws.objects[f"{FOLDER}/{name}"])

    def names(self, under: str) -> list[str]:
        """The files of a folder of the run's."""
        whole = f"{FOLDER}/{under}"
        return sorted(key.removeprefix(whole) for key in self.aws.objects if key.startswith(whole))

    def chunks(self, name: str) -> list[dict[str, Any]]:
        """A list of chunks, without its groups."""
        return [chunk for group in self.get(f"chunks/{name}.json") for chunk in group["chunks"]]

    def problems(self) -> dict[str, Any]:
        """All of them, by name."""
        return {name: self.get(f"problems/{name}") for name in self.names("problems/")}

    def transform(self, model: Callable[[bytes], bytes] = scored) -> None:
        """What the transform job does with the manifest."""
        first, *rest = self.get("input.manifest")
        folder = first["prefix"].removeprefix(f"s3://{BUCKET}/")
        for name in rest:
            body = self.aws.objects[folder + name]
            given = gzip.decompress(body) if self.settings["gzip"] else body
            self.put(f"output/{self.state['transform']['attempt']}/{name}.out", model(given))

    # --- steps --------------------------------------------------------------------------------------------

    def run(self) -> Run:
        """As the steps' modules take it."""
        return Run(self.state, Settings.from_json(self.settings), self.aws.client("s3"))

    def step(self, name: str, **more: Any) -> Any:
        """Call the function for a step, with what passes through JSON."""
        event = json.loads(json.dumps({"step": name, "run": self.state, "batch": self.settings, **more}))
        with patch.object(work, "client", self.aws.client):
            return json.loads(json.dumps(work.handle(event, None)))

    def gather(self) -> Any:
        """Keep the answer as the state machine does."""
        self.state["gather"] = self.step("gather")
        return self.state["gather"]

    def outline(self) -> Any:
        """Keep the answer as the state machine does."""
        self.state["outline"] = self.step("outline")
        return self.state["outline"]

    def inspect(self) -> None:
        """Each group of the list."""
        for group in json.loads(self.aws.objects[self.state["outline"]["inspect"]]):
            self.step("inspect", chunks=group["chunks"])

    def reconcile(self) -> Any:
        """Keep the answer as the state machine does."""
        self.state["reconcile"] = self.step("reconcile")
        return self.state["reconcile"]["counts"]

    def play(self, model: Callable[[bytes], bytes] = scored) -> Any:
        """Until the sinks; what reconcile answers."""
        self.gather()
        self.transform(model)
        self.outline()
        self.inspect()
        return self.reconcile()

    def write(self, sink: str, stale: int = 0) -> None:
        """What the sink's function does: each chunk's records are written, some are older than what is there."""
        for chunk in self.chunks(sink):
            body = self.aws.objects[chunk["key"]]
            begun = [0, *(at + 1 for at, byte in enumerate(body) if byte == ord("\n"))]
            records = sum(chunk["start"] <= at < chunk["end"] for at in begun if at < len(body))
            told = {"n": chunk["n"], "written": records - stale, "stale": stale}
            self.put(f"written/{sink}/{chunk['n']:06}.json", json.dumps(told).encode())

"""One way from a transform job's output to where predictions are looked for, in a process of its own.

``python -m benchmarks.batch_run FOLDER ours|notebook dynamodb|table`` prints what it took as JSON, for files that
`batch_files` has made. Starting Python, importing and making clients are in no time; they are in the memory.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3

from .batch_aws import BUCKET, Aws
from .batch_files import COLUMNS, PREFIX, RUN, tidy

CHUNK_BYTES = {"dynamodb": 256 << 10, "table": 32 << 20}
"""As the sinks have it."""
TARGETS: dict[str, dict[str, Any]] = {
    "dynamodb": {"table": "churn", "key": ["customer"], "ttl": None},
    "table": {"bucket": BUCKET, "prefix": "tables/churn", "database": "ml", "table": "churn"},
}
ORDER = 1_795_917_600_000
_CONTEXT: Any = SimpleNamespace(get_remaining_time_in_millis=lambda: 290_000)


class Ours:
    """The functions of a run, called as the state machine calls them, a chunk after the other."""

    def __init__(self, aws: Aws, sink: str) -> None:
        boto3.DEFAULT_SESSION = aws.session()
        from constructs_lib.batch.runtime import work, write

        self._work, self._write, self._sink = work.handle, write.handle, sink
        os.environ[write.SINK] = json.dumps({"name": sink, "kind": sink, **TARGETS[sink]})
        self.children: dict[str, list[float]] = {"inspect": [], "write": []}
        """Seconds of a core of each call of the maps, with those of the answers."""
        self._batch = {
            **{"transform": "nightly", "bucket": BUCKET, "prefix": PREFIX, "input_bucket": BUCKET},
            **{"format": "csv", "lines": True, "gzip": False, "columns": COLUMNS},
            "sinks": [{"name": sink, "kind": sink, "chunk_bytes": CHUNK_BYTES[sink]}],
            **{"prepares": False, "finishes": False, "finish_keeps_count": True},
            **{"instance_type": "ml.m5.large", "instance_count": 1},
        }
        self._state: dict[str, Any] = {
            **{"run": RUN, "digest": RUN, "model": "fraud", "order": ORDER, "job": "nightly"},
            **{"on": "2026-11-29", "objects": 0, "bytes": 0, "request": {"attempt": 1, "force": ""}},
            "transform": {"attempt": 1, "done": {"job": {"TransformJobName": "nightly"}}},
            "prepare": {"attempt": 1},
            "finish": {"attempt": 1},
        }
        self._step("gather")
        for service in ("s3", "dynamodb", "glue"):
            write.client(service)
        work.client("cloudwatch")

    def __call__(self) -> int:
        """From the output of the job to the report; how many records that were."""
        self._state["outline"] = self._step("outline")
        self._map("inspect", self._state["outline"]["inspect"])
        self._state["reconcile"] = self._step("reconcile")
        self._map("write", self._state["outline"]["sinks"][self._sink])
        self._step("verify", sinks=[self._sink])
        if self._sink == "table":
            self._write(self._event("commit"), _CONTEXT)
        answer = self._step("complete")
        return int(answer["sinks"][self._sink]["written"])

    def _event(self, step: str, **more: Any) -> dict[str, Any]:
        return {"step": step, "run": self._state, "batch": self._batch, **more}

    def _step(self, step: str, **more: Any) -> Any:
        return self._work(self._event(step, **more), None)

    def _map(self, step: str, key: str) -> None:
        function = self._write if step == "write" else self._work
        found = boto3.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
        for group in json.loads(found):
            began = time.process_time()
            function(self._event(step, chunks=group["chunks"]), _CONTEXT)
            self.children[step].append(time.process_time() - began)


def main(folder: Path, side: str, sink: str) -> dict[str, Any]:
    """Do it, and say what it took."""
    tidy(folder)
    aws = Aws(folder)
    way: Callable[[], int]
    if side == "ours":
        way = ours = Ours(aws, sink)
    else:
        from .batch_notebook import Notebook

        way, ours = Notebook(aws, sink), None
    asked, theirs = aws.calls.copy(), aws.seconds
    began = time.process_time()
    records = way()
    taken = time.process_time() - began - (aws.seconds - theirs)
    # A server does not tell what it got.
    if sink == "dynamodb" and "AWS_ENDPOINT_URL_DYNAMODB" not in os.environ:
        assert aws.items == records, f"{aws.items} items of {records} records"
    return {
        "records": records,
        "cpu": taken,
        "memory": _peak_memory(),
        "calls": dict(aws.calls - asked),
        **({"children": ours.children} if ours is not None else {}),
    }


def _peak_memory() -> float:
    """MiB at the highest; `getrusage` would say of this process what the one that started it had, if that was more."""
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmHWM:")).split()[1]) / 1024


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])))

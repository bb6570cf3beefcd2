"""The plan of a run: what it scores, and since when it is one. Whoever writes it first is right.

Two functions that start the same run at once, or one that starts it again after a crash, agree by it: a plan that is
there is taken as it is, so all of them give the state machine the very same input.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from ...core.runtime.store import S3Store, read_json
from ...core.runtime.windows import moment
from .found import Found, Object
from .identity import job_name

PLAN, REPORT, SUCCESS, FAILED = "plan.json", "report.json", "_SUCCESS", "failed.json"

_TAKEN = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")
"""What S3 answers where there is one already; the second and the last while another write of the same key is under way.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""
_TRIES = 5

Plan = Mapping[str, Any]


def key_in(prefix: str, run: str, name: str = "") -> str:
    """The key of a file in the folder of a run."""
    inside = f"{run}/{name}"
    return f"{prefix.strip('/')}/{inside}" if prefix.strip("/") else inside


def folder_of(s3: Any, bucket: str, prefix: str, run: str) -> S3Store:
    """The folder of a run."""
    return S3Store(s3, bucket, key_in(prefix, run))


def put_new(s3: Any, bucket: str, key: str, body: bytes) -> bool:
    """Write an object of JSON unless there is one, or one is being written; whether it was written."""
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", IfNoneMatch="*")
    except ClientError as error:
        if error.response["Error"]["Code"] not in _TAKEN:
            raise
        return False
    return True


def planned(
    *,
    run: str,
    digest: str,
    order: int,
    model: str,
    how: str,
    bucket: str,
    found: Found,
    request: Mapping[str, Any],
) -> dict[str, Any]:
    """The plan as it is kept.

    :param order: milliseconds since 1970: of two runs, what the one with the higher one predicts counts.
    :param how: a digest of all settings that change what comes out.
    :param bucket: the input's.
    :param request: as it is sent again should the run fail.
    """
    return {
        "run": run,
        "digest": digest,
        "order": order,
        "model": model,
        "how": how,
        "bucket": bucket,
        "objects": [list(each) for each in found.objects],
        "request": dict(request),
    }


def objects_of(plan: Plan) -> list[Object]:
    """The objects of a plan, in the order of their keys."""
    return sorted(Object(*each) for each in plan["objects"])


def agreed(
    s3: Any, bucket: str, prefix: str, plan: dict[str, Any], *, pause: Callable[[float], None] = time.sleep
) -> Plan:
    """Write the plan, or take the one that is there already.

    :raises ValueError: what is there is no plan.
    """
    folder, key = folder_of(s3, bucket, prefix, plan["run"]), key_in(prefix, plan["run"], PLAN)
    body = json.dumps(plan, separators=(",", ":"), allow_nan=False).encode()
    for tried in range(_TRIES):
        if put_new(s3, bucket, key, body):
            return plan
        if (there := read_json(folder, PLAN)) is not None:
            return there
        pause(0.2 * 2**tried)
    raise RuntimeError(f"{folder.uri(PLAN)} can neither be written nor read")


def execution_input(plan: Plan, job_prefix: str) -> str:
    """The input of a run's execution, as JSON: of one plan always the same, to the letter.

    Step Functions takes a second start of a running execution for the first one only where the inputs are the same.

    Source: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    """
    order, objects = plan["order"], plan["objects"]
    return json.dumps(
        {
            "run": plan["run"],
            "digest": plan["digest"],
            "model": plan["model"],
            "order": order,
            "job": job_name(job_prefix, plan["digest"], order),
            "on": f"{moment(order / 1000):%Y-%m-%d}",
            "objects": len(objects),
            "bytes": sum(size for _, size, _ in objects),
            "request": plan["request"],
        }
    )

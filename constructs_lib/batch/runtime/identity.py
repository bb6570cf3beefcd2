"""What makes two requests one run: the digest of what is scored and how, and the names that come of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_LONGEST_PREFIX = 26
"""Of 63 characters; 12 are the digest's, 9 the time's until the year 5188, 2 are hyphens, 5 are left for what follows.

``-t99`` is the longest that the state machine puts at the end.
"""


def digest_of(objects: Iterable[tuple[str, int, str]], *, bucket: str, model: str, how: str) -> str:
    """32 hexadecimal digits that are the same for the same objects, scored by the same model in the same way.

    :param objects: key, size and ETag of each, in any order. An ETag is of the content (of an upload in parts, or
        encrypted with KMS, of content and upload): the same bytes put again may be another input, but other bytes
        never are the same one. https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
    :param how: a digest of all settings that change what comes out.
    """
    listed = sorted([key, etag.strip('"'), size] for key, size, etag in objects)
    whole = {"objects": listed, "bucket": bucket, "model": model, "how": how}
    canonical = json.dumps(whole, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]


def run_name(digest: str, *, attempt: int = 1, force: str = "", ticket: str = "") -> str:
    """The name of the run, which is the name of its execution: Step Functions lets one run of a name be.

    :param ticket: what tells one forced request from another.
    """
    told = json.dumps([force, ticket]).encode()
    forced = f"-f{hashlib.sha256(told).hexdigest()[:8]}" if force else ""
    again = f"-r{attempt}" if attempt > 1 else ""
    return f"{digest}{forced}{again}"


def job_name(prefix: str, digest: str, order: int) -> str:
    """The beginning of the names of a run's SageMaker jobs: at most 50 characters.

    Names of jobs are taken for ever, so the time of the run is in them, in milliseconds since 1970.

    Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
    """
    begin = prefix[:_LONGEST_PREFIX].strip("-") or "batch"
    return f"{begin}-{digest[:12]}-{base36(order)}"


def base36(number: int) -> str:
    """A number from 0 on with the digits 0–9 and a–z."""
    digits = ""
    while number >= 36:
        number, last = divmod(number, 36)
        digits = _DIGITS[last] + digits
    return _DIGITS[number] + digits


def execution_arn(machine_arn: str, run: str) -> str:
    """The ARN of the execution of a state machine that has the run's name."""
    return f"{machine_arn.replace(':stateMachine:', ':execution:', 1)}:{run}"

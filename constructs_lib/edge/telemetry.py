"""What devices tell of their work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from ..core.checks import duration, kind, latency, number, seconds, settled, size, whole_number
from ..core.rules import Broken, Rules
from ..core.tokens import is_token

_LIMITS = "https://docs.aws.amazon.com/general/latest/gr/iot-core.html"
_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeTelemetry:
    """What devices tell: a sample of their results, and counts of all.

    Both wait on the device while there is no network, in a buffer of a fixed size; the oldest go first.

    :raises ConstraintError: SM-EDGE-050 … SM-EDGE-053.
    """

    sample_percent: float = 100
    """0–100 % of results that are sent, chosen by the hash of their ids; failed ones always are."""
    inputs: bool = True
    """Whether a result has its input: what a training needs, and the most of what it weighs."""
    bucket: s3.IBucket | None = None
    """Where results lie. Default: a new one, kept when the stack goes."""
    key: kms.IKey | None = None
    """Encrypts a new bucket and the table of devices. Default: a new key for the one, AWS's own for the other."""
    summary_every: cdk.Duration | None = None
    """10 seconds – 1 hour between two summaries of a device. Default: 1 minute."""
    silent_after: cdk.Duration | None = None
    """1 minute – 7 days without a summary, and at least three times `summary_every`. Default: 15 minutes."""
    silent_devices: int = 1
    """How many silent devices set off the alarm, 1–100,000."""
    error_percent: float = 5.0
    """Above 0 to 100 % of requests that fail, over 15 minutes, set off the alarm."""
    latency_p99: cdk.Duration | None = None
    """1 millisecond – 1 minute. Default: no alarm on latency."""
    buffer: cdk.Size | None = None
    """1 MiB – 64 GiB on the device's disk. Default: 64 MiB."""
    retention: cdk.Duration | None = None
    """1 day – 10 years that results are kept in a new bucket. Default: 90 days."""

    def __post_init__(self) -> None:
        """Check."""
        _rules.enforce(self, path="EdgeTelemetry")

    @property
    def summary_seconds(self) -> int:
        """`summary_every`, with its default applied."""
        return seconds(self.summary_every, 60)

    @property
    def silent_seconds(self) -> int:
        """`silent_after`, with its default applied."""
        return seconds(self.silent_after, 900)

    @property
    def retention_days(self) -> int:
        """`retention`, with its default applied."""
        return 90 if self.retention is None else int(self.retention.to_days())

    def told(self) -> dict[str, Any]:
        """As the program's configuration has it."""
        mebibytes = 64 if self.buffer is None else int(self.buffer.to_mebibytes())
        return {
            "sampling": {"percent": self.sample_percent, "inputs": self.inputs, "errors_always": True},
            "buffer": {"max_bytes": mebibytes << 20},
            "summary_seconds": self.summary_seconds,
        }


_rules = Rules[EdgeTelemetry]()


@_rules.rule("SM-EDGE-050", source=_LIMITS)
def telemetry_is_bounded(telemetry: EdgeTelemetry) -> Iterator[Broken]:
    """Shares and thresholds are ones that can be."""
    yield from number("sample_percent", telemetry.sample_percent, 0, 100)
    yield from kind("inputs", telemetry.inputs, bool, optional=False)
    yield from number("error_percent", telemetry.error_percent, 0, 100, above=True)
    yield from whole_number("silent_devices", telemetry.silent_devices, 1, 100_000)
    yield from latency("latency_p99", telemetry.latency_p99)
    yield from settled("sample_percent", telemetry.sample_percent, "devices are told of it")
    yield from settled("latency_p99", telemetry.latency_p99, "devices are told of it")


@_rules.rule("SM-EDGE-051", source=_LIMITS)
def silence_is_longer_than_a_summary(telemetry: EdgeTelemetry) -> Iterator[Broken]:
    """A device is silent only after it has missed three summaries."""
    yield from duration("summary_every", telemetry.summary_every, 10, 3600)
    yield from duration("silent_after", telemetry.silent_after, 60, 7 * _DAY)
    for name in ("summary_every", "silent_after"):
        if is_token(getattr(telemetry, name)):
            yield Broken(name, getattr(telemetry, name), "a value that is known at synthesis")
            return
    if telemetry.silent_seconds < 3 * telemetry.summary_seconds:
        allowed = f"at least {3 * telemetry.summary_seconds} seconds: three times summary_every"
        yield Broken("silent_after", f"{telemetry.silent_seconds} seconds", allowed)


@_rules.rule("SM-EDGE-052", source=_LIMITS)
def buffer_fits_a_disk(telemetry: EdgeTelemetry) -> Iterator[Broken]:
    """The buffer on a device has 1 MiB to 64 GiB."""
    given = telemetry.buffer
    yield from size("buffer", given, 1, 65_536, unit="MiB")
    if is_token(given):
        yield Broken("buffer", given, "a Size that is known at synthesis")


@_rules.rule(
    "SM-EDGE-053", source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleExpiration.html"
)
def retention_is_of_a_new_bucket(telemetry: EdgeTelemetry) -> Iterator[Broken]:
    """Retention and key are of a bucket that is made here; results are kept for whole days."""
    yield from duration("retention", telemetry.retention, _DAY, 3660 * _DAY)
    given = telemetry.retention
    if is_token(given):
        yield Broken("retention", given, "whole days that are known at synthesis")
    elif isinstance(given, cdk.Duration) and given.to_milliseconds() % (1000 * _DAY):
        yield Broken("retention", given.to_human_string(), "whole days that are known at synthesis")
    elif telemetry.bucket is not None and given is not None:
        yield Broken(
            "retention",
            given.to_human_string(),
            "none: a bucket that is there has lifecycle rules of its own",
        )

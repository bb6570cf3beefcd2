"""What a fleet's telemetry costs per million inferences: counted and multiplied, not measured.

How many metrics there are and how large a summary is, is taken from the code that runs. Prices are list prices of
us-east-1 from memory, 2025: written down, not looked up.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from constructs_lib.edge.runtime.cloud.summary import Summary
from constructs_lib.edge.runtime.cloud.tally import tally
from constructs_lib.edge.runtime.device.messages import Messages, record_of
from constructs_lib.edge.runtime.device.summary import Counts

MILLION = 1_000_000
MONTH = 730 * 3600
"""Seconds."""

# --- list prices of us-east-1 from memory, 2025, in dollars ---------------------------------------------
CONNECTED_MINUTE = 0.08 / MILLION
MESSAGE = 1.00 / MILLION
RULE, ACTION = 0.15 / MILLION, 0.15 / MILLION
STEP = 5 << 10
"""Bytes that messages, actions and records of Firehose are rounded up to."""
FIREHOSE_GB = 0.029
S3_PUT, S3_GB_MONTH = 5e-6, 0.023
SQS_REQUEST = 0.40 / MILLION
LAMBDA_REQUEST, LAMBDA_ARM_GB_SECOND = 0.2e-6, 13.3334e-6
DYNAMODB_READ, DYNAMODB_WRITE = 0.125e-6, 0.625e-6
METRIC_MONTH, METRIC_CALL, ALARM_MONTH, DASHBOARD_MONTH = 0.30, 0.01 / 1000, 0.10, 3.00

# --- as it is deployed -----------------------------------------------------------------------------------
METER_BATCH, METER_WINDOW = 100, 20
CENSUS_EVERY = 300
FUNCTION_GB = 0.5
ALARMS = 10
FIREHOSE_SECONDS, FIREHOSE_BYTES = 60, 64 << 20
RETENTION_MONTHS = 3

# --- assumed ---------------------------------------------------------------------------------------------
COMPRESSED = 0.2
"""What gzip leaves of results."""
ITEM_BYTES = 700
CALL_SECONDS = 0.005
"""Of DynamoDB, one after the other."""
METER_SECONDS = 0.15
"""Of an invocation beside its items."""
PAGE_THINGS, PAGE_SECONDS = 250, 0.05
BUCKETS = 20
"""Of latency that a minute of a device has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """What decides."""

    devices: int = 1000
    per_second: float = 1.0
    """Inferences of a device."""
    sample_percent: float = 100.0
    record_bytes: int = 500
    """Of a result, as JSON."""
    batch_bytes: int = 32_768
    batch_seconds: float = 10.0
    summary_seconds: float = 60.0
    versions: int = 2
    """Of the model at once."""

    @property
    def inferences(self) -> float:
        """Of a month."""
        return self.devices * self.per_second * MONTH

    @property
    def records_a_message(self) -> float:
        """A message goes out when it is full, or so long after its first record."""
        most = max(1, self.batch_bytes // self.record_bytes)
        return min(float(most), 1 + self._sampled * self.batch_seconds)

    @property
    def messages(self) -> float:
        """With results, of a month."""
        return self.devices * self._sampled * MONTH / self.records_a_message

    @property
    def summaries(self) -> float:
        """Of a month."""
        return self.devices * MONTH / self.summary_seconds

    @property
    def _sampled(self) -> float:
        return self.per_second * self.sample_percent / 100


def summary_bytes() -> int:
    """A summary as a device sends it."""
    payload = next(iter(_messages().of([record_of("summary", _summary())]))).payload
    return len(payload)


def metrics(versions: int) -> int:
    """That a fleet has all the time: what the meter tells of quiet devices, and the census."""
    told = [
        Summary.of(
            {**_summary(), "group": group, "model_version": f"1.0.{version}"},
            thing="t",
            received=None,
            now=time.time(),
        )
        for group in ("canary", "fleet")
        for version in range(versions)
    ]
    by_the_meter = {
        (each["MetricName"], str(each["Dimensions"])) for each in tally(told, "f", now=time.time())
    }
    # Devices and silent ones, of all and of two groups; the heartbeat; devices by version.
    return len(by_the_meter) + 2 * 3 + 1 + versions


def dollars(fleet: Fleet) -> dict[str, float]:
    """A month of telemetry, by service."""
    return {
        "IoT Core": _iot(fleet),
        "Firehose": fleet.messages * _steps(_message_bytes(fleet)) * STEP / 1e9 * FIREHOSE_GB,
        "S3": _s3(fleet),
        "SQS": _sqs(fleet),
        "Lambda": _lambda(fleet),
        "DynamoDB": _dynamodb(fleet),
        "CloudWatch": _cloudwatch(fleet),
    }


def a_million(fleet: Fleet) -> dict[str, float]:
    """The same of a million inferences."""
    return {service: price / fleet.inferences * MILLION for service, price in dollars(fleet).items()}


def _iot(fleet: Fleet) -> float:
    minutes = fleet.devices * MONTH / 60
    results, summaries = _steps(_message_bytes(fleet)), _steps(summary_bytes())
    # Base64 makes what the rule hands over a third larger.
    handed_over = _steps(summary_bytes() * 4 / 3)
    return (
        minutes * CONNECTED_MINUTE
        + fleet.messages * (results * (MESSAGE + ACTION) + RULE)
        + fleet.summaries * (summaries * MESSAGE + RULE + handed_over * ACTION)
    )


def _s3(fleet: Fleet) -> float:
    size = fleet.messages * _message_bytes(fleet)
    objects = min(fleet.messages, max(MONTH / FIREHOSE_SECONDS, size / FIREHOSE_BYTES))
    return objects * S3_PUT + size * COMPRESSED / 1e9 * S3_GB_MONTH * RETENTION_MONTHS


def _sqs(fleet: Fleet) -> float:
    """Each is sent alone; Lambda receives and deletes ten at a time."""
    return fleet.summaries * (1 + 2 / 10) * SQS_REQUEST


def invocations(fleet: Fleet) -> float:
    """Of the meter: when a batch is full, or the window is over."""
    return max(fleet.summaries / METER_BATCH, min(fleet.summaries, MONTH / METER_WINDOW))


def _lambda(fleet: Fleet) -> float:
    census = MONTH / CENSUS_EVERY
    meter_seconds = invocations(fleet) * METER_SECONDS + fleet.summaries * CALL_SECONDS
    pages = math.ceil(fleet.devices / PAGE_THINGS) + math.ceil(fleet.devices * ITEM_BYTES / 2**20)
    seconds = meter_seconds + census * (METER_SECONDS + pages * PAGE_SECONDS)
    return (invocations(fleet) + census) * LAMBDA_REQUEST + seconds * FUNCTION_GB * LAMBDA_ARM_GB_SECOND


def _dynamodb(fleet: Fleet) -> float:
    """An item is read, strongly consistent, and written for each summary; the census scans all, half as dear."""
    scanned = math.ceil(fleet.devices * ITEM_BYTES / 4096) / 2 * MONTH / CENSUS_EVERY
    return fleet.summaries * (DYNAMODB_READ + DYNAMODB_WRITE) + scanned * DYNAMODB_READ


def _cloudwatch(fleet: Fleet) -> float:
    calls = invocations(fleet) + MONTH / CENSUS_EVERY
    standing = metrics(fleet.versions) * METRIC_MONTH + ALARMS * ALARM_MONTH + DASHBOARD_MONTH
    return standing + calls * METRIC_CALL


def _message_bytes(fleet: Fleet) -> float:
    envelope = 90
    return fleet.records_a_message * (fleet.record_bytes + 1) + envelope


def _steps(size: float) -> int:
    return max(1, math.ceil(size / STEP))


def _summary() -> dict[str, object]:
    counts = Counts()
    for bucket in range(BUCKETS):
        for _ in range(3):
            counts.inference(latency_ms=10 * 1.1**bucket, ok=True)
    return {
        **counts.take(time.time()),
        "group": "fleet",
        "boot": "0a1b2c3d",
        "number": 100_000,
        "model_version": "1.483920.120394",
        "buffered_records": 10,
        "buffered_bytes": 5000,
        "dropped_records": 0,
        "delivered_records": 60,
        "rss_mb": 120.5,
    }


def _messages() -> Messages:
    return Messages(
        fleet="reference-fleet", thing="device-000001", batch_bytes=32_768, largest=128_000, clock=time.time
    )


# --- the report ------------------------------------------------------------------------------------------

USUAL = Fleet()
SHOWN = {
    "1,000 devices, one inference a second, all results of 500 bytes": USUAL,
    "…a tenth of them": replace(USUAL, sample_percent=10),
    "…none, counts only": replace(USUAL, sample_percent=0),
    "…all, with inputs of 5 KB": replace(USUAL, record_bytes=5_500),
    "…all, each in a message of its own": replace(USUAL, batch_bytes=1),
    "…all, a summary each five minutes": replace(USUAL, summary_seconds=300),
    "10 devices": replace(USUAL, devices=10),
    "10,000 devices": replace(USUAL, devices=10_000),
    "1,000 devices, one inference a minute": replace(USUAL, per_second=1 / 60),
    "1,000 devices, 30 a second, one per cent of results": replace(USUAL, per_second=30, sample_percent=1),
}


def edge() -> Iterator[str]:
    """Dollars of a million inferences, and of a device and month."""
    yield "  dollars of telemetry, on paper: list prices of us-east-1 from memory, 2025"
    yield f"  a summary has {summary_bytes():,} bytes; a fleet with two versions has {metrics(2)} metrics"
    for what, fleet in SHOWN.items():
        parts = a_million(fleet)
        a_device = sum(dollars(fleet).values()) / fleet.devices
        yield f"    {what}: {sum(parts.values()):.3f} a million inferences, {a_device:.3f} a device and month"
        yield "      " + ", ".join(f"{part} {price:.4f}" for part, price in parts.items())

"""Counting again from objects in S3, written as Firehose does."""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from constructs_lib.experiments.runtime.raw import RawEvents
from constructs_lib.experiments.runtime.recount import Recount, Report
from tests.support.experiment_events import EXPERIMENT, NOON, PERIOD, WINDOW, truth
from tests.support.faults import FAULTS, Fault, Faults, Killed
from tests.support.streams import Records, deliver, random_records
from tools.embedded_aws import REGION, LocalAws

from .laboratory import Laboratory

START = NOON // PERIOD * PERIOD
LATER = START + 5 * PERIOD + WINDOW + 2 * 86400 + 3600
BUCKET = "raw-events"


@pytest.fixture(scope="module")
def bucket(aws: LocalAws) -> Iterator[str]:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    yield BUCKET
    for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        s3.delete_object(Bucket=BUCKET, Key=each["Key"])
    s3.delete_bucket(Bucket=BUCKET)


def write(s3: Any, prefix: str, records: Records) -> None:
    """A few objects an hour, every other one gzipped; each record a line, or as many as it is."""
    hours: dict[str, list[bytes]] = defaultdict(list)
    for data, arrived in records:
        hours[f"{datetime.fromtimestamp(arrived, UTC):%Y/%m/%d/%H}"].append(data + b"\n")
    for hour, lines in hours.items():
        for part in range(3):
            content = b"".join(lines[part::3])
            packed, name = (gzip.compress(content), ".gz") if part % 2 else (content, "")
            s3.put_object(Bucket=BUCKET, Key=f"{prefix}{hour}/pricing-1-{part}{name}", Body=packed)


def recount(laboratory: Laboratory, s3: Any, prefix: str, **more: Any) -> Report:
    raw = RawEvents(s3, BUCKET, prefix)
    return Recount(EXPERIMENT, laboratory.ledger, raw).run(LATER, began=START, **more)


def recounted(laboratory: Laboratory) -> dict[tuple[int, str], tuple[float, float, float]]:
    return {
        (int(each.start), each.arm): (each.totals.exposures, each.totals.rewards, each.totals.total)
        for each in laboratory.ledger.buckets()
        if each.totals.exposures
    }


def expected(records: Records) -> dict[tuple[int, str], tuple[float, float, float]]:
    return {cell: (each[0], each[1], float(each[2])) for cell, each in truth(records).items()}


def test_the_recount_is_the_count_and_the_truth(laboratory: Laboratory, bucket: str) -> None:
    records = random_records(31, 300)
    write(laboratory.client("s3"), "one/", records)
    deliver(records, laboratory.ingest, size=200)
    report = recount(laboratory, laboratory.client("s3"), "one/")
    assert (report.exposures, report.rewards, report.incomplete) == (0, 0, [])
    assert len(report.recounted) == 5
    assert recounted(laboratory) == expected(records)


READS: tuple[Fault, ...] = ("throttled", "killed after")
SPOILED = [
    *((call, fault) for call in ("Query", "ListObjectsV2", "GetObject") for fault in READS),
    *(("PutItem", fault) for fault in FAULTS),
]


@pytest.fixture(scope="module")
def lossy(bucket: str, aws: LocalAws) -> Records:
    """What is in S3 under lossy/, and half of which the function is to count."""
    records = random_records(37, 60)
    write(aws.client("s3"), "lossy/", records)
    return records


@pytest.mark.parametrize(("call", "fault"), SPOILED)
def test_whatever_was_lost_and_whatever_goes_wrong_the_recount_puts_it_right(
    laboratory: Laboratory, lossy: Records, call: str, fault: Fault
) -> None:
    deliver(lossy[::2], laboratory.ingest)
    s3 = laboratory.client("s3")
    faults = Faults(laboratory.dynamodb, s3)
    faults.spoil_next(call, 2, fault)
    with pytest.raises((Exception, Killed)):
        recount(laboratory, s3, "lossy/")
    assert faults.happened == [(call, fault)]
    recount(laboratory, s3, "lossy/")
    assert recounted(laboratory) == expected(lossy)

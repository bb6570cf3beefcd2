"""The sum on paper: its counts are those of what is deployed, and its prices add up as a bill does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import edge_paper as paper
from benchmarks.edge_paper import USUAL, Fleet
from constructs_lib.edge.telemetry import EdgeTelemetry
from tests.support.fleet_telemetry import alarms, made
from tests.support.synth import properties, resources


def test_the_counts_are_those_of_what_is_deployed() -> None:
    template = made()
    assert len(alarms(template)) == paper.ALARMS
    source = properties(template, "AWS::Lambda::EventSourceMapping")
    assert source["BatchSize"] == paper.METER_BATCH
    assert source["MaximumBatchingWindowInSeconds"] == paper.METER_WINDOW
    every = properties(template, "AWS::Events::Rule")["ScheduleExpression"]
    assert every == f"rate({paper.CENSUS_EVERY // 60} minutes)"
    memories = {
        each["Properties"]["MemorySize"] for each in resources(template, "AWS::Lambda::Function").values()
    }
    assert memories == {1024 * paper.FUNCTION_GB}
    hints = properties(template, "AWS::KinesisFirehose::DeliveryStream")["ExtendedS3DestinationConfiguration"]
    assert hints["BufferingHints"]["IntervalInSeconds"] == paper.FIREHOSE_SECONDS
    assert hints["BufferingHints"]["SizeInMBs"] << 20 == paper.FIREHOSE_BYTES


def test_its_defaults_are_the_librarys() -> None:
    assert EdgeTelemetry().summary_seconds == USUAL.summary_seconds
    assert EdgeTelemetry().sample_percent == USUAL.sample_percent
    assert EdgeTelemetry().retention_days == pytest.approx(30 * paper.RETENTION_MONTHS)


def test_a_summary_is_one_message_of_iot_core() -> None:
    assert 300 < paper.summary_bytes() < paper.STEP


def test_a_message_is_as_full_as_it_may_be_or_as_old() -> None:
    assert Fleet(per_second=1, batch_seconds=10).records_a_message == 11
    assert Fleet(per_second=1000).records_a_message == 32_768 // 500
    assert Fleet(per_second=0.01).records_a_message == pytest.approx(1.1)
    assert Fleet(batch_bytes=1).records_a_message == 1


def test_results_are_paid_by_the_message_in_steps_of_five_kilobytes() -> None:
    """By hand: of a million inferences eleven are a message, of 11 · 401 bytes and some: one step, a rule, an action."""
    usual = replace(USUAL, record_bytes=400)
    without = replace(usual, sample_percent=0)
    results = paper.a_million(usual)["IoT Core"] - paper.a_million(without)["IoT Core"]
    assert results == pytest.approx((1.00 + 0.15 + 0.15) / 11)
    # Twice as large: two steps of message and action, and one rule.
    larger = (
        paper.a_million(replace(usual, record_bytes=800))["IoT Core"] - paper.a_million(without)["IoT Core"]
    )
    assert larger == pytest.approx((2 * (1.00 + 0.15) + 0.15) / 11)


def test_no_results_cost_nothing_on_their_way() -> None:
    parts = paper.dollars(replace(USUAL, sample_percent=0))
    assert parts["Firehose"] == parts["S3"] == 0


def test_metrics_do_not_grow_with_devices() -> None:
    assert paper.metrics(3) - paper.metrics(2) == 2
    few, many = (paper.dollars(replace(USUAL, devices=each))["CloudWatch"] for each in (100, 10_000))
    assert many < 10 * few


def test_half_as_many_summaries_cost_about_half() -> None:
    one, half = (paper.dollars(replace(USUAL, summary_seconds=each)) for each in (60, 120))
    assert half["SQS"] == pytest.approx(one["SQS"] / 2)
    assert half["DynamoDB"] == pytest.approx(one["DynamoDB"] / 2, rel=0.05)


def test_the_report_has_a_line_for_each() -> None:
    lines = list(paper.edge())
    assert "from memory" in lines[0]
    assert len(lines) == 2 + 2 * len(paper.SHOWN)

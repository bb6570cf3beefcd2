"""The scheduled look at a shadow test, called as EventBridge and as a person calls it."""

from __future__ import annotations

import json

import pytest

from constructs_lib.core.runtime.windows import Window
from constructs_lib.experiments.runtime import shadow
from constructs_lib.experiments.runtime.shadow import folders
from tests.support.fake_aws import Killed, Params
from tests.support.shadow import BUCKET, DESCRIBED, FakeShadow, line, seconds

LOOK = "2026-11-22T15:10:30Z"
DUE, BEFORE = "2026/11/22/1400.json", "2026/11/22/1300.json"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> FakeShadow:
    """The bucket of a test on which each of two requests got an answer of both, at 14 o'clock and a bit."""
    aws = FakeShadow(latencies={"old": 1000, "new": 1200})
    aws.write("old", "2026/11/22/14", line("2026-11-22T14:01:00", "a", 0.5, id="1"), name="1.jsonl")
    aws.write("old", "2026/11/22/14", line("2026-11-22T14:02:00", "b", 0.25, id="2"), name="2.jsonl")
    aws.write(
        "new",
        "2026/11/22/14",
        line("2026-11-22T14:02:00", "b", 0.75, id="2"),
        line("2026-11-22T14:01:01", "a", 0.5, id="1"),
    )
    monkeypatch.setattr(shadow.boto3, "client", aws.client)
    monkeypatch.setenv("SHADOW_TEST", json.dumps(DESCRIBED))
    now(monkeypatch, LOOK)
    return aws


def now(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(shadow.time, "time", lambda: seconds(text.removesuffix("Z")))


def look(**event: str) -> Params:
    return dict(shadow.handle(event or {"time": LOOK}, None))


def test_the_window_that_is_over_is_compared(aws: FakeShadow) -> None:
    told = look()
    assert told["reports"] == [f"s3://{BUCKET}/reports/fraud/{each}" for each in (BEFORE, DUE)]
    report = aws.reports()[DUE]
    assert report == told["last"]
    assert report["window"] == {"start": "2026-11-22T14:00:00Z", "end": "2026-11-22T15:00:00Z"}
    assert (report["shadow_test"], report["production"], report["challenger"]) == ("fraud", "old", "new")
    assert report["answers"] == {
        "production": {"captured": 2, "unparsable": 0},
        "challenger": {"captured": 2, "unparsable": 0},
    }
    assert report["pairing"] == {"pairs": 2, "unpaired": 0, "not_copied": 0, "sampled_share": 1.0}
    assert report["comparison"]["agreement"] == 1
    assert report["comparison"]["differences"] == {"count": 2, "mean": 0.25, "p95": 0.5, "maximum": 0.5}
    assert report["load"]["slowdown"] == 1.2
    assert report["verdict"] == "agrees"
    assert report["text"].startswith("100.00% of 2 values in 2 pairs")


def test_its_metrics_are_put_at_its_end(aws: FakeShadow) -> None:
    look()
    assert aws.put() == [
        {"Pairs": 0, "UnpairedAnswers": 0, "UnparsableAnswers": 0, "Slowdown": 1.2},
        {
            "Pairs": 2,
            "UnpairedAnswers": 0,
            "UnparsableAnswers": 0,
            "Agreement": 1,
            "MeanAbsoluteDifference": 0.25,
            "P95AbsoluteDifference": 0.5,
            "MaximumAbsoluteDifference": 0.5,
            "Slowdown": 1.2,
        },
    ]
    (_, put) = aws.metrics
    assert put["Namespace"] == "ConstructsLib/Experiments"
    assert {each["Timestamp"].isoformat() for each in put["MetricData"]} == {"2026-11-22T15:00:00+00:00"}
    dimensions = [each["Dimensions"] for each in put["MetricData"]]
    assert dimensions == [[{"Name": "ShadowTest", "Value": "fraud"}]] * 8


def test_cloudwatch_is_asked_for_both_variants_in_the_window(aws: FakeShadow) -> None:
    look()
    asked = aws.queries[-1]
    assert (asked["StartTime"].isoformat(), asked["EndTime"].isoformat()) == (
        "2026-11-22T14:00:00+00:00",
        "2026-11-22T15:00:00+00:00",
    )
    told = {
        (
            each["MetricStat"]["Metric"]["Dimensions"][1]["Value"],
            each["MetricStat"]["Metric"]["MetricName"],
            each["MetricStat"]["Stat"],
            each["MetricStat"]["Period"],
        )
        for each in asked["MetricDataQueries"]
    }
    assert told == {
        (variant, *metric, 3600)
        for variant in ("old", "new")
        for metric in (
            ("Invocations", "Sum"),
            ("Invocation5XXErrors", "Sum"),
            ("ModelLatency", "Average"),
            ("ModelLatency", "p99"),
        )
    }


def test_a_look_that_runs_again_changes_nothing(aws: FakeShadow) -> None:
    look()
    before = dict(aws.objects), list(aws.metrics)
    aws.calls.clear()
    look()
    assert (aws.objects, aws.metrics) == before
    assert "PutObject" not in aws.calls


def test_files_that_come_late_are_in_the_report_and_metrics_are_not_put_twice(aws: FakeShadow) -> None:
    look()
    # Written an hour later than it was answered; read at the next look.
    aws.write("old", "2026/11/22/15", line("2026-11-22T14:59:59", "a", 1, id="3"))
    aws.write("new", "2026/11/22/15", line("2026-11-22T14:59:59", "b", 1, id="3"))
    put = len(aws.metrics)
    look(time="2026-11-22T16:10:30Z")
    report = aws.reports()[DUE]
    assert report["pairing"]["pairs"] == 3
    assert report["comparison"]["equal"] == 2
    # Those of the new window only.
    assert len(aws.metrics) == put + 1
    assert aws.put()[-1]["Pairs"] == 0


@pytest.mark.parametrize("operation", ["PutMetricData", "PutObject", "GetMetricData", "ListObjectsV2"])
def test_a_look_that_is_killed_is_done_again(aws: FakeShadow, operation: str) -> None:
    aws.kill_before = operation
    with pytest.raises(Killed):
        look()
    aws.kill_before = None
    look()
    assert aws.reports()[DUE]["pairing"]["pairs"] == 2
    assert [each for each in aws.put() if each["Pairs"] == 2]


def test_answers_near_the_edge_find_their_partners_across_it(aws: FakeShadow) -> None:
    aws.write("old", "2026/11/22/14", line("2026-11-22T14:59:59", "a", 0, id="edge"), name="3.jsonl")
    aws.write("new", "2026/11/22/15", line("2026-11-22T15:00:01", "a", 0, id="edge"))
    assert look()["last"]["pairing"] == {
        "pairs": 3, "unpaired": 0, "not_copied": 0, "sampled_share": 1.0,
    }  # fmt: skip
    # And the window after it knows that it was copied.
    after = look(time="2026-11-22T16:10:30Z")["last"]
    assert after["pairing"]["unpaired"] == 0
    assert after["answers"]["challenger"]["captured"] == 1


def test_what_cannot_be_read_is_counted_and_stops_nothing(aws: FakeShadow) -> None:
    torn = line("2026-11-22T14:05:00", "a", 1, id="3").replace("label", "lable")
    aws.write("new", "2026/11/22/14", "not a record", "", torn, name="torn.jsonl")
    report = look()["last"]
    assert report["answers"]["challenger"] == {"captured": 3, "unparsable": 2}
    assert report["pairing"]["pairs"] == 2
    assert aws.put()[-1]["UnparsableAnswers"] == 2


def test_another_variant_and_another_hour_are_not_read(aws: FakeShadow) -> None:
    aws.write("older", "2026/11/22/14", "not ours")
    aws.write("new", "2026/11/22/11", "not now")
    aws.write("new", "2026/11/22/17", "not now")
    assert look()["last"]["answers"]["challenger"] == {"captured": 2, "unparsable": 0}


def test_a_quiet_hour_is_no_data(aws: FakeShadow) -> None:
    assert look(time="2026-11-22T09:10:30Z")["last"]["verdict"] == "no data"


def test_a_person_may_ask_for_a_window_again(aws: FakeShadow) -> None:
    told = look(at="2026-11-22T14:30:00Z")
    assert told["reports"] == [f"s3://{BUCKET}/reports/fraud/{DUE}"]
    assert told["last"]["pairing"]["pairs"] == 2
    assert len(aws.metrics) == 1


def test_and_for_one_that_is_not_over_which_tells_nobody_else(
    aws: FakeShadow, monkeypatch: pytest.MonkeyPatch
) -> None:
    now(monkeypatch, "2026-11-22T14:05:00Z")
    told = look(at="2026-11-22T14:05:00Z")
    assert told["reports"] == [f"s3://{BUCKET}/reports/fraud/so-far/{DUE}"]
    assert told["last"]["pairing"]["pairs"] == 2
    assert aws.metrics == []
    # When it is over, it is told as if nobody had asked.
    now(monkeypatch, LOOK)
    look()
    assert [each for each in aws.put() if each["Pairs"] == 2]


def test_the_folders_of_a_window_are_those_its_files_may_lie_in() -> None:
    hour = Window(seconds("2026-11-22T14:00:00"), seconds("2026-11-22T15:00:00"))
    assert list(folders(hour)) == ["2026/11/22/13", "2026/11/22/14", "2026/11/22/15"]
    short = Window(seconds("2026-11-22T23:30:00"), seconds("2026-11-22T23:35:00"))
    assert list(folders(short)) == ["2026/11/22/23", "2026/11/23/00"]


def test_what_is_not_judged_is_not_judged(aws: FakeShadow, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.latencies["new"] = 9000
    assert look()["last"]["verdict"] == "differs"
    criteria = {"tolerance": 0, "minimum_pairs": 2, "least_agreement": 0.9}
    monkeypatch.setenv("SHADOW_TEST", json.dumps({**DESCRIBED, "criteria": criteria}))
    assert look()["last"]["verdict"] == "agrees"

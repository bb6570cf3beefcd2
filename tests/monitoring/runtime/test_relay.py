"""The relay as Lambda runs it: with real boto3 clients that a SageMaker, an S3 and a CloudWatch in memory answer."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from constructs_lib.monitoring.runtime import relay
from constructs_lib.monitoring.runtime.model_monitor import relay_config
from constructs_lib.monitoring.runtime.run import metrics
from tests.support.fake_aws import Params, Refused, client_answered_by
from tests.support.receiver import Receiver

BUCKET, PREFIX = "monitoring-bucket", "monitoring/fraud/Drift"
SCHEDULE = "fraud-drift"
JOB = "data-quality-monitoring-202611281100-0a1b2c3d4e5f"
OUTPUT = f"{PREFIX}/model-monitor/fraud/{SCHEDULE}/2026/11/28/11"
FOLDER = f"{PREFIX}/2026/11/28/1000"
VIOLATIONS = "constraint_violations.json"

DESCRIBED = {
    "monitor": "Drift",
    "kind": "data_quality",
    "endpoint": "fraud",
    "schedule": SCHEDULE,
    "baseline": f"s3://{BUCKET}/{PREFIX}/baseline/0a1b/",
    "bucket": BUCKET,
    "prefix": PREFIX,
    "begins": 3600,
    "ends": 0,
}
# As Model Monitor's page on interpreting statistics and violations has them, and its public samples.
STATISTICS = {
    "version": 0.0,
    "dataset": {"item_count": 1234},
    "features": [
        {
            "name": "amount",
            "inferred_type": "Fractional",
            "numerical_statistics": {"common": {"num_present": 1200, "num_missing": 34}, "mean": 2.5},
        },
        {
            "name": "country",
            "inferred_type": "String",
            "string_statistics": {"common": {"num_present": 1234, "num_missing": 0}, "distinct_count": 3},
        },
        {"name": "empty", "inferred_type": "Unknown"},
    ],
}
DRIFT = {
    "feature_name": "amount",
    "constraint_check_type": "baseline_drift_check",
    "description": "Baseline drift distance: 0.2711 exceeds threshold: 0.1",
}
MISSING = {
    "feature_name": "country",
    "constraint_check_type": "completeness_check",
    "description": "Data completeness requirement is not met. Expected: 1.0, observed: 0.9",
}


def a_job(**changes: Any) -> Params:
    """What DescribeProcessingJob tells of a job of the schedule."""
    return {
        "ProcessingJobName": JOB,
        "ProcessingJobArn": f"arn:aws:sagemaker:eu-west-1:111122223333:processing-job/{JOB}",
        "ProcessingJobStatus": "Completed",
        "ExitMessage": "CompletedWithViolations: Job completed successfully with 2 violations.",
        "CreationTime": datetime(2026, 11, 28, 11, 7, 30, tzinfo=UTC),
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 20}
        },
        "AppSpecification": {"ImageUri": "image"},
        "Environment": {
            "start_time": "2026-11-28T10:00:00Z",
            "end_time": "2026-11-28T11:00:00Z",
            "sagemaker_monitoring_schedule_name": SCHEDULE,
            "sagemaker_endpoint_name": "fraud",
        },
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "result",
                    "S3Output": {
                        "S3Uri": f"s3://{BUCKET}/{OUTPUT}",
                        "LocalPath": "/opt/ml/processing/output",
                        "S3UploadMode": "Continuous",
                    },
                }
            ]
        },
        **changes,
    }


def an_execution(status: str, **more: Any) -> Params:
    """The last execution of the schedule."""
    at = datetime(2026, 11, 28, 11, 0, tzinfo=UTC)
    return {
        "MonitoringScheduleName": SCHEDULE,
        "ScheduledTime": at,
        "CreationTime": at,
        "LastModifiedTime": at,
        "MonitoringExecutionStatus": status,
        **more,
    }


@dataclass
class Account:
    """What there is, and what was put."""

    jobs: dict[str, Params] = field(default_factory=dict)
    last: Params | None = None
    objects: dict[str, bytes] = field(default_factory=dict)
    put: list[dict[str, float]] = field(default_factory=list)
    """By each call of PutMetricData, by name."""
    at: list[datetime] = field(default_factory=list)
    refuse: dict[str, Refused] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A real boto3 client that talks to this."""
        return client_answered_by(self._answer, service)

    def write(self, name: str, content: object) -> None:
        """Put a file where the job puts its own."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.objects[f"{OUTPUT}/{name}"] = body

    @property
    def result(self) -> dict[str, Any]:
        """The one result."""
        (found,) = [body for key, body in self.objects.items() if key.endswith("/result.json")]
        return dict(json.loads(found))

    def ended(self, name: str = JOB) -> str:
        """Call as EventBridge does when a job ended: what became of it."""
        detail = {"ProcessingJobName": name, "ProcessingJobStatus": "any"}
        event = {"detail-type": "SageMaker Processing Job State Change", "detail": detail}
        return str(relay.handle(event, None)["outcome"])

    def swept(self) -> str:
        """Call as the hourly rule does."""
        event = {"detail-type": "Scheduled Event", "time": "2026-11-28T11:50:00Z", "detail": {}}
        return str(relay.handle(event, None)["outcome"])

    def _answer(self, operation: str, params: Params) -> Params:
        if operation in self.refuse:
            raise self.refuse[operation]
        answered: Params = getattr(self, f"_{operation}")(**params)
        return answered

    def _DescribeProcessingJob(self, ProcessingJobName: str) -> Params:  # noqa: N802, N803
        return self.jobs[ProcessingJobName]

    def _DescribeMonitoringSchedule(self, MonitoringScheduleName: str) -> Params:  # noqa: N802, N803
        at = datetime(2026, 1, 1, tzinfo=UTC)
        last = {} if self.last is None else {"LastMonitoringExecutionSummary": self.last}
        return {
            "MonitoringScheduleArn": f"arn:aws:sagemaker:eu-west-1:1:monitoring-schedule/{SCHEDULE}",
            "MonitoringScheduleName": MonitoringScheduleName,
            "MonitoringScheduleStatus": "Scheduled",
            "MonitoringScheduleConfig": {},
            "CreationTime": at,
            "LastModifiedTime": at,
            **last,
        }

    def _HeadObject(self, Bucket: str, Key: str) -> Params:  # noqa: N802, N803
        return {"ContentLength": len(self._object(Bucket, Key, "404"))}

    def _GetObject(self, Bucket: str, Key: str) -> Params:  # noqa: N802, N803
        return {"Body": io.BytesIO(self._object(Bucket, Key, "NoSuchKey"))}

    def _object(self, bucket: str, key: str, missing: str) -> bytes:
        assert bucket == BUCKET
        if key not in self.objects:
            raise Refused(missing, key)
        return self.objects[key]

    def _PutObject(self, Bucket: str, Key: str, Body: bytes, ContentType: str) -> Params:  # noqa: N802, N803
        assert (Bucket, ContentType) == (BUCKET, "application/json")
        self.objects[Key] = Body
        return {}

    def _PutMetricData(self, Namespace: str, MetricData: list[Params]) -> Params:  # noqa: N802, N803
        assert Namespace == "ConstructsLib/Monitoring"
        wanted = [{"Name": "Endpoint", "Value": "fraud"}, {"Name": "Monitor", "Value": "Drift"}]
        assert all(each["Dimensions"] == wanted for each in MetricData)
        self.put.append({each["MetricName"]: each["Value"] for each in MetricData})
        self.at += [each["Timestamp"] for each in MetricData]
        return {}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    """An account with a job that found two violations."""
    found = Account(jobs={JOB: a_job()})
    found.write("statistics.json", STATISTICS)
    found.write(VIOLATIONS, {"violations": [DRIFT, MISSING]})
    as_deployed(found, monkeypatch)
    return found


def as_deployed(account: Account, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Give the function its variable and its clients."""
    monkeypatch.setenv(relay.VARIABLE, json.dumps({**DESCRIBED, **changes}))
    monkeypatch.setattr(relay.boto3, "client", account.client)


# --- a job that completed ---------------------------------------------------------------------------------


def test_violations_become_a_result_and_metrics(account: Account) -> None:
    assert account.ended() == "2026/11/28/1000 violated"
    result = account.result
    features = result.pop("features")
    assert result == {
        "monitor": "Drift",
        "kind": "data_quality",
        "endpoint": "fraud",
        "engine": "model_monitor",
        "window": {"start": "2026-11-28T10:00:00Z", "end": "2026-11-28T11:00:00Z"},
        "baseline": f"s3://{BUCKET}/{PREFIX}/baseline/0a1b/",
        "status": "violated",
        "records": 1234,
        "unread": 0,
        "violations": 2,
        "values": {},
        "text": "2 violations: amount (baseline_drift_check), country (completeness_check)",
    }
    assert set(features) == {"amount", "country", "empty"}
    assert features["amount"] == {
        "type": "Fractional",
        "method": "model_monitor",
        "distance": 0.2711,
        "p_value": None,
        "threshold": 0.1,
        "drifted": True,
        "distances": {},
        "missing": 34 / 1234,
        "out_of_range": None,
        "new_categories": [],
    }
    assert (features["country"]["drifted"], features["country"]["missing"]) == (False, 0.0)
    assert account.put == [
        {
            "Heartbeat": 1,
            "Records": 1234,
            "Unread": 0,
            "Violations": 2,
            "Skipped": 0,
            "LargestDistance": 0.2711,
        }
    ]
    assert min(account.at) > datetime(2026, 11, 28, 11, tzinfo=UTC), (
        "of the look: the window may be long over"
    )


def test_its_files_lie_beside_the_result(account: Account) -> None:
    account.ended()
    for name in ("statistics.json", VIOLATIONS):
        assert account.objects[f"{FOLDER}/{name}"] == account.objects[f"{OUTPUT}/{name}"]


@pytest.mark.parametrize("calls", [2, 5])
def test_duplicates_change_nothing(account: Account, calls: int) -> None:
    account.ended()
    before = dict(account.objects)
    account.last = an_execution("CompletedWithViolations", ProcessingJobArn=a_job()["ProcessingJobArn"])
    for _ in range(calls):
        assert account.ended() == "2026/11/28/1000 is known"
        assert account.swept() == "2026/11/28/1000 is known"
    assert account.objects == before
    assert len(account.put) == 1


def test_an_event_that_was_lost_is_made_up_for(account: Account) -> None:
    account.last = an_execution("Completed", ProcessingJobArn=a_job()["ProcessingJobArn"])
    assert account.swept() == "2026/11/28/1000 violated"
    assert account.ended() == "2026/11/28/1000 is known"


def test_what_was_not_published_is_tried_again(account: Account) -> None:
    account.refuse["PutMetricData"] = Refused("Throttling", "slow down")
    with pytest.raises(ClientError):
        account.ended()
    assert not any(key.endswith("result.json") for key in account.objects)
    account.refuse.clear()
    assert account.ended() == "2026/11/28/1000 violated"
    assert len(account.put) == 1


def test_nothing_wrong(account: Account) -> None:
    account.write(VIOLATIONS, {"violations": []})
    assert account.ended() == "2026/11/28/1000 passed"
    assert account.result["text"] == "no violations"
    assert account.put[0]["Violations"] == 0


def test_no_file_of_violations_is_none_of_them(account: Account) -> None:
    del account.objects[f"{OUTPUT}/{VIOLATIONS}"]
    account.jobs[JOB]["ExitMessage"] = "Completed: Job completed successfully with no violations."
    assert account.ended() == "2026/11/28/1000 passed"
    assert f"{FOLDER}/{VIOLATIONS}" not in account.objects


def test_no_file_of_violations_though_there_are_some(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    del account.objects[f"{OUTPUT}/{VIOLATIONS}"]
    assert account.ended() == "2026/11/28/1000 is unreadable"
    assert "not there, though there are violations" in caplog.text
    assert account.put == []


def test_without_statistics_nobody_knows_how_many_records(account: Account) -> None:
    del account.objects[f"{OUTPUT}/statistics.json"]
    assert account.ended() == "2026/11/28/1000 violated"
    assert account.result["records"] is None
    assert "Records" not in account.put[0]
    assert account.put[0]["Violations"] == 2


def test_no_record_at_all_is_no_data(account: Account) -> None:
    account.write("statistics.json", {"dataset": {"item_count": 0}, "features": []})
    account.write(VIOLATIONS, {"violations": []})
    assert account.ended() == "2026/11/28/1000 no_data"
    assert account.put == [{"Heartbeat": 1, "Records": 0, "Unread": 0, "Skipped": 1}]


BROKEN = [
    b"",
    b"{",
    b"\xff\xfe",
    b"[]",
    b"null",
    b"5",
    b'{"violations": 5}',
    b'{"violations": ["a"]}',
    b"{}",
    b'{"violation',
]


@pytest.mark.parametrize("body", BROKEN)
def test_broken_violations_are_no_heartbeat(
    account: Account, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    account.write(VIOLATIONS, body)
    assert account.ended() == "2026/11/28/1000 is unreadable"
    assert JOB in caplog.text
    assert account.put == []
    assert not any(key.startswith(FOLDER) for key in account.objects)


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'{"features": 5}', b'{"features": ["a"]}', b'{"features": [{"numerical_statistics": 5}]}'],
)
def test_broken_statistics_are_no_heartbeat(account: Account, body: bytes) -> None:
    account.write("statistics.json", body)
    assert account.ended() == "2026/11/28/1000 is unreadable"
    assert account.put == []


def test_a_job_without_output_is_unreadable(account: Account) -> None:
    account.jobs[JOB]["ProcessingOutputConfig"] = {"Outputs": []}
    assert account.ended() == "2026/11/28/1000 is unreadable"


def test_denied_is_not_missing(account: Account) -> None:
    account.refuse["GetObject"] = Refused("AccessDenied", "no")
    with pytest.raises(ClientError, match="AccessDenied"):
        account.ended()


@pytest.mark.parametrize("name", ["naïve-Ω", "a" * 5000, "数据", 'quo"te'])
def test_features_of_any_name(account: Account, name: str) -> None:
    account.write("statistics.json", {"dataset": {"item_count": 5}, "features": [{"name": name}]})
    account.write(VIOLATIONS, {"violations": [{**DRIFT, "feature_name": name}]})
    account.ended()
    assert account.result["features"][name]["drifted"] is True


@pytest.mark.parametrize(
    "description",
    [
        "",
        "something else",
        "distance 1-2.3.4 exceeds threshold: ...",
        None,
        "distance: NaN exceeds threshold: 0.1",
    ],
)
def test_descriptions_that_tell_no_number(account: Account, description: str | None) -> None:
    account.write(VIOLATIONS, {"violations": [{**DRIFT, "description": description}]})
    account.ended()
    amount = account.result["features"]["amount"]
    assert (amount["drifted"], amount["distance"]) == (True, None)
    assert "LargestDistance" not in account.put[0]


def test_many_violations_are_named_in_part(account: Account) -> None:
    account.write(VIOLATIONS, {"violations": [{**DRIFT, "feature_name": f"f{i}"} for i in range(3000)]})
    account.ended()
    assert account.result["text"].endswith("f4 (baseline_drift_check) and 2995 more")
    assert account.put[0]["Violations"] == 3000


# --- windows ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-11-28T10: 00: 00Z", "2026-11-28T11: 00: 00Z"),
        ("2026-11-28T10:00:00", "2026-11-28T11:00:00.000Z"),
        ("2026-11-28T11:00:00+01:00", "2026-11-28T12:00:00+01:00"),
    ],
)
def test_times_as_aws_writes_them(account: Account, start: str, end: str) -> None:
    account.jobs[JOB]["Environment"] |= {"start_time": start, "end_time": end}
    account.ended()
    assert account.result["window"] == {"start": "2026-11-28T10:00:00Z", "end": "2026-11-28T11:00:00Z"}


@pytest.mark.parametrize("told", [{}, {"start_time": "yesterday", "end_time": "today"}])
def test_without_times_the_window_is_inferred(
    account: Account, told: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    account.jobs[JOB]["Environment"] = {"sagemaker_monitoring_schedule_name": SCHEDULE, **told}
    as_deployed(account, monkeypatch, begins=3 * 3600, ends=3600)
    assert account.ended() == "2026/11/28/0800 violated"
    window = {"start": "2026-11-28T08:00:00Z", "end": "2026-11-28T10:00:00Z", "inferred": True}
    assert account.result["window"] == window


# --- other kinds ------------------------------------------------------------------------------------------


def test_metrics_of_model_quality(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    as_deployed(account, monkeypatch, kind="model_quality")
    account.write(
        "statistics.json",
        {
            "version": 0.0,
            "dataset": {"item_count": 9},
            "binary_classification_metrics": {
                "confusion_matrix": {"0": {"0": 4, "1": 1}, "1": {"0": 1, "1": 3}},
                "auc": {"value": 0.93, "standard_deviation": 0.01},
                "recall": {"value": "NaN", "standard_deviation": "NaN"},
                "f1": {"value": float("inf")},
                "receiver_operating_characteristic_curve": {"false_positive_rates": [0.0, 1.0]},
            },
        },
    )
    violation = {
        "constraint_check_type": "LessThanThreshold",
        "description": "Metric auc with 0.93 was LessThanThreshold '0.95'",
        "metric_name": "auc",
    }
    account.write(VIOLATIONS, {"violations": [violation]})
    account.ended()
    assert account.result["values"] == {"auc": 0.93}
    assert account.result["features"] == {}
    assert account.result["text"] == "1 violation: auc (LessThanThreshold)"
    assert account.put[0]["auc"] == 0.93


def of_clarify(account: Account, analysis: object) -> None:
    """Clarify's files instead of the analyzer's."""
    del account.objects[f"{OUTPUT}/statistics.json"]
    account.write("analysis.json", analysis)


def test_metrics_of_bias(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    as_deployed(account, monkeypatch, kind="bias")
    metrics_ = [{"name": "DPPL", "description": "…", "value": 0.2}, {"name": "DI", "value": None}]
    facets = {"facets": {"sex": [{"value_or_threshold": "female", "metrics": metrics_}]}}
    of_clarify(account, {"version": "1.0", "post_training_bias_metrics": facets})
    violation = {
        "facet": "sex",
        "facet_value": "female",
        "metric_name": "DPPL",
        "constraint_check_type": "bias_drift_check",
        "description": "Value 0.2 does not meet the constraint requirement",
    }
    account.write(VIOLATIONS, {"version": "1.0", "violations": [violation]})
    account.ended()
    assert account.result["values"] == {"DPPL.sex.female": 0.2}
    assert account.result["records"] is None
    assert account.put == [
        {"DPPL.sex.female": 0.2, "Heartbeat": 1, "Unread": 0, "Violations": 1, "Skipped": 0}
    ]
    assert f"{FOLDER}/statistics.json" in account.objects


def test_metrics_of_attribution(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    as_deployed(account, monkeypatch, kind="attribution")
    of_clarify(account, {"version": "1.0", "explanations": {"kernel_shap": {"label0": {}}}})
    violation = {
        "label": "label0",
        "metric_name": "shap",
        "constraint_check_type": "feature_attribution_drift_check",
        "description": "Feature attribution drift 0.7639720923277322 exceeds threshold 0.9",
    }
    account.write(VIOLATIONS, {"version": "1.0", "violations": [violation]})
    account.ended()
    assert account.result["values"] == {"ndcg.label0": 0.7639720923277322}
    assert account.result["text"] == "1 violation: shap (feature_attribution_drift_check)"


# --- failures and other jobs ------------------------------------------------------------------------------


def test_a_job_without_data_has_a_heartbeat(account: Account) -> None:
    account.jobs[JOB] |= {"ProcessingJobStatus": "Failed", "FailureReason": "Job inputs had no data"}
    assert account.ended() == "2026/11/28/1000 no_data"
    assert account.result["status"] == "no_data"
    assert account.result["text"] == "Job inputs had no data"
    assert account.put == [{"Heartbeat": 1, "Records": 0, "Unread": 0, "Skipped": 1}]
    assert account.ended() == "2026/11/28/1000 is known"
    assert len(account.put) == 1


def test_an_execution_without_data_never_was_a_job(account: Account) -> None:
    account.last = an_execution("Failed", FailureReason="Job inputs had no data")
    assert account.swept() == "2026/11/28/1000 no_data"
    assert account.result["window"]["inferred"] is True
    assert account.swept() == "2026/11/28/1000 is known"
    assert len(account.put) == 1


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_other_failures_have_none(account: Account, status: str, caplog: pytest.LogCaptureFixture) -> None:
    account.jobs[JOB] |= {"ProcessingJobStatus": status, "FailureReason": "AlgorithmError: exit code 255"}
    assert account.ended() == "2026/11/28/1000 failed"
    assert "exit code 255" in caplog.text
    assert account.put == []
    assert not any(key.startswith(FOLDER) for key in account.objects)


def test_a_failed_execution_has_none(account: Account, caplog: pytest.LogCaptureFixture) -> None:
    account.last = an_execution("Failed", FailureReason="Access denied to the role")
    assert account.swept() == "2026/11/28/1000 failed"
    assert "Access denied to the role" in caplog.text
    assert account.put == []


@pytest.mark.parametrize("status", ["Pending", "InProgress", "Stopping", "Stopped"])
def test_an_execution_that_goes_on_is_waited_for(account: Account, status: str) -> None:
    account.last = an_execution(status)
    assert account.swept() == f"the last execution is {status}"


def test_before_the_first_execution_there_is_nothing(account: Account) -> None:
    assert account.swept() == "no execution yet"
    assert account.put == []


@pytest.mark.parametrize("status", ["Completed", "Failed"])
def test_the_job_that_merges_labels_is_not_the_monitors(
    account: Account, status: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As public samples show it: of the same role, without the schedule's name."""
    name = "groundtruth-merge-202611281100-0a1b2c3d4e5f"
    environment = {
        "dataset_source": "/opt/ml/processing/input_data",
        "output_path": "/opt/ml/processing/output",
    }
    account.jobs[name] = a_job(
        ProcessingJobName=name,
        Environment=environment,
        ProcessingJobStatus=status,
        FailureReason="no labels",
        ExitMessage="",
    )
    assert account.ended(name) == f"{name} is no job that finds anything for this monitor"
    assert ("no labels" in caplog.text) == (status == "Failed")
    assert account.put == []


def test_jobs_of_another_schedule_are_not_the_monitors(account: Account) -> None:
    account.jobs[JOB]["Environment"]["sagemaker_monitoring_schedule_name"] = "other"
    assert "no job that finds anything" in account.ended()
    assert account.put == []


def test_what_it_does_is_logged(account: Account, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        account.ended()
    assert "2026/11/28/1000 violated" in caplog.text
    assert "amount" not in caplog.text


# --- metrics ----------------------------------------------------------------------------------------------


def test_more_metrics_than_a_call_takes(account: Account) -> None:
    values = {f"m{index}": index for index in range(2500)}
    result = {
        "endpoint": "fraud",
        "monitor": "Drift",
        "status": "passed",
        "window": {"start": "2026-11-28T10:00:00Z", "end": "2026-11-28T11:00:00Z"},
        "records": 1,
        "unread": 0,
        "violations": 0,
        "values": values,
        "features": {},
    }
    metrics.put(account.client("cloudwatch"), result, 1.8e9)
    assert [len(each) for each in account.put] == [500] * 5 + [5]


# --- the analysis configuration ---------------------------------------------------------------------------


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Where CloudFormation waits."""
    found = Receiver()
    yield found
    found.close()


def deployed(receiver: Receiver, request: str, body: str = '{"a": "ü"}') -> dict[str, Any]:
    """Call as CloudFormation does; its answer."""
    event = {
        "RequestType": request,
        "ResponseURL": receiver.url,
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Config",
        "ResourceProperties": {"Bucket": BUCKET, "Key": "analysis/1/analysis_config.json", "Body": body},
    }
    assert relay.handle(event, None) == {}
    return receiver.answers[-1]


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_the_configuration_is_written(
    account: Account, receiver: Receiver, request_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(relay.VARIABLE)  # CloudFormation may come before anything else
    answer = deployed(receiver, request_type)
    assert answer["Status"] == "SUCCESS"
    assert answer["PhysicalResourceId"] == f"s3://{BUCKET}/analysis/1/analysis_config.json"
    assert account.objects["analysis/1/analysis_config.json"] == '{"a": "ü"}'.encode()


def test_the_configuration_stays(account: Account, receiver: Receiver) -> None:
    deployed(receiver, "Create")
    assert deployed(receiver, "Delete")["Status"] == "SUCCESS"
    assert "analysis/1/analysis_config.json" in account.objects


def test_a_refused_configuration_fails_the_deployment(account: Account, receiver: Receiver) -> None:
    account.refuse["PutObject"] = Refused("AccessDenied", "not allowed")
    answer = deployed(receiver, "Create")
    assert answer["Status"] == "FAILED"
    assert "not allowed" in answer["Reason"]
    assert relay_config.boto3 is relay.boto3

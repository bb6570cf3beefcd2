"""Metrics, alarms and events of endpoints."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tools.embedded_aws import until

from .hosting import Hosting


def values(
    hosting: Hosting, endpoint: str, metric: str, statistic: str = "Sum", *, namespace: str = "AWS/SageMaker"
) -> float:
    """One statistic of a metric of the variant `main`, over the last minutes; 0 without data."""
    now = datetime.now(UTC)
    found = hosting.aws.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "main"}],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=5),
        Period=3600,
        Statistics=[statistic],
    )
    return sum(point[statistic] for point in found["Datapoints"])


def test_invocations_are_counted_and_timed(hosting: Hosting) -> None:
    config = hosting.config({"VariantName": "main", "ModelName": hosting.model(), "InitialInstanceCount": 2})
    name = hosting.endpoint(config)
    for body in ("", "", "sleep 0.05", "raise", "refuse"):
        try:
            hosting.invoke(name, body)
        except hosting.runtime.exceptions.ModelError:
            continue
    until(lambda: values(hosting, name, "Invocations") == 5, what="the Invocations metric")
    assert values(hosting, name, "InvocationsPerInstance") == 2.5
    assert values(hosting, name, "Invocation5XXErrors") == 1
    assert values(hosting, name, "Invocation4XXErrors") == 1
    assert values(hosting, name, "Invocation5XXErrors", "Average") == pytest.approx(0.2)
    assert 50_000 <= values(hosting, name, "ModelLatency", "Maximum") < 2_000_000, "in microseconds"
    assert 0 < values(hosting, name, "OverheadLatency", "Maximum") < 1_000_000
    assert values(hosting, name, "ConcurrentRequestsPerModel", "Maximum") >= 1


def test_instances_tell_their_utilization(hosting: Hosting) -> None:
    name = hosting.endpoint(hosting.puppet_config())
    for metric in ("CPUUtilization", "MemoryUtilization"):
        until(
            lambda metric=metric: values(
                hosting, name, metric, "SampleCount", namespace="/aws/sagemaker/Endpoints"
            ),
            what=metric,
        )
    assert values(hosting, name, "MemoryUtilization", "Maximum", namespace="/aws/sagemaker/Endpoints") > 0


def alarm_on(hosting: Hosting, endpoint: str, **members: Any) -> str:
    """An alarm on the errors of an endpoint, made by CloudFormation as a CDK alarm is; its name."""
    name = hosting.name("alarm")
    metric = {
        "Namespace": "AWS/SageMaker",
        "MetricName": "Invocation5XXErrors",
        "Dimensions": [
            {"Name": "EndpointName", "Value": endpoint},
            {"Name": "VariantName", "Value": "main"},
        ],
    }
    properties = {
        "AlarmName": name,
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
        "Threshold": 0,
        "TreatMissingData": "notBreaching",
        **(members or {**metric, "Statistic": "Sum", "Period": 60}),
    }
    if "Metrics" in members:
        for query in members["Metrics"]:
            if "MetricStat" in query:
                query["MetricStat"]["Metric"] = metric | query["MetricStat"]["Metric"]
    template = {"Resources": {"Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}}}
    cloudformation = hosting.aws.client("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 0.1})
    return name


def state(hosting: Hosting, alarm: str) -> str:
    (found,) = hosting.aws.client("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
    return str(found["StateValue"])


def test_an_alarm_goes_off_for_its_own_endpoint_only(hosting: Hosting) -> None:
    failing, quiet = hosting.endpoint(hosting.puppet_config()), hosting.endpoint(hosting.puppet_config())
    alarm, other = alarm_on(hosting, failing), alarm_on(hosting, quiet)
    with pytest.raises(hosting.runtime.exceptions.ModelError):
        hosting.invoke(failing, "raise")
    until(lambda: state(hosting, alarm) == "ALARM", what="the alarm goes off")
    until(lambda: state(hosting, other) == "OK", what="missing data is not breaching")


def test_an_alarm_on_metric_math(hosting: Hosting) -> None:
    name = hosting.endpoint(hosting.puppet_config())
    stat = {"Period": 60, "Stat": "Sum"}
    alarm = alarm_on(
        hosting,
        name,
        Threshold=40,
        Metrics=[
            # The rate names what comes after it, an expression too: on AWS the order says nothing.
            {"Id": "rate", "Expression": "100 * errors / all_calls", "ReturnData": True},
            {"Id": "all_calls", "Expression": "SUM([FILL(calls, 0)])", "ReturnData": False},
            {"Id": "errors", "MetricStat": {"Metric": {}, **stat}, "ReturnData": False},
            {
                "Id": "calls",
                "MetricStat": {"Metric": {"MetricName": "Invocations"}, **stat},
                "ReturnData": False,
            },
        ],
    )
    for body in ("", "raise"):
        try:
            hosting.invoke(name, body)
        except hosting.runtime.exceptions.ModelError:
            continue
    until(lambda: state(hosting, alarm) == "ALARM", what="50 % of the calls failed")


def test_the_state_of_an_alarm_is_an_event(hosting: Hosting) -> None:
    queue = hosting.name("alarms")
    sqs, events = hosting.aws.client("sqs"), hosting.aws.client("events")
    url = sqs.create_queue(QueueName=queue)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    name = hosting.endpoint(hosting.puppet_config())
    alarm = alarm_on(hosting, name)
    (described,) = hosting.aws.client("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
    pattern = {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "resources": [described["AlarmArn"]],
        "detail": {"state": {"value": ["ALARM"]}},
    }
    events.put_rule(Name=queue, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=queue, Targets=[{"Id": "queue", "Arn": arn}])
    with pytest.raises(hosting.runtime.exceptions.ModelError):
        hosting.invoke(name, "raise")
    (message,) = until(lambda: sqs.receive_message(QueueUrl=url).get("Messages"), what="the event")
    assert json.loads(message["Body"])["detail"]["alarmName"] == alarm


def test_metric_math_is_computed_period_by_period(hosting: Hosting) -> None:
    cloudwatch = hosting.aws.client("cloudwatch")
    minute = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=10)
    namespace = hosting.name("Math")
    for metric, values in {"Bad": (1, None, 3), "All": (4, 4, 4)}.items():
        for index, value in enumerate(values):
            if value is not None:
                datum = {"MetricName": metric, "Value": value, "Timestamp": minute + timedelta(minutes=index)}
                cloudwatch.put_metric_data(Namespace=namespace, MetricData=[datum])

    def asked(expression: str) -> dict[str, Any]:
        stats = [
            {
                "Id": metric.lower(),
                "MetricStat": {
                    "Metric": {"Namespace": namespace, "MetricName": metric},
                    "Period": 60,
                    "Stat": "Sum",
                },
                "ReturnData": False,
            }
            for metric in ("Bad", "All")
        ]
        (result,) = cloudwatch.get_metric_data(
            MetricDataQueries=[*stats, {"Id": "result", "Expression": expression}],
            StartTime=minute,
            EndTime=minute + timedelta(minutes=5),
        )["MetricDataResults"]
        return dict(result)

    result = asked("bad / all")
    assert result["Values"] == [0.75, 0.25], "newest first, and nothing where one of them is missing"
    assert result["Timestamps"] == [minute + timedelta(minutes=2), minute]
    assert asked("FILL(bad, 0) / all")["Values"] == [0.75, 0.0, 0.25]
    unsupported = asked("ANOMALY_DETECTION_BAND(bad)")
    assert (unsupported["StatusCode"], unsupported["Values"]) == ("InternalError", [])
    assert "not supported" in unsupported["Messages"][0]["Value"]


def test_the_fleet_of_each_configuration_is_counted_apart(hosting: Hosting) -> None:
    config = hosting.puppet_config()
    name = hosting.endpoint(config)
    hosting.invoke(name)
    dimensions = {"EndpointName": name, "VariantName": "main", "EndpointConfigName": config}
    metric = {
        "Namespace": "AWS/SageMaker",
        "MetricName": "Invocations",
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
    }
    cloudwatch = hosting.aws.client("cloudwatch")

    def counted() -> float:
        now = datetime.now(UTC)
        points = cloudwatch.get_metric_statistics(
            **metric, StartTime=now - timedelta(minutes=5), EndTime=now, Period=3600, Statistics=["Sum"]
        )["Datapoints"]
        return sum(point["Sum"] for point in points)

    until(lambda: counted() == 1, what="the invocation of the fleet")
    assert values(hosting, name, "Invocations") == 1


def test_the_states_of_an_endpoint_are_events(hosting: Hosting) -> None:
    """Through a queue: what a Lambda makes of it is tested with the CDK."""
    queue = hosting.name("queue")
    sqs, events = hosting.aws.client("sqs"), hosting.aws.client("events")
    url = sqs.create_queue(QueueName=queue)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.sagemaker"], "detail-type": ["SageMaker Endpoint State Change"]}
    events.put_rule(Name=queue, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=queue, Targets=[{"Id": "queue", "Arn": arn}])

    config = hosting.puppet_config()
    name = hosting.endpoint(config)
    hosting.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=hosting.puppet_config())
    hosting.settled(name)
    hosting.delete(name)
    seen: list[dict[str, Any]] = []

    def all_told() -> bool:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            seen.append(json.loads(message["Body"])["detail"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return any(each["EndpointStatus"] == "DELETED" for each in seen)

    until(all_told, what="the endpoint's events")
    mine = [each for each in seen if each["EndpointName"] == name]
    assert [each["EndpointStatus"] for each in mine] == [
        "CREATING", "IN_SERVICE", "UPDATING", "IN_SERVICE", "DELETING", "DELETED",
    ]  # fmt: skip
    assert mine[0]["EndpointConfigName"] == config
    events.remove_targets(Rule=queue, Ids=["queue"])
    events.delete_rule(Name=queue)

"""From a metric of one's own to alarms, composite alarms, a topic, and a rule that starts a state machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tools.embedded_aws import ACCOUNT, REGION, LocalAws, local_aws, until

from .conftest import QUICK
from .hosting import Hosting, as_template, error_of
from .processing import received

NAMESPACE = "Ours/Monitoring"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/Any"
HANDLER = """
import boto3
def handler(event, context):
    boto3.client("cloudwatch").put_metric_data(Namespace=event["Namespace"], MetricData=event["Data"])
"""


@pytest.fixture(scope="module")
def soon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """An embedded AWS whose alarms look at the last two seconds."""
    settings = {**QUICK, "CONSTRUCTS_LOCAL_ALARM_PERIOD_CAP": "2"}
    with local_aws(tmp_path_factory.mktemp("aws"), settings=settings) as running:
        yield running


def alarm(endpoint: str, metric: str, missing: str, comparison: str, **members: Any) -> dict[str, Any]:
    properties = {
        "Namespace": NAMESPACE,
        "MetricName": metric,
        "Dimensions": [
            {"Name": "Endpoint", "Value": endpoint},
            {"Name": "Monitor", "Value": "DataQuality"},
        ],
        "Statistic": "Sum",
        "Period": 3600,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": comparison,
        "TreatMissingData": missing,
        **members,
    }
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}


def resources(endpoint: str) -> dict[str, Any]:
    """What a monitor would have: two alarms, one above them, a topic with a queue, a rule with a machine."""
    topic = {"Ref": "Topic"}
    machine = {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}}
    # As the CDK writes it.
    rule = [f'ALARM("{arn}")' for arn in ("${Violations.Arn}", "${Silence.Arn}")]
    return {
        "Topic": {"Type": "AWS::SNS::Topic"},
        "Inbox": {"Type": "AWS::SQS::Queue"},
        "Subscription": {
            "Type": "AWS::SNS::Subscription",
            "Properties": {
                "TopicArn": topic,
                "Protocol": "sqs",
                "Endpoint": {"Fn::GetAtt": ["Inbox", "Arn"]},
                "RawMessageDelivery": True,
            },
        },
        "Violations": alarm(
            endpoint, "Violations", "ignore", "GreaterThanOrEqualToThreshold", AlarmActions=[topic]
        ),
        "Silence": alarm(endpoint, "Heartbeat", "breaching", "LessThanThreshold"),
        "Composite": {
            "Type": "AWS::CloudWatch::CompositeAlarm",
            "Properties": {
                "AlarmRule": {"Fn::Sub": f"({' OR '.join(rule)})"},
                "AlarmActions": [topic],
                "OKActions": [topic],
                "AlarmDescription": "see the runbook",
                "Tags": [{"Key": "team", "Value": "fraud"}],
            },
        },
        "Machine": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {"RoleArn": ROLE, "DefinitionString": json.dumps(machine)},
        },
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventPattern": {
                    "source": ["aws.cloudwatch"],
                    "detail-type": ["CloudWatch Alarm State Change"],
                    "resources": [{"Fn::GetAtt": ["Composite", "Arn"]}],
                    "detail": {"state": {"value": ["ALARM"]}},
                },
                "Targets": [{"Id": "machine", "Arn": {"Ref": "Machine"}, "RoleArn": ROLE}],
            },
        },
        "Put": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.14",
                "Handler": "index.handler",
                "Role": ROLE,
                "Code": {"ZipFile": HANDLER},
            },
        },
    }


class Monitor:
    """The deployed resources of a monitor."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.endpoint = Hosting.name("endpoint")
        self.cloudformation = aws.client("cloudformation")
        self.cloudwatch = aws.client("cloudwatch")
        self.body = resources(self.endpoint)
        outputs = {name: {"Value": {"Ref": name}} for name in self.body}
        self.cloudformation.create_stack(
            StackName=self.endpoint, TemplateBody=as_template(self.body, Outputs=outputs)
        )
        self._wait("stack_create_complete")
        self.names = aws.outputs(self.endpoint)

    def _wait(self, event: str) -> None:
        self.cloudformation.get_waiter(event).wait(StackName=self.endpoint, WaiterConfig={"Delay": 0.1})

    def update(self) -> None:
        self.cloudformation.update_stack(StackName=self.endpoint, TemplateBody=as_template(self.body))
        self._wait("stack_update_complete")

    def delete(self) -> None:
        self.cloudformation.delete_stack(StackName=self.endpoint)
        self._wait("stack_delete_complete")

    def put(self, **values: float) -> None:
        """Let the function put metrics."""
        dimensions = [
            {"Name": "Endpoint", "Value": self.endpoint},
            {"Name": "Monitor", "Value": "DataQuality"},
        ]
        data = [
            {"MetricName": name, "Value": value, "Dimensions": dimensions} for name, value in values.items()
        ]
        answer = self.aws.client("lambda").invoke(
            FunctionName=self.names["Put"], Payload=json.dumps({"Namespace": NAMESPACE, "Data": data})
        )
        assert "FunctionError" not in answer, answer["Payload"].read()

    def described(self, name: str) -> dict[str, Any]:
        kinds = ["MetricAlarm", "CompositeAlarm"]
        found = self.cloudwatch.describe_alarms(AlarmNames=[self.names[name]], AlarmTypes=kinds)
        return dict((found["MetricAlarms"] + found["CompositeAlarms"])[0])

    def becomes(self, name: str, state: str) -> None:
        until(lambda: self.described(name)["StateValue"] == state, what=f"{name} is {state}")

    def beats_until(self, name: str, state: str, **values: float) -> None:
        """Put the values, again and again, until the alarm is in the state."""

        def there() -> bool:
            self.put(**values)
            return bool(self.described(name)["StateValue"] == state)

        until(there, what=f"{name} is {state}")


@pytest.fixture
def monitor(soon: LocalAws) -> Monitor:
    return Monitor(soon)


def test_from_a_metric_to_a_topic_and_a_state_machine(monitor: Monitor) -> None:
    heard: list[dict[str, Any]] = []

    def told(name: str, state: str) -> bool:
        heard.extend(received(monitor.aws, monitor.names["Inbox"]))
        full = monitor.names[name]
        return any((each["AlarmName"], each["NewStateValue"]) == (full, state) for each in heard)

    def executions() -> int:
        listed = monitor.aws.client("stepfunctions").list_executions(stateMachineArn=monitor.names["Machine"])
        return len(listed["executions"])

    monitor.beats_until("Silence", "OK", Heartbeat=1, Violations=0)
    monitor.becomes("Composite", "OK")
    until(lambda: told("Composite", "OK"), what="the message that all is well")
    heard.clear()
    # The alarms may have been silent before the rule was there.
    before = executions()

    monitor.beats_until("Violations", "ALARM", Heartbeat=1, Violations=3)
    monitor.becomes("Composite", "ALARM")
    until(lambda: told("Violations", "ALARM"), what="the message of the violations")
    until(lambda: told("Composite", "ALARM"), what="the message of both")
    until(lambda: executions() == before + 1, what="the execution for the violations")

    monitor.beats_until("Composite", "OK", Heartbeat=1, Violations=0)
    heard.clear()
    monitor.becomes("Silence", "ALARM")
    until(lambda: told("Composite", "ALARM"), what="the message of the silence")
    until(lambda: executions() == before + 2, what="the execution for the silence")
    assert not told("Violations", "ALARM")
    monitor.delete()


def test_a_composite_alarm_of_a_template_is_described_changed_and_deleted(monitor: Monitor) -> None:
    described = monitor.described("Composite")
    name = monitor.names["Composite"]
    assert name.startswith(f"{monitor.endpoint}-Composite-")
    children = [monitor.described(child)["AlarmArn"] for child in ("Violations", "Silence")]
    assert described["AlarmRule"] == '(ALARM("{}") OR ALARM("{}"))'.format(*children)
    assert described["AlarmArn"] == f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}"
    assert described["AlarmDescription"] == "see the runbook"
    tags = monitor.cloudwatch.list_tags_for_resource(ResourceARN=described["AlarmArn"])["Tags"]
    assert {"Key": "team", "Value": "fraud"} in tags
    monitor.becomes("Composite", "ALARM")

    properties = monitor.body["Composite"]["Properties"]
    properties["AlarmRule"] = {"Fn::Sub": "ALARM(${Violations})"}
    monitor.update()
    assert monitor.described("Composite")["StateValue"] == "OK", "judged by the new rule at once"

    refused = error_of(lambda: monitor.cloudwatch.delete_alarms(AlarmNames=[monitor.names["Violations"]]))
    assert "composite alarm(s) depending on it" in refused[1]
    monitor.delete()
    found = monitor.cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm"])
    assert found["CompositeAlarms"] == []


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"AlarmRule": "ALARM(no-such-alarm)"}, "do not exist"),
        ({"AlarmRule": "ALARM("}, "Error in AlarmRule"),
        ({}, "required key [AlarmRule] not found"),
        ({"AlarmRule": "TRUE", "Typo": "x"}, "extraneous key [Typo] is not permitted"),
        ({"AlarmRule": "TRUE", "ActionsSuppressor": "x"}, "not emulated"),
    ],
)
def test_a_composite_alarm_that_aws_would_refuse_fails_the_stack(
    aws: LocalAws, properties: dict[str, Any], words: str
) -> None:
    cloudformation, name = aws.client("cloudformation"), Hosting.name("stack")
    body = as_template({"Composite": {"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": properties}})
    cloudformation.create_stack(StackName=name, TemplateBody=body, OnFailure="DO_NOTHING")

    def failed() -> bool:
        (found,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
        return bool(found["StackStatus"] == "CREATE_FAILED")

    until(failed, what="the stack fails")
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    assert any(words in each.get("ResourceStatusReason", "") for each in events), events

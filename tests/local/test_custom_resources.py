"""Custom resources that are answered later, by another process: CloudFormation waits for the answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tools.embedded_aws import ACCOUNT, LocalAws, until

from .hosting import Hosting, as_template

ROLE = f"arn:aws:iam::{ACCOUNT}:role/Function"
# Answers nothing: it hands the event to a state machine, whose name it has from the properties.
BEGIN_CODE = """
import boto3, json, os
def handler(event, context):
    machine = event["ResourceProperties"]["Machine"]
    if machine != "none":
        boto3.client("stepfunctions").start_execution(stateMachineArn=machine, input=json.dumps(event))
"""
ANSWER_CODE = """
import json, urllib.request
def handler(event, context):
    wanted = event["ResourceProperties"]["Answer"]
    if event["RequestType"] == "Delete":
        wanted = "SUCCESS"
    answer = {
        "Status": wanted,
        "Reason": "the job has failed: " + event["LogicalResourceId"],
        "PhysicalResourceId": "baseline-" + event["ResourceProperties"]["Version"],
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": {"Seen": event["RequestType"] + " " + event["ResourceProperties"]["Version"]},
    }
    answer["Data"]["Minutes"] = str(round(context.get_remaining_time_in_millis() / 60_000))
    request = urllib.request.Request(event["ResponseURL"], json.dumps(answer).encode(), method="PUT")
    request.add_header("content-type", "")
    urllib.request.urlopen(request).close()
"""


def function(code: str) -> dict[str, Any]:
    properties = {
        "Runtime": "python3.14",
        "Handler": "index.handler",
        "Role": ROLE,
        "Timeout": 900,
        "MemorySize": 3008,
        "EphemeralStorage": {"Size": 10_240},
        "Architectures": ["arm64"],
        "Code": {"ZipFile": code},
    }
    return {"Type": "AWS::Lambda::Function", "Properties": properties}


def template(version: str = "1", answer: str = "SUCCESS", *, asked: bool = True, **properties: Any) -> str:
    definition = {
        "StartAt": "Wait",
        "States": {
            "Wait": {"Type": "Wait", "Seconds": 1, "Next": "Answer"},
            "Answer": {"Type": "Task", "Resource": "${Answer}", "End": True},
        },
    }
    named = [json.dumps(definition), {"Answer": {"Fn::GetAtt": ["Answer", "Arn"]}}]
    machine = {"RoleArn": ROLE, "DefinitionString": {"Fn::Sub": named}}
    baseline = {
        "ServiceToken": {"Fn::GetAtt": ["Begin", "Arn"]},
        "Machine": {"Ref": "Machine"} if asked else "none",
        "Version": version,
        "Answer": answer,
        **properties,
    }
    resources = {
        "Begin": function(BEGIN_CODE),
        "Answer": function(ANSWER_CODE),
        "Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": machine},
        "Baseline": {"Type": "Custom::Baseline", "Properties": baseline},
    }
    outputs = {
        "Seen": {"Value": {"Fn::GetAtt": ["Baseline", "Seen"]}},
        "Id": {"Value": {"Ref": "Baseline"}},
        "Minutes": {"Value": {"Fn::GetAtt": ["Baseline", "Minutes"]}},
    }
    return as_template(resources, Outputs=outputs)


class Stack:
    """A stack, and what became of it."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.client = aws.client("cloudformation")
        self.name = Hosting.name("stack")

    def settled(self) -> str:
        def status() -> str | None:
            (found,) = self.client.describe_stacks(StackName=self.name)["Stacks"]
            return None if found["StackStatus"].endswith("IN_PROGRESS") else str(found["StackStatus"])

        return str(until(status, what="the stack"))

    def reasons(self) -> str:
        events = self.client.describe_stack_events(StackName=self.name)["StackEvents"]
        return "\n".join(each.get("ResourceStatusReason", "") for each in events)


@pytest.fixture
def stack(aws: LocalAws) -> Stack:
    return Stack(aws)


def test_the_stack_waits_for_an_answer_that_another_process_gives_later(stack: Stack) -> None:
    stack.client.create_stack(StackName=stack.name, TemplateBody=template())
    assert stack.settled() == "CREATE_COMPLETE", stack.reasons()
    assert stack.aws.outputs(stack.name) == {
        "Seen": "Create 1",
        "Id": "baseline-1",
        "Minutes": "15",
    }
    stack.client.update_stack(StackName=stack.name, TemplateBody=template("2"))
    assert stack.settled() == "UPDATE_COMPLETE", stack.reasons()
    outputs = stack.aws.outputs(stack.name)
    assert (outputs["Seen"], outputs["Id"]) == ("Update 2", "baseline-2")


def test_a_later_failure_rolls_the_stack_back(stack: Stack) -> None:
    stack.client.create_stack(StackName=stack.name, TemplateBody=template(answer="FAILED"))
    assert stack.settled() == "ROLLBACK_COMPLETE"
    assert "the job has failed: Baseline" in stack.reasons()


def test_nobody_waits_longer_than_the_service_timeout(stack: Stack) -> None:
    body = template(asked=False, ServiceTimeout="1")
    stack.client.create_stack(StackName=stack.name, TemplateBody=body, OnFailure="DO_NOTHING")
    assert stack.settled() == "CREATE_FAILED"
    assert "timed out" in stack.reasons()

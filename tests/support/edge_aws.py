"""What rollouts and telemetry of a fleet talk to, in memory: Greengrass, AWS IoT, S3, CloudWatch, Step Functions.

Behind real boto3 clients, as all fakes on :mod:`.fake_aws`: each request and answer is checked against the service's
model.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from botocore.response import StreamingBody

from .fake_aws import EPOCH, Killed, Params, Refused, client_answered_by
from .faults import Fault

REGION, ACCOUNT = "eu-west-1", "111122223333"
FLEET = "cameras"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{FLEET}-rollout"
GROUPS = {each: f"arn:aws:iot:{REGION}:{ACCOUNT}:thinggroup/{FLEET}-{each}" for each in ("canary", "fleet")}
BUCKET = "artefacts"
COMPONENTS = [f"{FLEET}.{each}" for each in ("Runtime", "Model", "Inference")]
MODEL = COMPONENTS[1]


@dataclass
class EdgeAws:
    """What there is, and what was called."""

    objects: dict[tuple[str, str], bytes] = field(default_factory=dict)
    versions: dict[str, Params] = field(default_factory=dict)
    """Component versions by ARN."""
    refused_recipes: dict[str, str] = field(default_factory=dict)
    """Components that fail when they are made: why."""
    deployments: list[Params] = field(default_factory=list)
    members: dict[str, list[str]] = field(default_factory=lambda: {each: [] for each in GROUPS})
    """Things of each group."""
    shadows: dict[str, Params] = field(default_factory=dict)
    outcome: Callable[[str, str], str] = lambda _thing, _version: "Succeeded"
    spreading: Callable[[Params], Params] = lambda _deployment: {}
    """What a deployment's job has beside or instead of its counts, while it has not told all devices."""
    """What becomes of a model's version on a thing: ``Succeeded``, ``Failed``, ``Queued``, …"""
    alarms: set[str] = field(default_factory=set)
    """Those in alarm."""
    executions: dict[str, Params] = field(default_factory=dict)
    metrics: list[Params] = field(default_factory=list)
    notices: list[Params] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    spoiled: dict[int, Fault] = field(default_factory=dict)
    meanwhile: Callable[[str], None] = lambda _operation: None
    """Called before each call is answered: for what others do at the same time."""
    page: int = 100

    def client(self, service: str, **_: object) -> Any:
        """A real boto3 client that talks to this."""
        return client_answered_by(self._answer, service)

    def answers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let boto3 talk to this."""
        monkeypatch.setattr("boto3.client", self.client)

    def counted(self) -> dict[str, float]:
        """The sums of the metrics."""
        sums: dict[str, float] = {}
        for each in self.metrics:
            sums[each["MetricName"]] = sums.get(each["MetricName"], 0) + each["Value"]
        return sums

    def running(self, group: str) -> dict[str, str]:
        """What was deployed to a group last: version by component."""
        found = [each for each in self.deployments if each["targetArn"] == GROUPS[group]]
        return (
            {name: told["componentVersion"] for name, told in found[-1]["components"].items()}
            if found
            else {}
        )

    def desired(self, thing: str) -> object:
        """Which version a thing is to serve."""
        return self.shadows[thing]["state"]["desired"]["version"]

    def _answer(self, operation: str, params: Params) -> Params:
        number = len(self.calls)
        self.calls.append(operation)
        self.meanwhile(operation)
        fault = self.spoiled.pop(number, None)
        if fault == "no connection":
            raise EndpointConnectionError(endpoint_url="spoiled")
        if fault == "killed before":
            raise Killed
        if fault == "throttled":
            raise Refused("ThrottlingException", "Rate exceeded")
        try:
            answered: Params = getattr(self, f"_{operation}")(**params)
            return answered
        finally:
            if fault == "answer lost":
                raise ReadTimeoutError(endpoint_url="spoiled")
            if fault == "killed after":
                raise Killed

    # --- S3 -------------------------------------------------------------------------------------------

    def _GetObject(self, Bucket: str, Key: str, **_: Any) -> Params:  # noqa: N802, N803
        if (Bucket, Key) not in self.objects:
            raise Refused("NoSuchKey", "The specified key does not exist.")
        body = self.objects[Bucket, Key]
        return {"Body": StreamingBody(io.BytesIO(body), len(body)), "ETag": _etag(body)}

    def _PutObject(self, Bucket: str, Key: str, Body: bytes, **_: Any) -> Params:  # noqa: N802, N803
        self.objects[Bucket, Key] = Body
        return {"ETag": '"e"'}

    def _CopyObject(self, Bucket: str, Key: str, CopySource: Any, CopySourceIfMatch: str) -> Params:  # noqa: N802, N803
        source = CopySource["Bucket"], CopySource["Key"]
        if source not in self.objects:
            raise Refused("NoSuchKey", "The specified key does not exist.")
        if _etag(self.objects[source]) != CopySourceIfMatch:
            raise Refused(
                "PreconditionFailed", "At least one of the pre-conditions you specified did not hold"
            )
        self.objects[Bucket, Key] = self.objects[source]
        return {}

    # --- Greengrass: components -----------------------------------------------------------------------

    def _GetCallerIdentity(self) -> Params:  # noqa: N802
        return {"Account": ACCOUNT, "Arn": "arn:aws:iam::111122223333:role/r", "UserId": "u"}

    def _CreateComponentVersion(self, inlineRecipe: bytes, tags: dict[str, str]) -> Params:  # noqa: N802, N803
        recipe = json.loads(inlineRecipe)
        name, version = recipe["ComponentName"], recipe["ComponentVersion"]
        arn = f"arn:aws:greengrass:{REGION}:{ACCOUNT}:components:{name}:versions:{version}"
        if arn in self.versions:
            raise Refused("ConflictException", f"{arn} already exists")
        why = self.refused_recipes.get(name)
        status = {"componentState": "FAILED", "message": why} if why else {"componentState": "DEPLOYABLE"}
        self.versions[arn] = {"status": status, "tags": tags, "recipe": recipe}
        return {
            "arn": arn,
            "componentName": name,
            "componentVersion": version,
            "creationTimestamp": EPOCH,
            "status": {"componentState": "REQUESTED"},
        }

    def _DescribeComponent(self, arn: str) -> Params:  # noqa: N802
        if arn not in self.versions:
            raise Refused("ResourceNotFoundException", f"{arn} is not there")
        told = self.versions[arn]
        return {"arn": arn, "status": told["status"], "tags": told["tags"]}

    def _DeleteComponent(self, arn: str) -> Params:  # noqa: N802
        del self.versions[arn]
        return {}

    # --- Greengrass: deployments ----------------------------------------------------------------------

    def _ListDeployments(self, targetArn: str, historyFilter: str) -> Params:  # noqa: N802, N803
        assert historyFilter == "LATEST_ONLY"
        found = [each for each in self.deployments if each["targetArn"] == targetArn][-1:]
        return {
            "deployments": [
                {"deploymentId": each["deploymentId"], "targetArn": targetArn, "isLatestForTarget": True}
                for each in found
            ]
        }

    def _GetDeployment(self, deploymentId: str) -> Params:  # noqa: N802, N803
        found = next(each for each in self.deployments if each["deploymentId"] == deploymentId)
        latest = [each for each in self.deployments if each["targetArn"] == found["targetArn"]][-1]
        status = found["deploymentStatus"] if found is latest else "INACTIVE"
        return {
            "deploymentId": deploymentId,
            "targetArn": found["targetArn"],
            "components": found["components"],
            "deploymentStatus": status,
            "iotJobId": found["iotJobId"],
        }

    def _CreateDeployment(self, targetArn: str, clientToken: str, **told: Any) -> Params:  # noqa: N802, N803
        assert len(clientToken) <= 64
        there = next((each for each in self.deployments if each["clientToken"] == clientToken), None)
        if there is None:
            number = len(self.deployments) + 1
            there = {
                "deploymentId": f"deployment-{number}",
                "iotJobId": f"job-{number}",
                "targetArn": targetArn,
                "clientToken": clientToken,
                "deploymentStatus": "ACTIVE",
                **told,
            }
            self.deployments.append(there)
            self._take(there)
        return {"deploymentId": there["deploymentId"], "iotJobId": there["iotJobId"]}

    def _take(self, deployment: Params) -> None:
        """Devices that serve a model say so in their shadow."""
        version = deployment["components"].get(MODEL, {}).get("componentVersion")
        for thing in self.members[_group_of(deployment["targetArn"])]:
            if version is not None and self.outcome(thing, version) == "Succeeded":
                self.shadows.setdefault(thing, {"state": {}})["state"]["reported"] = {
                    "version": version,
                    "wanted": version,
                    "status": "serving",
                }

    # --- AWS IoT --------------------------------------------------------------------------------------

    def _DescribeJob(self, jobId: str) -> Params:  # noqa: N802, N803
        found = next(each for each in self.deployments if each["iotJobId"] == jobId)
        version = found["components"].get(MODEL, {}).get("componentVersion", "")
        details: Params = {}
        for thing in self.members[_group_of(found["targetArn"])]:
            name = f"numberOf{self.outcome(thing, version)}Things"
            details[name] = details.get(name, 0) + 1
        details |= self.spreading(found)
        return {"job": {"jobId": jobId, "status": "IN_PROGRESS", "jobProcessDetails": details}}

    def _ListThingsInThingGroup(self, thingGroupName: str, **more: Any) -> Params:  # noqa: N802, N803
        found = self.members[thingGroupName.rpartition("-")[2]]
        start, most = int(more.get("nextToken", 0)), min(more.get("maxResults", self.page), self.page)
        following = start + most
        return {
            "things": found[start:following],
            **({"nextToken": str(following)} if following < len(found) else {}),
        }

    def _UpdateThingShadow(self, thingName: str, shadowName: str, payload: bytes) -> Params:  # noqa: N802, N803
        assert shadowName == "model"
        told = json.loads(payload)["state"]["desired"]
        state = self.shadows.setdefault(thingName, {"state": {}})["state"]
        state["desired"] = {**state.get("desired", {}), **told}
        return {}

    def _GetThingShadow(self, thingName: str, shadowName: str) -> Params:  # noqa: N802, N803
        if thingName not in self.shadows:
            raise Refused("ResourceNotFoundException", "No shadow exists")
        body = json.dumps(self.shadows[thingName]).encode()
        return {"payload": StreamingBody(io.BytesIO(body), len(body))}

    # --- all else -------------------------------------------------------------------------------------

    def _DescribeAlarms(self, AlarmNames: list[str], StateValue: str, AlarmTypes: list[str]) -> Params:  # noqa: N802, N803
        assert StateValue == "ALARM"
        assert set(AlarmTypes) == {"MetricAlarm", "CompositeAlarm"}
        return {"MetricAlarms": [{"AlarmName": each} for each in AlarmNames if each in self.alarms]}

    def _DescribeExecution(self, executionArn: str) -> Params:  # noqa: N802, N803
        there = self.executions[executionArn]
        return {"executionArn": executionArn, "stateMachineArn": MACHINE, "startDate": EPOCH, **there}

    def _StartExecution(self, stateMachineArn: str, name: str, input: str) -> Params:  # noqa: N802, N803
        assert stateMachineArn == MACHINE
        assert len(name) <= 80
        arn = execution(name)
        there = self.executions.get(arn)
        if there is not None and (there["status"] != "RUNNING" or there["input"] != input):
            raise Refused("ExecutionAlreadyExists", f"Execution Already Exists: '{name}'")
        self.executions.setdefault(arn, {"status": "RUNNING", "input": input})
        return {"executionArn": arn, "startDate": EPOCH}

    def _ListExecutions(self, stateMachineArn: str, statusFilter: str) -> Params:  # noqa: N802, N803
        return {
            "executions": [
                {
                    "executionArn": arn,
                    "stateMachineArn": stateMachineArn,
                    "name": arn.rpartition(":")[2],
                    "status": "RUNNING",
                    "startDate": EPOCH + timedelta(seconds=number),
                }
                for number, (arn, told) in enumerate(self.executions.items())
                if told["status"] == statusFilter
            ]
        }

    def _StopExecution(self, executionArn: str, error: str, cause: str) -> Params:  # noqa: N802, N803
        self.executions[executionArn] |= {"status": "ABORTED", "error": error, "cause": cause}
        return {"stopDate": EPOCH}

    def _Publish(self, TopicArn: str, Subject: str, Message: str) -> Params:  # noqa: N802, N803
        assert 1 <= len(Subject) <= 100
        self.notices.append({"TopicArn": TopicArn, "Subject": Subject, "Message": Message})
        return {"MessageId": "notice"}

    def _PutMetricData(self, Namespace: str, MetricData: list[Params]) -> Params:  # noqa: N802, N803
        assert Namespace == "ConstructsLib/Edge"
        assert 0 < len(MetricData) <= 1000
        self.metrics += MetricData
        return {}


def execution(name: str) -> str:
    """The ARN of an execution."""
    return f"{MACHINE.replace(':stateMachine:', ':execution:')}:{name}"


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


def _group_of(arn: str) -> str:
    return arn.rpartition("-")[2]

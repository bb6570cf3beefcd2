"""The smoke test's function as AWS runs it, with an endpoint, a bucket and a stack in memory."""

from __future__ import annotations

import importlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from .fake_aws import EPOCH, Params, Refused, client_answered_by
from .guard import Clock
from .receiver import Receiver

Says = Callable[[], Params]


def runtime(name: str) -> ModuleType:
    """A module of the function."""
    return importlib.import_module(f"constructs_lib.delivery.runtime.{name}")


def body(content: bytes, content_type: str = "application/json") -> Says:
    """An answer of the model's."""
    return lambda: {"Body": io.BytesIO(content), "ContentType": content_type}


def refusal(code: str, message: str = "no", **more: Any) -> Says:
    """SageMaker's refusal, or with ModelError the model's."""

    def refuse() -> Params:
        raise Refused(code, message, **more)

    return refuse


def model_error(status: int, message: str = "no such column") -> Says:
    """An error that the model itself answers with."""
    return refusal("ModelError", OriginalStatusCode=status, OriginalMessage=message)


@dataclass
class SmokeTested:
    """What the function asks, and what it is told."""

    receiver: Receiver
    clock: Clock = field(default_factory=Clock)
    says: list[Says] = field(default_factory=lambda: [body(b'{"label": "benign"}')])
    """What comes of the requests, one after the other; the last again and again."""
    takes: float = 0.1
    """Seconds of each request."""
    stack_status: str | None = "UPDATE_IN_PROGRESS"
    """None: nobody tells."""
    objects: dict[str, bytes] = field(default_factory=dict)
    asked: list[Params] = field(default_factory=list)

    def installed(self, patch: pytest.MonkeyPatch) -> SmokeTested:
        """Put in the place of AWS and of the clock."""
        for name in ("smoke", "asking"):
            patch.setattr(runtime(name), "time", self.clock)
            patch.setattr(
                runtime(name), "client", lambda service, *_: client_answered_by(self._answer, service)
            )
        return self

    def call(self, request: str = "Update", *, seconds: float = 900, **properties: Any) -> Params:
        """Call as CloudFormation does; what it is told."""
        event = {
            "RequestType": request,
            "ResponseURL": self.receiver.url,
            "StackId": "arn:aws:cloudformation:eu-west-1:111122223333:stack/Fraud/1",
            "RequestId": "1",
            "LogicalResourceId": "SmokeTest",
            "ResourceType": "Custom::SmokeTest",
            "ResourceProperties": {
                "EndpointName": "fraud",
                "Request": {"Body": "1,2", "Headers": {"ContentType": "text/csv"}},
                "Expected": json.dumps({"Status": 200, "Json": {"$.label": "benign"}}),
                "PatienceSeconds": "300",
                **properties,
            },
        }
        if request != "Create":
            event["PhysicalResourceId"] = "smoke-test-of-fraud"
        self.receiver.answers.clear()
        runtime("smoke").handle(
            event, SimpleNamespace(get_remaining_time_in_millis=lambda: int(seconds * 1000))
        )
        (told,) = self.receiver.answers
        return told

    def _answer(self, operation: str, params: Params) -> Params:
        answered: Params = getattr(self, f"_{operation}")(params)
        return answered

    def _InvokeEndpoint(self, params: Params) -> Params:  # noqa: N802
        self.asked.append(params)
        self.clock.now += self.takes
        return self.says[min(len(self.asked), len(self.says)) - 1]()

    def _InvokeEndpointAsync(self, params: Params) -> Params:  # noqa: N802
        self.asked.append(params)
        self.objects |= self.says[0]()
        return {"OutputLocation": "s3://answers/out/1", "FailureLocation": "s3://answers/failed/1"}

    def _PutObject(self, params: Params) -> Params:  # noqa: N802
        self.objects[f"s3://{params['Bucket']}/{params['Key']}"] = params["Body"]
        return {}

    def _GetObject(self, params: Params) -> Params:  # noqa: N802
        found = self.objects.get(f"s3://{params['Bucket']}/{params['Key']}")
        if found is None:
            raise Refused("NoSuchKey", "The specified key does not exist.")
        return {"Body": io.BytesIO(found), "ContentType": "binary/octet-stream"}

    def _DescribeStacks(self, params: Params) -> Params:  # noqa: N802
        if self.stack_status is None:
            raise Refused("AccessDenied", "no")
        told = {"StackName": "Fraud", "CreationTime": EPOCH, "StackStatus": self.stack_status}
        return {"Stacks": [told]}

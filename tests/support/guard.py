"""The deploy guard's function as AWS runs it: loaded from its file, called with events, its answers received."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any

from .fake_aws import FakeAws
from .receiver import Receiver

PREFIX = "/constructs-lib/released-scaling"


@cache
def module(name: str = "deploy_guard") -> ModuleType:
    """The function's module."""
    return importlib.import_module(f"constructs_lib.hosting.runtime.{name}")


@dataclass
class Clock:
    """The function's clock; while it sleeps, `meanwhile` happens."""

    now: float = 1_800_000_000.0
    slept: list[float] = field(default_factory=list)
    meanwhile: Any = None

    def time(self) -> float:
        """Seconds since the epoch."""
        return self.now

    def monotonic(self) -> float:
        """Seconds since some time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.slept.append(seconds)
        if self.meanwhile is not None:
            self.meanwhile()


@dataclass
class Guard:
    """The function of one account, and what calls it."""

    aws: FakeAws
    clock: Clock
    receiver: Receiver

    def custom_resource(self, kind: str, request: str, **properties: Any) -> dict[str, Any]:
        """Call as CloudFormation does for a resource ``Custom::Endpoint<kind>``; its answer."""
        event = {
            "RequestType": request,
            "ResponseURL": self.receiver.url,
            "StackId": "arn:aws:cloudformation:eu-west-1:111122223333:stack/Fraud/1",
            "RequestId": f"request-{len(self.receiver.answers)}",
            "LogicalResourceId": kind,
            "ResourceType": f"Custom::Endpoint{kind}",
            "ResourceProperties": {"EndpointName": "fraud", **properties},
        }
        if request != "Create":
            event["PhysicalResourceId"] = f"{kind}-of-endpoint"
        self.receiver.answers.clear()
        module().handle(event, None)
        (answer,) = self.receiver.answers
        return answer

    def release(self, request: str = "Update", **types: str) -> dict[str, Any]:
        """*Release*, told the instance types that the template wants."""
        return self.custom_resource("Release", request, InstanceTypes=types)

    def settle(self, config: str, request: str = "Update") -> dict[str, Any]:
        """*Settle*, told the configuration that the endpoint should run."""
        return self.custom_resource("Settle", request, ConfigName=config)

    def at_rest(self, *, time: str) -> None:
        """Call as EventBridge does when an endpoint came to rest."""
        detail = {"EndpointName": "fraud", "EndpointStatus": "IN_SERVICE"}
        module().handle({"source": "aws.sagemaker", "time": time, "detail": detail}, None)

"""SageMaker, Application Auto Scaling and SSM in memory, behind real boto3 clients.

boto3 checks and serializes each request as it does for AWS; what would go over the network is answered
here instead, and each answer is checked against the service's own model too. Refuses what AWS refuses: a
changed or removed variant that is still registered, a policy without its target, a target twice gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
from botocore.model import OperationModel
from botocore.validate import ParamValidator

Params = dict[str, Any]
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class Killed(BaseException):
    """The function's process ends here: no more code of it runs, no answer is given."""


class Refused(Exception):
    """AWS refuses the call."""

    def __init__(self, code: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.code = code
        self.more = more
        """What the error has beside them."""


@dataclass
class FakeAws:
    """What there is, and what was called."""

    configs: dict[str, dict[str, str]] = field(default_factory=dict)
    """Configuration → variant → instance type."""
    shadows: frozenset[str] = frozenset()
    """Names of variants that are shadow variants, in every configuration."""
    endpoints: dict[str, Params] = field(default_factory=dict)
    targets: dict[str, Params] = field(default_factory=dict)
    """Scalable targets by resource id, with their policies and scheduled actions."""
    parameters: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    kill_before: int | None = None
    """Number of the call, counted from 1, that is never made."""
    refuse: dict[str, Refused] = field(default_factory=dict)
    """Operations that AWS refuses for a reason of its own."""

    def client(self, service: str) -> Any:
        """A real boto3 client that talks to this."""
        return client_answered_by(self._answer, service)

    def _answer(self, operation: str, params: Params) -> Params:
        self.calls.append(operation)
        if self.kill_before == len(self.calls):
            raise Killed
        if operation in self.refuse:
            raise self.refuse[operation]
        answered: Params = getattr(self, f"_{operation}")(**params)
        return answered

    # --- what CloudFormation and SageMaker do around the function ---------------------------------

    def update_endpoint(self, name: str, config: str) -> None:
        """Let the endpoint run `config`, unless auto scaling stands against it."""
        if name in self.endpoints:
            current, wanted = self.configs[self.endpoints[name]["EndpointConfigName"]], self.configs[config]
            for variant, type in current.items():
                if wanted.get(variant) != type and f"endpoint/{name}/variant/{variant}" in self.targets:
                    raise Refused("ValidationException", f"variant {variant} is registered with auto scaling")
        self.endpoints[name] = {"EndpointConfigName": config, "EndpointStatus": "InService"}

    def scale(self, name: str, variant: str, **target: object) -> None:
        """Register a variant, with a policy of each kind and a scheduled action."""
        key = f"endpoint/{name}/variant/{variant}"
        self.targets[key] = {
            **{"MinCapacity": 2, "MaxCapacity": 8, "SuspendedState": _SUSPENDED, **target},
            "policies": {
                f"{variant}-Invocations": _TRACKING,
                f"{variant}-Cpu": _TRACKING,
                f"{variant}-StepOut": _STEP,
            },
            "actions": {f"{variant}-Night": _NIGHT},
        }

    # --- SageMaker --------------------------------------------------------------------------------

    def _DescribeEndpoint(self, EndpointName: str) -> Params:  # noqa: N802, N803
        found = self.endpoints.get(EndpointName)
        if found is None:
            raise Refused("ValidationException", f'Could not find endpoint "{EndpointName}".')
        return {
            "EndpointName": EndpointName,
            "EndpointArn": f"arn:aws:sagemaker:eu-west-1:111122223333:endpoint/{EndpointName}",
            "CreationTime": EPOCH,
            "LastModifiedTime": EPOCH,
            **found,
        }

    def _DescribeEndpointConfig(self, EndpointConfigName: str) -> Params:  # noqa: N802, N803
        variants = [
            {"VariantName": name, "ModelName": "fraud", **({"InstanceType": type} if type else {})}
            for name, type in self.configs[EndpointConfigName].items()
        ]
        shadows = [each for each in variants if each["VariantName"] in self.shadows]
        return {
            "EndpointConfigName": EndpointConfigName,
            "EndpointConfigArn": f"arn:aws:sagemaker:eu-west-1:111122223333:endpoint-config/{EndpointConfigName}",
            "CreationTime": EPOCH,
            "ProductionVariants": [each for each in variants if each not in shadows],
            **({"ShadowProductionVariants": shadows} if shadows else {}),
        }

    # --- Application Auto Scaling -----------------------------------------------------------------

    def _DescribeScalableTargets(self, ResourceIds: list[str], **key: str) -> Params:  # noqa: N802, N803
        return {
            "ScalableTargets": [
                {
                    **key,
                    **{
                        name: self.targets[id][name]
                        for name in ("MinCapacity", "MaxCapacity", "SuspendedState")
                    },
                    "ResourceId": id,
                    "RoleARN": "arn:aws:iam::111122223333:role/service-linked",
                    "CreationTime": EPOCH,
                }
                for id in ResourceIds
                if id in self.targets
            ]
        }

    def _DescribeScalingPolicies(self, ResourceId: str, **key: str) -> Params:  # noqa: N802, N803
        whole = self.targets[ResourceId]["policies"]
        common = {**_key(key), "ResourceId": ResourceId, "PolicyARN": "arn:aws:policy", "CreationTime": EPOCH}
        alarms = [{"AlarmName": "TargetTracking-x", "AlarmARN": "arn:aws:alarm"}]
        items = [{"PolicyName": name, **each, **common, "Alarms": alarms} for name, each in whole.items()]
        return _page("ScalingPolicies", items, key)

    def _DescribeScheduledActions(self, ResourceId: str, **key: str) -> Params:  # noqa: N802, N803
        whole = self.targets[ResourceId]["actions"]
        common = {
            **_key(key),
            "ResourceId": ResourceId,
            "ScheduledActionARN": "arn:aws:x",
            "CreationTime": EPOCH,
        }
        items = [{"ScheduledActionName": name, **each, **common} for name, each in whole.items()]
        return _page("ScheduledActions", items, key)

    def _DeregisterScalableTarget(self, ResourceId: str, **_: str) -> Params:  # noqa: N802, N803
        if self.targets.pop(ResourceId, None) is None:
            raise Refused("ObjectNotFoundException", "No scalable target registered")
        return {}

    def _RegisterScalableTarget(self, ResourceId: str, **target: Any) -> Params:  # noqa: N802, N803
        kept = self.targets.get(ResourceId, {"policies": {}, "actions": {}})
        self.targets[ResourceId] = {**kept, **_without_key(target)}
        return {"ScalableTargetARN": "arn:aws:target"}

    def _PutScalingPolicy(self, ResourceId: str, PolicyName: str, **policy: Any) -> Params:  # noqa: N802, N803
        self._registered(ResourceId)["policies"][PolicyName] = _without_key(policy)
        return {"PolicyARN": "arn:aws:policy"}

    def _PutScheduledAction(self, ResourceId: str, ScheduledActionName: str, **action: Any) -> Params:  # noqa: N802, N803
        self._registered(ResourceId)["actions"][ScheduledActionName] = _without_key(action)
        return {}

    def _registered(self, resource_id: str) -> Params:
        if resource_id not in self.targets:
            raise Refused("ObjectNotFoundException", "No scalable target registered")
        return self.targets[resource_id]

    # --- SSM --------------------------------------------------------------------------------------

    def _PutParameter(self, Name: str, Value: str, **_: object) -> Params:  # noqa: N802, N803
        self.parameters[Name] = Value
        return {"Version": 1, "Tier": "Standard"}

    def _GetParameter(self, Name: str) -> Params:  # noqa: N802, N803
        if Name not in self.parameters:
            raise Refused("ParameterNotFound", "")
        return {"Parameter": {"Name": Name, "Type": "String", "Value": self.parameters[Name]}}

    def _DeleteParameter(self, Name: str) -> Params:  # noqa: N802, N803
        if self.parameters.pop(Name, None) is None:
            raise Refused("ParameterNotFound", "")
        return {}


_SUSPENDED = {
    "DynamicScalingInSuspended": True,
    "DynamicScalingOutSuspended": False,
    "ScheduledScalingSuspended": False,
}
_TRACKING = {
    "PolicyType": "TargetTrackingScaling",
    "TargetTrackingScalingPolicyConfiguration": {
        "TargetValue": 600.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        "ScaleInCooldown": 300,
        "ScaleOutCooldown": 60,
        "DisableScaleIn": False,
    },
}
_STEP = {
    "PolicyType": "StepScaling",
    "StepScalingPolicyConfiguration": {
        "AdjustmentType": "ChangeInCapacity",
        "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 2}],
        "Cooldown": 300,
        "MetricAggregationType": "Average",
    },
}
_NIGHT = {
    "Schedule": "cron(0 22 * * ? *)",
    "Timezone": "Europe/Berlin",
    "ScalableTargetAction": {"MinCapacity": 1, "MaxCapacity": 2},
}
_KEY = ("ServiceNamespace", "ScalableDimension")


def _key(params: Mapping[str, str]) -> Params:
    return {name: params[name] for name in _KEY}


def _without_key(params: Params) -> Params:
    return {name: value for name, value in params.items() if name not in _KEY}


def _page(result: str, items: list[Params], params: Mapping[str, str]) -> Params:
    """One item a page, so that whoever reads the first page only is found out."""
    start = int(params.get("NextToken", "0"))
    more = {"NextToken": str(start + 1)} if start + 1 < len(items) else {}
    return {result: items[start : start + 1], **more}


class _Session(boto3.Session):
    """A session that asks `answer` instead of the network."""

    answer: Callable[[str, Params], Params]

    def __init__(self) -> None:
        super().__init__("test", "test", region_name="eu-west-1")
        self.events.register("before-parameter-build.*.*", self._remember)
        self.events.register("before-call.*.*", self._short_circuit)

    def _remember(self, params: Params, context: Params, **_: object) -> None:
        context["given"] = dict(params)

    def _short_circuit(self, model: OperationModel, context: Params, **_: object) -> tuple[Any, Params]:
        status = {"HTTPStatusCode": 200}
        try:
            parsed = self.answer(model.name, context["given"])
        except Refused as error:
            status = {"HTTPStatusCode": 400}
            parsed = {"Error": {"Code": error.code, "Message": str(error)}, **error.more}
        else:
            _check_answer(model, parsed)
        return type("Response", (), {"status_code": status["HTTPStatusCode"]}), {
            **parsed,
            "ResponseMetadata": status,
        }


def _check_answer(model: OperationModel, parsed: Params) -> None:
    """The answer is one that the service's model allows: no invented field, none missing."""
    shape = model.output_shape
    if shape is None:
        return
    assert set(parsed) <= set(shape.members), f"{model.name} answers no {set(parsed) - set(shape.members)}"
    report = ParamValidator().validate(parsed, shape)
    assert not report.has_errors(), report.generate_report()


def client_answered_by(answer: Callable[[str, Params], Params], service: str) -> Any:
    """A real boto3 client whose calls `answer` answers: operation, parameters → what AWS would tell."""
    _session().answer = answer
    return _client(service)


@cache
def _session() -> _Session:
    return _Session()


@cache
def _client(service: str) -> Any:
    """Made once: making one reads the service's whole model."""
    return _session().client(service)

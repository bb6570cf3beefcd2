"""Templates for the tests of rules: good ones, and ways to break them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from typing import Any

from constructs_lib.rules import Finding, Template, findings

IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/fraud:1.0"
CONFIG, ENDPOINT, MODEL = (
    "AWS::SageMaker::EndpointConfig",
    "AWS::SageMaker::Endpoint",
    "AWS::SageMaker::Model",
)
TARGET, POLICY = (
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
)

Resources = dict[str, Any]


def resource(type: str, **properties: Any) -> dict[str, Any]:
    return {"Type": type, "Properties": properties}


def text_of(resources: Resources, **sections: Any) -> str:
    return json.dumps({**sections, "Resources": resources}, indent=1)


def found(resources: Resources, *, ignoring: Iterable[str] = (), **sections: Any) -> list[Finding]:
    return findings(Template.of(text_of(resources, **sections)), ignoring=ignoring)


def rules(resources: Resources, **sections: Any) -> set[str]:
    """The ids of the broken rules; advice too."""
    return {each.rule.id for each in found(resources, **sections)}


def changed(resources: Resources, path: str, value: object) -> Resources:
    """A copy with the value at ``Config.ProductionVariants.0.VariantName``; `DROP` takes it away."""
    broken = copy.deepcopy(resources)
    name, *steps, last = path.split(".")
    place: Any = broken[name]["Properties"]
    for step in steps:
        place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
    key: Any = int(last) if isinstance(place, list) else last
    if value is DROP:
        del place[key]
    else:
        place[key] = value
    return broken


DROP = object()


def on_instances(name: str = "A", **more: Any) -> dict[str, Any]:
    return {
        "VariantName": name,
        "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 2,
        "InitialVariantWeight": 1,
        **more,
    }


def serverless(name: str = "A", **more: Any) -> dict[str, Any]:
    return {
        "VariantName": name,
        "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
        "InitialVariantWeight": 1,
        "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 20, **more},
    }


def a_model(**more: Any) -> dict[str, Any]:
    container = {"Image": IMAGE, "ModelDataUrl": "s3://artefacts/fraud/model.tar.gz"}
    return resource(
        MODEL, ExecutionRoleArn="arn:aws:iam::111122223333:role/serve", PrimaryContainer=container, **more
    )


def a_pipeline(count: int = 2) -> dict[str, Any]:
    return resource(MODEL, ExecutionRoleArn="role", Containers=[{"Image": IMAGE} for _ in range(count)])


def a_config(*variants: dict[str, Any], **more: Any) -> dict[str, Any]:
    return resource(CONFIG, ProductionVariants=list(variants or (on_instances(),)), **more)


def an_endpoint(**more: Any) -> dict[str, Any]:
    given = {"EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]}, "EndpointName": "fraud"}
    return resource(ENDPOINT, **{**given, **more})


def blue_green(**more: Any) -> dict[str, Any]:
    """Half of it a canary, with two alarms."""
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
                "WaitIntervalInSeconds": 600,
            },
            "TerminationWaitInSeconds": 300,
            "MaximumExecutionTimeoutInSeconds": 3600,
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}, {"AlarmName": "latency"}]},
        **more,
    }


def rolling() -> dict[str, Any]:
    return {
        "RollingUpdatePolicy": {
            "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
            "WaitIntervalInSeconds": 60,
            "RollbackMaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 100},
            "MaximumExecutionTimeoutInSeconds": 3600,
        }
    }


def a_target(**more: Any) -> dict[str, Any]:
    given = {
        "ServiceNamespace": "sagemaker",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        "ResourceId": {
            "Fn::Join": ["", ["endpoint/", {"Fn::GetAtt": ["Endpoint", "EndpointName"]}, "/variant/A"]]
        },
        "MinCapacity": 2,
        "MaxCapacity": 10,
    }
    return resource(TARGET, **{**given, **more})


def a_tracking(
    metric: str = "SageMakerVariantInvocationsPerInstance", target: object = 600
) -> dict[str, Any]:
    return resource(
        POLICY,
        PolicyName="track",
        PolicyType="TargetTrackingScaling",
        ScalingTargetId={"Ref": "Target"},
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": target,
            "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
        },
    )


def a_stepping(*bounds: tuple[float | None, float | None]) -> dict[str, Any]:
    steps = [
        {"ScalingAdjustment": 1}
        | ({} if low is None else {"MetricIntervalLowerBound": low})
        | ({} if high is None else {"MetricIntervalUpperBound": high})
        for low, high in bounds or ((0, 10), (10, None))
    ]
    return resource(
        POLICY,
        PolicyName="step",
        PolicyType="StepScaling",
        ScalingTargetId={"Ref": "Target"},
        StepScalingPolicyConfiguration={"AdjustmentType": "ChangeInCapacity", "StepAdjustments": steps},
    )


def realtime(**more: Any) -> Resources:
    """A whole real-time endpoint that scales, and breaks nothing."""
    return {
        "Model": a_model(),
        "Config": a_config(),
        "Endpoint": an_endpoint(DeploymentConfig=blue_green()),
        "Target": a_target(),
        "Tracking": a_tracking(),
        "Stepping": a_stepping(),
        **more,
    }


def without_servers(**more: Any) -> Resources:
    return {"Model": a_model(), "Config": a_config(serverless()), "Endpoint": an_endpoint(), **more}


def a_queue(**more: Any) -> Resources:
    output = {"S3OutputPath": "s3://answers/good", "S3FailurePath": "s3://answers/bad"}
    waiting = {"OutputConfig": output, "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 4}}
    return {
        "Model": a_model(),
        "Config": a_config(AsyncInferenceConfig=waiting),
        "Endpoint": an_endpoint(),
        **more,
    }


def a_shadow_test(**more: Any) -> Resources:
    config = a_config(ShadowProductionVariants=[on_instances("B")])
    return {
        "Model": a_model(),
        "Config": config,
        "Endpoint": an_endpoint(DeploymentConfig=blue_green()),
        **more,
    }


def a_fleet(**more: Any) -> Resources:
    """An endpoint of inference components with one on it."""
    variant = {
        "VariantName": "A",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        "ManagedInstanceScaling": {"Status": "ENABLED", "MinInstanceCount": 1, "MaxInstanceCount": 4},
    }
    network = {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    component = resource(
        "AWS::SageMaker::InferenceComponent",
        InferenceComponentName="scorer",
        EndpointName={"Fn::GetAtt": ["Endpoint", "EndpointName"]},
        VariantName="A",
        RuntimeConfig={"CopyCount": 4},
        Specification={
            "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
            "ComputeResourceRequirements": {
                "MinMemoryRequiredInMb": 1024,
                "MaxMemoryRequiredInMb": 2048,
                "NumberOfCpuCoresRequired": 1,
            },
            "StartupParameters": {"ModelDataDownloadTimeoutInSeconds": 600},
        },
        DeploymentConfig={
            "RollingUpdatePolicy": {
                "MaximumBatchSize": {"Type": "COPY_COUNT", "Value": 1},
                "WaitIntervalInSeconds": 60,
                "RollbackMaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 100},
            },
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]},
        },
    )
    config = a_config(variant, ExecutionRoleArn="arn:aws:iam::111122223333:role/serve", VpcConfig=network)
    return {"Model": a_model(), "Config": config, "Endpoint": an_endpoint(), "Component": component, **more}

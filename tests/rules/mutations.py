"""Good templates, each with one thing broken, and the rule that says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .support import (
    DROP,
    IMAGE,
    Resources,
    a_fleet,
    a_model,
    a_pipeline,
    a_queue,
    a_shadow_test,
    a_stepping,
    a_target,
    a_tracking,
    blue_green,
    changed,
    on_instances,
    realtime,
    resource,
    rolling,
    serverless,
    without_servers,
)


@dataclass(frozen=True)
class Mutation:
    good: Callable[..., Resources]
    path: str
    value: object
    rule: str

    @property
    def broken(self) -> Resources:
        good = self.good()
        # A whole resource is put in its place; else a property is set.
        if "." not in self.path:
            return {**good, self.path: self.value}
        return changed(good, self.path, self.value)

    def __str__(self) -> str:
        return f"{self.rule} {self.path}"


def pipeline() -> Resources:
    return {"Model": a_pipeline()}


def many_models() -> Resources:
    """A multi-model container."""
    container = {"Image": IMAGE, "Mode": "MultiModel", "ModelDataUrl": "s3://artefacts/models/"}
    return {"Model": resource("AWS::SageMaker::Model", ExecutionRoleArn="role", PrimaryContainer=container)}


def uncompressed() -> Resources:
    source = {"S3Uri": "s3://artefacts/fraud/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    container = {"Image": IMAGE, "ModelDataSource": {"S3DataSource": source}}
    return {"Model": resource("AWS::SageMaker::Model", ExecutionRoleArn="role", PrimaryContainer=container)}


def scaled_serverless() -> Resources:
    made = without_servers()
    made["Config"]["Properties"]["ProductionVariants"][0]["ServerlessConfig"]["ProvisionedConcurrency"] = 2
    dimension = "sagemaker:variant:DesiredProvisionedConcurrency"
    target = a_target(ScalableDimension=dimension, MinCapacity=1, MaxCapacity=10)
    return {
        **made,
        "Target": target,
        "Tracking": a_tracking("SageMakerVariantProvisionedConcurrencyUtilization", 0.7),
    }


def experiment() -> Resources:
    def variant(name: str) -> dict[str, Any]:
        machine = {"InstanceType": "ml.m5.large", "InstanceCount": 1}
        infrastructure = {"InfrastructureType": "RealTimeInference", "RealTimeInferenceConfig": machine}
        return {"ModelName": "fraud", "VariantName": name, "InfrastructureConfig": infrastructure}

    shadows = [{"ShadowModelVariantName": "B", "SamplingPercentage": 50}]
    return {
        "Test": resource(
            "AWS::SageMaker::InferenceExperiment",
            Name="shadow",
            Type="ShadowMode",
            ModelVariants=[variant("A"), variant("B")],
            ShadowModeConfig={"SourceModelVariantName": "A", "ShadowModelVariants": shadows},
            Schedule={"StartTime": "2027-01-01T00:00:00Z", "EndTime": "2027-01-08T00:00:00Z"},
        )
    }


def jobs() -> Resources:
    """Two definitions of Model Monitor's jobs beside an endpoint."""
    cluster = {"ClusterConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 20}}
    network = {"VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}
    seen = {"EndpointName": {"Fn::GetAtt": ["Endpoint", "EndpointName"]}, "LocalPath": "/opt"}
    window = {"StartTimeOffset": "-PT3H", "EndTimeOffset": "-PT2H"}
    return {
        **realtime(),
        "Quality": resource(
            "AWS::SageMaker::ModelQualityJobDefinition",
            JobResources=cluster,
            NetworkConfig=network,
            ModelQualityJobInput={"EndpointInput": {**seen, **window}},
        ),
        "Attribution": resource(
            "AWS::SageMaker::ModelExplainabilityJobDefinition", JobResources=cluster, NetworkConfig={}
        ),
    }


def in_batches() -> Resources:
    """A real-time endpoint that is replaced in place."""
    return changed(realtime(), "Endpoint.DeploymentConfig", rolling())


def keyed() -> Resources:
    return changed(realtime(), "Config.KmsKeyId", "key")


def schedule() -> Resources:
    config = {
        "ScheduleConfig": {"ScheduleExpression": "cron(0 * ? * * *)"},
        "MonitoringJobDefinitionName": "x",
    }
    return {"Schedule": resource("AWS::SageMaker::MonitoringSchedule", MonitoringScheduleConfig=config)}


def alarm() -> Resources:
    names = [{"Name": "EndpointName", "Value": "fraud"}, {"Name": "VariantName", "Value": "A"}]
    return {
        "Alarm": resource(
            "AWS::CloudWatch::Alarm",
            Namespace="AWS/SageMaker",
            MetricName="ModelLatency",
            Dimensions=names,
            Period=60,
            EvaluationPeriods=3,
            DatapointsToAlarm=2,
            AlarmActions=["arn:topic"],
        )
    }


_V = "Config.ProductionVariants"
_R = "Endpoint.DeploymentConfig.BlueGreenUpdatePolicy.TrafficRoutingConfiguration"
_C = "Component.Specification"
_O = "Config.AsyncInferenceConfig.OutputConfig"
_N = f"{_O}.NotificationConfig"
_D = "Endpoint.DeploymentConfig"
_ELEVEN_TYPES = [f"text/x{number}" for number in range(11)]
_ROLLING_OF_ONE = {"MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 2}, "WaitIntervalInSeconds": 60}

MUTATIONS = [
    # endpoint configurations
    Mutation(realtime, _V, [on_instances(), on_instances()], rule="SM-ENDPOINT-002"),
    Mutation(realtime, _V, [on_instances(f"V{number}") for number in range(11)], rule="SM-ENDPOINT-002"),
    Mutation(realtime, f"{_V}.0.InitialVariantWeight", 0, rule="SM-ENDPOINT-004"),
    Mutation(realtime, "Config.MetricsConfig.MetricPublishFrequencyInSeconds", 45, rule="SM-ENDPOINT-007"),
    Mutation(realtime, f"{_V}.0.VariantName", "my_variant", rule="SM-VARIANT-001"),
    Mutation(realtime, f"{_V}.0.ModelName", DROP, rule="SM-VARIANT-002"),
    Mutation(realtime, f"{_V}.0.InstanceType", "m5.large", rule="SM-VARIANT-003"),
    Mutation(realtime, f"{_V}.0.InstanceType", DROP, rule="SM-VARIANT-003"),
    Mutation(realtime, f"{_V}.0.InitialInstanceCount", 0, rule="SM-VARIANT-004"),
    Mutation(realtime, f"{_V}.0.VolumeSizeInGB", 513, rule="SM-VARIANT-004"),
    Mutation(realtime, f"{_V}.0.InitialVariantWeight", -1, rule="SM-VARIANT-004"),
    Mutation(realtime, f"{_V}.0.ModelDataDownloadTimeoutInSeconds", 59, rule="SM-VARIANT-005"),
    Mutation(realtime, f"{_V}.0.ContainerStartupHealthCheckTimeoutInSeconds", 3601, rule="SM-VARIANT-005"),
    Mutation(realtime, f"{_V}.0.InferenceAmiVersion", "AMI 2", rule="SM-VARIANT-006"),
    Mutation(realtime, f"{_V}.0.InstanceType", "ml.t2.medium", rule="SM-VARIANT-007"),
    Mutation(realtime, f"{_V}.0.InitialInstanceCount", 11, rule="SM-VARIANT-008"),
    Mutation(realtime, f"{_V}.0.InstanceType", "ml.m99.large", rule="SM-INSTANCE-101"),
    Mutation(realtime, "Target.MinCapacity", 1, rule="SM-HA-101"),
    Mutation(without_servers, f"{_V}.0.InstanceType", "ml.m5.large", rule="SM-TEMPLATE-002"),
    Mutation(a_fleet, f"{_V}.0.ModelName", "fraud", rule="SM-TEMPLATE-003"),
    Mutation(a_fleet, "Config.ExecutionRoleArn", DROP, rule="SM-TEMPLATE-003"),
    Mutation(a_queue, _V, [serverless()], rule="SM-TEMPLATE-004"),
    Mutation(a_fleet, f"{_V}.0.ManagedInstanceScaling.MinInstanceCount", 5, rule="SM-COMPONENT-001"),
    Mutation(a_fleet, f"{_V}.0.InitialInstanceCount", 5, rule="SM-COMPONENT-002"),
    Mutation(a_fleet, "Config.VpcConfig.SecurityGroupIds", [], rule="SM-COMPONENT-003"),
    # capture and queues
    Mutation(realtime, "Config.DataCaptureConfig.InitialSamplingPercentage", 101, rule="SM-CAPTURE-001"),
    Mutation(realtime, "Config.DataCaptureConfig.CaptureOptions", [], rule="SM-CAPTURE-002"),
    Mutation(
        realtime,
        "Config.DataCaptureConfig.CaptureContentTypeHeader.CsvContentTypes",
        _ELEVEN_TYPES,
        rule="SM-CAPTURE-003",
    ),
    Mutation(a_queue, f"{_O}.S3FailurePath", "s3://answers/good/", rule="SM-ASYNC-002"),
    Mutation(a_queue, f"{_N}.IncludeInferenceResponseIn", ["ERROR_NOTIFICATION_TOPIC"], rule="SM-ASYNC-003"),
    Mutation(
        a_queue,
        "Config.AsyncInferenceConfig.ClientConfig.MaxConcurrentInvocationsPerInstance",
        1001,
        rule="SM-ASYNC-004",
    ),
    Mutation(a_queue, f"{_N}.ErrorTopic", "arn:aws:sns:eu-west-1:111122223333:t.fifo", rule="SM-ASYNC-007"),
    Mutation(a_queue, "Model", a_pipeline(), rule="SM-ASYNC-011"),
    # serverless
    Mutation(without_servers, f"{_V}.0.ServerlessConfig.MemorySizeInMB", 1500, rule="SM-SERVERLESS-001"),
    Mutation(without_servers, f"{_V}.0.ServerlessConfig.MaxConcurrency", 201, rule="SM-SERVERLESS-002"),
    Mutation(
        without_servers, f"{_V}.0.ServerlessConfig.ProvisionedConcurrency", 21, rule="SM-SERVERLESS-003"
    ),
    Mutation(scaled_serverless, "Target.MaxCapacity", 21, rule="SM-SERVERLESS-003"),
    Mutation(
        scaled_serverless, f"{_V}.0.ServerlessConfig.ProvisionedConcurrency", 11, rule="SM-SERVERLESS-004"
    ),
    Mutation(without_servers, _V, [serverless("A"), on_instances("B")], rule="SM-SERVERLESS-011"),
    Mutation(without_servers, "Endpoint.DeploymentConfig", blue_green(), rule="SM-SERVERLESS-012"),
    Mutation(scaled_serverless, "Target.MinCapacity", 0, rule="SM-SERVERLESS-013"),
    Mutation(
        without_servers, "Config.DataCaptureConfig.InitialSamplingPercentage", 100, rule="SM-SERVERLESS-014"
    ),
    Mutation(without_servers, "Config.KmsKeyId", "key", rule="SM-SERVERLESS-015"),
    Mutation(
        without_servers, "Config.MetricsConfig.MetricPublishFrequencyInSeconds", 60, rule="SM-SERVERLESS-016"
    ),
    Mutation(without_servers, "Model.VpcConfig.Subnets", ["subnet-1"], rule="SM-SERVERLESS-017"),
    Mutation(without_servers, "Model.EnableNetworkIsolation", True, rule="SM-SERVERLESS-018"),
    Mutation(without_servers, "Model", a_pipeline(), rule="SM-SERVERLESS-019"),
    Mutation(without_servers, "Model", many_models()["Model"], rule="SM-SERVERLESS-020"),
    Mutation(without_servers, "Model", uncompressed()["Model"], rule="SM-SERVERLESS-021"),
    Mutation(keyed, f"{_V}.0.InstanceType", "ml.g5.xlarge", rule="SM-KMS-101"),
    # shadow tests
    Mutation(
        a_shadow_test,
        "Config.ShadowProductionVariants",
        [on_instances("B"), on_instances("C")],
        rule="SM-SHADOW-001",
    ),
    Mutation(a_shadow_test, "Config.ShadowProductionVariants.0.VariantName", "A", rule="SM-SHADOW-002"),
    Mutation(
        a_shadow_test,
        "Config.ShadowProductionVariants.0.InstanceType",
        "ml.inf1.xlarge",
        rule="SM-SHADOW-005",
    ),
    Mutation(a_shadow_test, "Model", a_pipeline(), rule="SM-SHADOW-006"),
    Mutation(a_shadow_test, "Endpoint.DeploymentConfig", rolling(), rule="SM-SHADOW-007"),
    Mutation(a_shadow_test, "Config.ShadowProductionVariants", [serverless("B")], rule="SM-TEMPLATE-005"),
    Mutation(experiment, "Test.ModelVariants.1", DROP, rule="SM-SHADOW-001"),
    Mutation(experiment, "Test.ModelVariants.1.VariantName", "A", rule="SM-SHADOW-002"),
    Mutation(
        experiment,
        "Test.ModelVariants.1.InfrastructureConfig.RealTimeInferenceConfig.InstanceType",
        "ml.inf1.xlarge",
        rule="SM-SHADOW-005",
    ),
    Mutation(
        experiment,
        "Test.ShadowModeConfig.ShadowModelVariants.0.SamplingPercentage",
        101,
        rule="SM-SHADOW-023",
    ),
    Mutation(experiment, "Test.Schedule.EndTime", "2027-03-01T00:00:00Z", rule="SM-SHADOW-023"),
    # models
    Mutation(realtime, "Model.Containers", [{"Image": IMAGE}, {"Image": IMAGE}], rule="SM-MODEL-001"),
    Mutation(realtime, "Model", a_pipeline(16), rule="SM-MODEL-001"),
    Mutation(realtime, "Model.PrimaryContainer", DROP, rule="SM-MODEL-001"),
    Mutation(pipeline, "Model.Containers.0.ContainerHostname", "first", rule="SM-MODEL-002"),
    Mutation(realtime, "Model.VpcConfig.Subnets", [], rule="SM-MODEL-003"),
    Mutation(pipeline, "Model.InferenceExecutionConfig.Mode", "Direct", rule="SM-MODEL-004"),
    Mutation(realtime, "Model.PrimaryContainer.ModelPackageName", "arn", rule="SM-CONTAINER-001"),
    Mutation(realtime, "Model.PrimaryContainer.Environment", {"a-b": "1"}, rule="SM-CONTAINER-002"),
    Mutation(
        realtime,
        "Model.PrimaryContainer.Environment",
        {f"K{number}": "" for number in range(101)},
        rule="SM-CONTAINER-002",
    ),
    Mutation(realtime, "Model.PrimaryContainer.Environment", {"K": "x" * 33_000}, rule="SM-CONTAINER-002"),
    Mutation(pipeline, "Model.Containers.0.ContainerHostname", "a_b", rule="SM-CONTAINER-003"),
    Mutation(
        many_models, "Model.PrimaryContainer.ModelDataUrl", "s3://a/model.tar.gz", rule="SM-CONTAINER-004"
    ),
    Mutation(uncompressed, "Model.PrimaryContainer.Mode", "MultiModel", rule="SM-MULTIMODEL-011"),
    Mutation(realtime, "Model.PrimaryContainer.ModelDataUrl", "s3://artefacts/fraud/", rule="SM-DATA-003"),
    Mutation(
        uncompressed,
        "Model.PrimaryContainer.ModelDataSource.S3DataSource.S3Uri",
        "s3://artefacts/fraud",
        rule="SM-DATA-004",
    ),
    Mutation(realtime, "Model.PrimaryContainer.Image", "docker.io/fraud:1", rule="SM-IMAGE-002"),
    Mutation(realtime, "Model.PrimaryContainer.Image", IMAGE.replace(":1.0", ""), rule="SM-IMAGE-101"),
    # rollouts
    Mutation(realtime, "Endpoint.EndpointName", "my_endpoint", rule="SM-ENDPOINT-003"),
    Mutation(realtime, "Endpoint.DeploymentConfig", {**blue_green(), **rolling()}, rule="SM-TEMPLATE-001"),
    Mutation(realtime, f"{_R}.CanarySize", DROP, rule="SM-ROLLOUT-001"),
    Mutation(realtime, f"{_R}.CanarySize.Value", 51, rule="SM-ROLLOUT-001"),
    Mutation(realtime, f"{_R}.Type", "ALL_AT_ONCE", rule="SM-ROLLOUT-001"),
    Mutation(realtime, f"{_R}.WaitIntervalInSeconds", DROP, rule="SM-ROLLOUT-002"),
    Mutation(realtime, f"{_R}.WaitIntervalInSeconds", 3601, rule="SM-ROLLOUT-002"),
    Mutation(
        realtime,
        "Endpoint.DeploymentConfig.BlueGreenUpdatePolicy.MaximumExecutionTimeoutInSeconds",
        900,
        rule="SM-ROLLOUT-003",
    ),
    Mutation(
        in_batches, f"{_D}.RollingUpdatePolicy.MaximumExecutionTimeoutInSeconds", 599, rule="SM-ROLLOUT-003"
    ),
    Mutation(
        in_batches,
        f"{_D}.RollingUpdatePolicy.RollbackMaximumBatchSize.Value",
        101,
        rule="SM-ROLLOUT-004",
    ),
    Mutation(in_batches, _V, [on_instances("A"), on_instances("B")], rule="SM-ROLLOUT-010"),
    Mutation(
        realtime, "Endpoint.DeploymentConfig", {"RollingUpdatePolicy": _ROLLING_OF_ONE}, rule="SM-ROLLOUT-011"
    ),
    Mutation(
        realtime,
        "Endpoint.DeploymentConfig.AutoRollbackConfiguration.Alarms",
        [{"AlarmName": f"a{number}"} for number in range(11)],
        rule="SM-ROLLOUT-012",
    ),
    Mutation(realtime, f"{_V}.0.InstanceType", "ml.inf1.xlarge", rule="SM-ROLLOUT-101"),
    # auto scaling
    Mutation(realtime, "Target.MinCapacity", 11, rule="SM-SCALING-001"),
    Mutation(
        realtime,
        "Target.ScheduledActions",
        [{"ScheduledActionName": "night", "ScalableTargetAction": {"MinCapacity": 1}}] * 2,
        rule="SM-SCALING-006",
    ),
    Mutation(
        realtime,
        "Target.ScheduledActions",
        [{"ScheduledActionName": "night", "ScalableTargetAction": {}}],
        rule="SM-SCALING-009",
    ),
    Mutation(realtime, "Target.MinCapacity", 0, rule="SM-SCALING-010"),
    Mutation(
        realtime, "Tracking.TargetTrackingScalingPolicyConfiguration.TargetValue", 0, rule="SM-SCALING-003"
    ),
    Mutation(
        scaled_serverless,
        "Tracking.TargetTrackingScalingPolicyConfiguration.TargetValue",
        70,
        rule="SM-SCALING-003",
    ),
    Mutation(realtime, "Stepping", a_stepping((0, 10), (20, None)), rule="SM-SCALING-008"),
    Mutation(realtime, "Stepping", a_stepping((10, 10)), rule="SM-SCALING-011"),
    Mutation(
        realtime,
        "Tracking",
        a_tracking("SageMakerInferenceComponentInvocationsPerCopy"),
        rule="SM-SCALING-012",
    ),
    # components
    Mutation(a_fleet, f"{_C}.ModelName", DROP, rule="SM-COMPONENT-004"),
    Mutation(a_fleet, "Model", a_model(EnableNetworkIsolation=True), rule="SM-COMPONENT-004"),
    Mutation(
        a_fleet, f"{_C}.ComputeResourceRequirements.MinMemoryRequiredInMb", 4096, rule="SM-COMPONENT-005"
    ),
    Mutation(
        a_fleet, f"{_C}.ComputeResourceRequirements.NumberOfCpuCoresRequired", 0.2, rule="SM-COMPONENT-006"
    ),
    Mutation(
        a_fleet,
        f"{_C}.ComputeResourceRequirements.NumberOfAcceleratorDevicesRequired",
        1,
        rule="SM-COMPONENT-006",
    ),
    Mutation(
        a_fleet, f"{_C}.ComputeResourceRequirements.MinMemoryRequiredInMb", 127, rule="SM-COMPONENT-005"
    ),
    Mutation(a_fleet, "Component.RuntimeConfig.CopyCount", 0, rule="SM-COMPONENT-007"),
    Mutation(
        a_fleet, f"{_C}.StartupParameters.ModelDataDownloadTimeoutInSeconds", 30, rule="SM-COMPONENT-008"
    ),
    Mutation(a_fleet, "Component.InferenceComponentName", "my_scorer", rule="SM-COMPONENT-009"),
    Mutation(a_fleet, "Model", a_pipeline(), rule="SM-COMPONENT-012"),
    Mutation(
        a_fleet,
        "Other",
        resource("AWS::SageMaker::InferenceComponent", InferenceComponentName="SCORER"),
        rule="SM-COMPONENT-013",
    ),
    Mutation(
        a_fleet,
        "Component.DeploymentConfig.RollingUpdatePolicy.MaximumBatchSize.Value",
        3,
        rule="SM-COMPONENT-014",
    ),
    Mutation(
        a_fleet,
        "Component.DeploymentConfig.RollingUpdatePolicy.MaximumBatchSize",
        {"Type": "CAPACITY_PERCENT", "Value": 51},
        rule="SM-ROLLOUT-001",
    ),
    Mutation(
        a_fleet,
        "Component.DeploymentConfig.RollingUpdatePolicy.WaitIntervalInSeconds",
        3601,
        rule="SM-ROLLOUT-002",
    ),
    Mutation(
        a_fleet,
        "Component.DeploymentConfig.RollingUpdatePolicy.RollbackMaximumBatchSize.Value",
        0,
        rule="SM-ROLLOUT-004",
    ),
    Mutation(
        a_fleet,
        "Component.DeploymentConfig.AutoRollbackConfiguration.Alarms",
        [{"AlarmName": f"a{number}"} for number in range(11)],
        rule="SM-ROLLOUT-012",
    ),
    # Model Monitor
    Mutation(jobs, "Config", without_servers()["Config"], rule="SM-MODELMONITOR-001"),
    Mutation(
        schedule,
        "Schedule.MonitoringScheduleConfig.ScheduleConfig.ScheduleExpression",
        "rate(1 hour)",
        rule="SM-MODELMONITOR-004",
    ),
    Mutation(
        jobs,
        "Quality.ModelQualityJobInput.EndpointInput.StartTimeOffset",
        "-PT1H",
        rule="SM-MODELMONITOR-005",
    ),
    Mutation(
        jobs,
        "Quality.ModelQualityJobInput.EndpointInput.EndTimeOffset",
        "2 hours",
        rule="SM-MODELMONITOR-005",
    ),
    Mutation(jobs, "Quality.JobResources.ClusterConfig.VolumeSizeInGB", 16_385, rule="SM-MODELMONITOR-008"),
    Mutation(jobs, "Attribution.NetworkConfig.EnableNetworkIsolation", True, rule="SM-MODELMONITOR-009"),
    Mutation(jobs, "Quality.NetworkConfig.VpcConfig.Subnets", [], rule="SM-MODELMONITOR-011"),
    Mutation(jobs, "Schedule", schedule()["Schedule"], rule="SM-MODELMONITOR-101"),
    # alarms
    Mutation(alarm, "Alarm.DatapointsToAlarm", 4, rule="SM-ALARM-001"),
    Mutation(alarm, "Alarm.EvaluationPeriods", 1441, rule="SM-ALARM-003"),
    Mutation(alarm, "Alarm.Dimensions.1", DROP, rule="SM-ALARM-014"),
    Mutation(alarm, "Alarm.AlarmActions", ["arn"] * 6, rule="SM-ALARM-017"),
    # services that have ended
    Mutation(realtime, "Fleet", resource("AWS::SageMaker::DeviceFleet"), rule="SM-EDGE-001"),
    Mutation(realtime, "Group", resource("AWS::Greengrass::Group"), rule="SM-EDGE-001"),
]


def an_asset_of_cdk() -> Resources:
    """Where account and region are known, the address of an asset is: of `model.tar.gz` it keeps `.gz`."""
    address = f"s3://cdk-hnb659fds-assets-123456789012-eu-west-1/{'0a' * 32}.gz"
    return changed(realtime(), "Model.PrimaryContainer.ModelDataUrl", address)


GOOD = [
    an_asset_of_cdk,
    realtime, without_servers, a_queue, a_shadow_test, a_fleet, pipeline, many_models, uncompressed,
    scaled_serverless, in_batches, keyed, experiment, jobs, alarm,
]  # fmt: skip
"""Templates that break nothing. (A schedule of Model Monitor's is advised against.)"""

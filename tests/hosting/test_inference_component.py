"""InferenceComponent: what one model asks of the fleet, what it waits for, and how it is named."""

from __future__ import annotations

import re

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker

from constructs_lib import (
    AutoScaling,
    ComponentMetric,
    Container,
    ContainerImage,
    Model,
    ModelData,
    Placement,
    Rollback,
    Rollout,
)
from tests.support.components import COMPONENT, a_component, a_fleet, after, component
from tests.support.synth import (
    ACCOUNT,
    IMAGE_URI,
    a_model,
    allowing,
    flat,
    fresh_app,
    resources,
    some_data,
    statements,
    synthesized,
)

minutes = cdk.Duration.minutes
ALARM, POLICY = "AWS::CloudWatch::Alarm", "AWS::IAM::Policy"


def scaling(low: int = 1, high: int = 6, **props: object) -> AutoScaling:
    return AutoScaling(**{"min_capacity": low, "max_capacity": high, "invocations_per_copy": 600, **props})


def rolling(**props: object) -> Rollout:
    return Rollout.rolling(**{"wait": minutes(5), **props})


# --- what it asks for -------------------------------------------------------------------------------------


def test_the_least_component_is_one_copy_of_a_model_with_memory_on_the_fleet(stack: cdk.Stack) -> None:
    a_component(a_fleet(stack), model=Model.from_model_name(stack, "Model", "fraud"))
    made = component(synthesized(stack))
    del made["DeploymentConfig"]
    assert made == {
        "InferenceComponentName": "test-endpoint-fraud-194ad22b",
        "EndpointName": "test-endpoint",
        "VariantName": "AllTraffic",
        "RuntimeConfig": {"CopyCount": 1},
        "Specification": {
            "ModelName": "fraud",
            "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 1024},
            "StartupParameters": {
                "ModelDataDownloadTimeoutInSeconds": 600,
                "ContainerStartupHealthCheckTimeoutInSeconds": 600,
            },
        },
    }


def test_a_component_carries_all_it_was_given(stack: cdk.Stack) -> None:
    a_component(
        a_fleet(stack, instance_type="ml.g5.12xlarge"),
        model=Model.from_model_name(stack, "Model", "fraud"),
        memory=cdk.Size.mebibytes(1500),
        max_memory=cdk.Size.gibibytes(3),
        cpu_cores=0.25,
        accelerators=2,
        copies=3,
        placement=Placement.BINPACK,
        cache_artefacts=True,
        download_timeout=minutes(20),
        startup_timeout=minutes(30),
        component_name="Fraud-EU",
    )
    made = component(synthesized(stack))
    assert made["InferenceComponentName"] == "Fraud-EU"
    assert made["RuntimeConfig"] == {"CopyCount": 3}
    assert made["Specification"] == {
        "ModelName": "fraud",
        "ComputeResourceRequirements": {
            "MinMemoryRequiredInMb": 1500,
            "MaxMemoryRequiredInMb": 3072,
            "NumberOfCpuCoresRequired": 0.25,
            "NumberOfAcceleratorDevicesRequired": 2,
        },
        "StartupParameters": {
            "ModelDataDownloadTimeoutInSeconds": 1200,
            "ContainerStartupHealthCheckTimeoutInSeconds": 1800,
        },
        "SchedulingConfig": {
            "PlacementStrategy": "BINPACK",
            "AvailabilityZoneBalance": {"EnforcementMode": "PERMISSIVE"},
        },
        "DataCacheConfig": {"EnableCaching": True},
    }


def test_caching_that_is_off_is_written_and_what_is_not_given_is_not(stack: cdk.Stack) -> None:
    a_component(a_fleet(stack), cache_artefacts=False)
    made = component(synthesized(stack))["Specification"]
    assert made["DataCacheConfig"] == {"EnableCaching": False}
    assert "SchedulingConfig" not in made


@pytest.mark.parametrize(
    ("props", "copies"),
    [
        ({}, 1),
        ({"copies": 4}, 4),
        ({"scaling": scaling(2)}, 2),
        ({"scaling": scaling(0)}, 1),
        ({"scaling": scaling(0), "copies": 3}, 3),
        ({"scaling": scaling(1), "copies": 6}, 6),
    ],
)
def test_copies_begin_as_told_or_with_the_least_and_awake(
    stack: cdk.Stack, props: dict[str, object], copies: int
) -> None:
    a_component(a_fleet(stack), **props)
    assert component(synthesized(stack))["RuntimeConfig"] == {"CopyCount": copies}


def test_all_may_be_known_late(stack: cdk.Stack) -> None:
    def number(id: str) -> float:
        return cdk.CfnParameter(stack, id, type="Number").value_as_number

    one = a_component(
        a_fleet(stack, instance_type="ml.g5.12xlarge"),
        memory=cdk.Size.mebibytes(number("Least")),
        max_memory=cdk.Size.mebibytes(number("Most")),
        cpu_cores=number("Cores"),
        accelerators=number("Accelerators"),
        copies=number("Copies"),
        download_timeout=cdk.Duration.seconds(number("Download")),
        startup_timeout=cdk.Duration.seconds(number("Startup")),
        component_name=cdk.CfnParameter(stack, "Name").value_as_string,
    )
    template = synthesized(stack)
    made = component(template)
    assert made["InferenceComponentName"] == {"Ref": "Name"}
    assert made["RuntimeConfig"] == {"CopyCount": {"Ref": "Copies"}}
    assert made["Specification"]["ComputeResourceRequirements"] == {
        "MinMemoryRequiredInMb": {"Ref": "Least"},
        "MaxMemoryRequiredInMb": {"Ref": "Most"},
        "NumberOfCpuCoresRequired": {"Ref": "Cores"},
        "NumberOfAcceleratorDevicesRequired": {"Ref": "Accelerators"},
    }
    assert made["Specification"]["StartupParameters"] == {
        "ModelDataDownloadTimeoutInSeconds": {"Ref": "Download"},
        "ContainerStartupHealthCheckTimeoutInSeconds": {"Ref": "Startup"},
    }
    assert flat(stack.resolve(one.inference_component_arn)).endswith("inference-component/<Name>")


# --- what it waits for, and with which rights -------------------------------------------------------------


def test_it_is_made_after_the_endpoint_and_after_its_role_may_fetch_image_and_data(stack: cdk.Stack) -> None:
    container = Container(image=ContainerImage.from_uri(IMAGE_URI), data=some_data(stack))
    fleet = a_fleet(stack)
    a_component(fleet, model=Model(stack, "Model", container=container))
    template = synthesized(stack)
    (endpoint,) = resources(template, "AWS::SageMaker::Endpoint")
    (policy,) = (id for id in resources(template, POLICY) if id.startswith("EndpointFraudPolicy"))
    (telemetry,) = (id for id in resources(template, POLICY) if id.startswith("EndpointPolicy"))
    assert after(template) == {endpoint, telemetry, policy}
    (role,) = (id for id in resources(template, "AWS::IAM::Role") if id.startswith("EndpointRole"))
    assert resources(template, POLICY)[policy]["Properties"]["Roles"] == [{"Ref": role}]
    (pull,) = allowing(template, "ecr:BatchGetImage", "EndpointFraud")
    assert flat(pull["Resource"]).endswith(f":ecr:eu-west-1:{ACCOUNT}:repository/fraud")
    (read,) = allowing(template, "s3:GetObject", "EndpointFraud")
    assert flat(read["Resource"]) == "arn:<AWS::Partition>:s3:::artefacts/fraud/1.4.2/model.tar.gz"


def test_the_fleets_role_may_do_what_the_models_own_may(stack: cdk.Stack) -> None:
    a_component(a_fleet(stack), model=a_model(stack))
    template = synthesized(stack)
    fleets = [*statements(template, "EndpointPolicy"), *statements(template, "EndpointFraudPolicy")]
    models = statements(template, "ModelPolicy")
    assert all(each in fleets for each in models)
    assert len(fleets) == len(models), "each statement once"


def test_the_key_of_the_data_is_let_to_both_roles_before_they_need_it(stack: cdk.Stack) -> None:
    key = kms.Key(stack, "Key")
    bucket = s3.Bucket(stack, "Bucket", encryption_key=key)
    data = ModelData.from_bucket(bucket, "fraud/1/model.tar.gz")
    container = Container(image=ContainerImage.from_uri(IMAGE_URI), data=data)
    a_component(a_fleet(stack), model=Model(stack, "Model", container=container))
    template = synthesized(stack)
    (of_the_fleet,) = (id for id in resources(template, POLICY) if id.startswith("EndpointFraudPolicy"))
    assert len(allowing(template, "kms:Decrypt", "EndpointFraudPolicy")) == 1
    assert len(allowing(template, "kms:Decrypt", "ModelPolicy")) == 1
    assert of_the_fleet in after(template, "AWS::SageMaker::InferenceComponent")


@pytest.mark.parametrize("kind", ["imported", "L1"])
def test_of_a_model_that_tells_nothing_the_role_gets_nothing(stack: cdk.Stack, kind: str) -> None:
    model = (
        Model.from_model_name(stack, "Model", "fraud")
        if kind == "imported"
        else sagemaker.CfnModel(stack, "Model", execution_role_arn=f"arn:aws:iam::{ACCOUNT}:role/theirs")
    )
    a_component(a_fleet(stack), model=model)
    template = synthesized(stack)
    assert len(resources(template, POLICY)) == 1, "the fleet's telemetry"
    assert after(template) == set(resources(template, "AWS::SageMaker::Endpoint"))


def test_several_components_may_serve_one_model(stack: cdk.Stack) -> None:
    model, fleet = a_model(stack), a_fleet(stack)
    small = a_component(fleet, "Small", model=model)
    large = a_component(fleet, "Large", model=model, memory=cdk.Size.gibibytes(8))
    template = synthesized(stack)
    assert fleet.components == {"Small": small, "Large": large}
    made = [each["Properties"] for each in resources(template, COMPONENT).values()]
    assert len({each["InferenceComponentName"] for each in made}) == 2
    assert len({str(each["Specification"]["ModelName"]) for each in made}) == 1
    assert len(resources(template, "AWS::SageMaker::Model")) == 1


def test_a_model_of_another_stack_is_served() -> None:
    app = fresh_app()
    models, serving = cdk.Stack(app, "Models"), cdk.Stack(app, "Serving")
    a_component(a_fleet(serving), model=a_model(models))
    made = component(synthesized(serving))
    assert "Fn::ImportValue" in made["Specification"]["ModelName"]
    assert len(allowing(synthesized(serving), "ecr:BatchGetImage")) == 1


def test_the_role_of_model_and_fleet_may_be_one(stack: cdk.Stack) -> None:
    role = iam.Role(stack, "Mine", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    a_component(a_fleet(stack, role=role), model=a_model(stack, role=role))
    assert len(resources(synthesized(stack), "AWS::IAM::Role")) == 1


# --- names ------------------------------------------------------------------------------------------------

NAMES = ["a", "x" * 200, "Größe", "with/slash", "with space", "日本", "UPPER", "trailing-"]


@pytest.mark.parametrize("id", NAMES)
def test_a_derived_name_is_one_and_the_same_again(id: str) -> None:
    def name() -> str:
        return a_component(a_fleet(cdk.Stack(fresh_app(), "Test")), id).component_name

    assert re.fullmatch(r"[a-z0-9](-*[a-z0-9]){0,62}", name())
    assert name() == name()


def test_derived_names_do_not_meet() -> None:
    fleet = a_fleet(cdk.Stack(fresh_app(), "Test"))
    names = {a_component(fleet, id).component_name for id in [*NAMES, "x" * 201, "with-slash"]}
    assert len(names) == len(NAMES) + 2


@pytest.mark.parametrize("id", ["Fraud", "Config", "Resource", "RollbackAlarms"])
def test_an_id_that_the_endpoint_has_already_is_refused(stack: cdk.Stack, id: str) -> None:
    fleet, model = a_fleet(stack), a_model(stack)
    a_component(fleet, model=model)
    with pytest.raises(Exception, match=r"already a Construct with name|one of its own"):
        a_component(fleet, id, model=model)
    assert list(fleet.components) == ["Fraud"]


# --- rollouts ---------------------------------------------------------------------------------------------


def deployment(stack: cdk.Stack, **props: object) -> dict[str, object]:
    a_component(a_fleet(stack), **props)
    return dict(component(synthesized(stack))["DeploymentConfig"])


@pytest.mark.parametrize(
    ("props", "batch"),
    [
        ({}, ("COPY_COUNT", 1)),
        ({"copies": 20}, ("COPY_COUNT", 1)),
        ({"copies": 21}, ("CAPACITY_PERCENT", 5)),
        ({"scaling": scaling(1, 20)}, ("COPY_COUNT", 1)),
        ({"scaling": scaling(1, 21)}, ("CAPACITY_PERCENT", 5)),
    ],
)
def test_without_a_rollout_batches_are_the_smallest_that_sagemaker_takes(
    stack: cdk.Stack, props: dict[str, object], batch: tuple[str, int]
) -> None:
    """5–50 % of the copies, says InferenceComponentRollingUpdatePolicy: of 21, one is too few."""
    policy = deployment(stack, **props)["RollingUpdatePolicy"]
    assert policy == {
        "MaximumBatchSize": {"Type": batch[0], "Value": batch[1]},
        "WaitIntervalInSeconds": 60,
    }


def test_the_built_in_alarms_watch_the_component_alone_and_roll_it_back(stack: cdk.Stack) -> None:
    a_component(a_fleet(stack))
    template = synthesized(stack)
    alarms = resources(template, ALARM)
    rollback = component(template)["DeploymentConfig"]["AutoRollbackConfiguration"]
    assert [each["AlarmName"]["Ref"] for each in rollback["Alarms"]] == list(alarms)
    for alarm in alarms.values():
        for query in alarm["Properties"]["Metrics"]:
            if "MetricStat" in query:
                assert query["MetricStat"]["Metric"]["Dimensions"] == [
                    {"Name": "InferenceComponentName", "Value": "test-endpoint-fraud-194ad22b"}
                ]
        assert "inference component test-endpoint-fraud-194ad22b" in alarm["Properties"]["AlarmDescription"]


def test_a_rolling_rollout_is_written_whole(stack: cdk.Stack) -> None:
    rollout = rolling(
        batch_percent=25,
        rollback_percent=50,
        maximum_execution=cdk.Duration.hours(2),
        rollback=Rollback(error_rate_percent=1, latency=cdk.Duration.seconds(2)),
    )
    assert deployment(stack, rollout=rollout)["RollingUpdatePolicy"] == {
        "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 25},
        "WaitIntervalInSeconds": 300,
        "MaximumExecutionTimeoutInSeconds": 7200,
        "RollbackMaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
    }
    assert [each["Properties"]["Threshold"] for each in resources(synthesized(stack), ALARM).values()] == [
        1,
        2_000_000,
    ]


def test_a_batch_in_instances_is_one_in_copies_and_a_wait_of_0_stays_0(stack: cdk.Stack) -> None:
    policy = deployment(stack, copies=4, rollout=rolling(batch_instances=2, wait=minutes(0)))
    assert policy["RollingUpdatePolicy"] == {
        "MaximumBatchSize": {"Type": "COPY_COUNT", "Value": 2},
        "WaitIntervalInSeconds": 0,
    }


def test_your_own_alarms_are_watched_too(stack: cdk.Stack) -> None:
    alarm = cloudwatch.Alarm.from_alarm_name(stack, "Mine", "mine")
    made = deployment(stack, rollout=rolling(batch_percent=5, rollback=Rollback(alarms=[alarm])))
    watched = made["AutoRollbackConfiguration"]["Alarms"]
    assert len(watched) == 3
    assert flat(watched[-1]["AlarmName"]) == "mine"


def test_without_any_alarm_there_is_no_rollback(stack: cdk.Stack) -> None:
    none = Rollback(error_rate_percent=None, latency_alarm=False)
    made = deployment(stack, rollout=rolling(batch_percent=5, rollback=none))
    assert "AutoRollbackConfiguration" not in made
    assert resources(synthesized(stack), ALARM) == {}


def test_unguarded_writes_no_deployment_config_and_makes_no_alarm(stack: cdk.Stack) -> None:
    a_component(a_fleet(stack), rollout=Rollout.unguarded())
    template = synthesized(stack)
    assert "DeploymentConfig" not in component(template)
    assert resources(template, ALARM) == {}


# --- use --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "written"),
    [
        (ComponentMetric.INVOCATIONS, ("AWS/SageMaker", "Invocations", "Sum")),
        (ComponentMetric.MODEL_LATENCY, ("AWS/SageMaker", "ModelLatency", "p99")),
        (
            ComponentMetric.NO_CAPACITY_INVOCATION_FAILURES,
            ("AWS/SageMaker", "NoCapacityInvocationFailures", "Maximum"),
        ),
        (
            ComponentMetric.GPU_MEMORY_UTILIZATION,
            ("/aws/sagemaker/InferenceComponents", "GPUMemoryUtilizationNormalized", "Average"),
        ),
    ],
)
def test_a_metric_is_the_components_alone(
    stack: cdk.Stack, metric: ComponentMetric, written: tuple[str, str, str]
) -> None:
    one = a_component(a_fleet(stack))
    made = one.metric(metric)
    assert (made.namespace, made.metric_name, made.statistic) == written
    assert made.dimensions == {"InferenceComponentName": one.component_name}
    assert made.period.to_seconds() == 60


def test_statistic_and_period_of_a_metric_are_yours(stack: cdk.Stack) -> None:
    one = a_component(a_fleet(stack))
    made = one.metric(ComponentMetric.MODEL_LATENCY, statistic="p50", period=minutes(5))
    assert (made.statistic, made.period.to_seconds()) == ("p50", 300)


def test_every_metric_has_a_namespace_a_name_of_its_own_and_a_statistic() -> None:
    assert len({each.metric_name for each in ComponentMetric}) == len(ComponentMetric)
    assert {each.namespace for each in ComponentMetric} == {
        "AWS/SageMaker",
        "/aws/sagemaker/InferenceComponents",
    }
    assert {each.statistic for each in ComponentMetric} <= {"Sum", "Average", "Maximum", "p99"}


@pytest.mark.parametrize(
    ("grant", "action"),
    [
        ("invoke", "sagemaker:InvokeEndpoint"),
        ("invoke_with_response_stream", "sagemaker:InvokeEndpointWithResponseStream"),
    ],
)
def test_a_grant_is_on_the_endpoint_since_iam_knows_no_finer_one(
    stack: cdk.Stack, grant: str, action: str
) -> None:
    one = a_component(a_fleet(stack))
    assert getattr(one.grants, grant)(iam.User(stack, "User")).success
    (statement,) = allowing(synthesized(stack), action)
    assert statement["Action"] == action
    assert flat(statement["Resource"]).endswith(":endpoint/test-endpoint")


def test_a_component_knows_its_endpoint_and_its_resources(stack: cdk.Stack) -> None:
    fleet = a_fleet(stack)
    one = a_component(fleet)
    assert one.endpoint is fleet
    assert one.node.default_child is one.cfn_inference_component
    assert one.scaling is None
    assert len(one.rollback_alarms.cfn_alarms) == 2

"""ComponentEndpoint: the fleet that components share, the role they share, and where they stand."""

from __future__ import annotations

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from constructs_lib import (
    ComponentEndpoint,
    DataCapture,
    ManagedInstanceScaling,
    MetricsPublishing,
    Model,
    RoutingStrategy,
)
from tests.support.components import CONFIG, a_component, a_fleet, after, component, fleet_variant
from tests.support.synth import (
    ACCOUNT,
    a_bucket,
    allowing,
    flat,
    fresh_app,
    properties,
    resources,
    statements,
    synthesized,
    types,
)


@pytest.fixture
def vpc(stack: cdk.Stack) -> ec2.IVpc:
    return ec2.Vpc.from_vpc_attributes(
        stack,
        "Vpc",
        vpc_id="vpc-1",
        availability_zones=["a", "b"],
        private_subnet_ids=["subnet-a", "subnet-b"],
    )


def managed(low: float = 0, high: float = 4) -> ManagedInstanceScaling:
    return ManagedInstanceScaling(min_count=low, max_count=high)


def test_the_least_fleet_is_a_role_a_policy_a_config_an_endpoint_and_a_parameter(stack: cdk.Stack) -> None:
    a_fleet(stack)
    assert types(synthesized(stack)) == [
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::SSM::Parameter",
        "AWS::SageMaker::Endpoint",
        "AWS::SageMaker::EndpointConfig",
    ]


def test_the_guard_watches_it_unless_told_otherwise(stack: cdk.Stack) -> None:
    ComponentEndpoint(stack, "Endpoint", instance_type="ml.m5.2xlarge")
    template = synthesized(stack)
    assert properties(template, "Custom::EndpointRelease")["InstanceTypes"] == {"AllTraffic": "ml.m5.2xlarge"}
    assert len(resources(template, "Custom::EndpointSettle")) == 1


def test_the_config_names_the_role_and_its_variant_names_no_model(stack: cdk.Stack) -> None:
    endpoint = a_fleet(stack)
    template = synthesized(stack)
    (role,) = resources(template, "AWS::IAM::Role")
    assert properties(template, CONFIG) == {
        "ExecutionRoleArn": {"Fn::GetAtt": [role, "Arn"]},
        "ProductionVariants": [
            {
                "VariantName": "AllTraffic",
                "InstanceType": "ml.m5.2xlarge",
                "InitialInstanceCount": 2,
                "InitialVariantWeight": 1,
            }
        ],
    }
    assert endpoint.variant_names == ("AllTraffic",)
    assert endpoint.components == {}


def test_the_endpoint_has_no_deployment_config_and_retains_nothing(stack: cdk.Stack) -> None:
    a_fleet(stack)
    template = synthesized(stack)
    (config,) = resources(template, CONFIG)
    assert properties(template, "AWS::SageMaker::Endpoint") == {
        "EndpointName": "test-endpoint",
        "EndpointConfigName": {"Fn::GetAtt": [config, "EndpointConfigName"]},
    }


def test_the_config_is_made_after_the_role_and_its_policy(stack: cdk.Stack) -> None:
    a_fleet(stack)
    template = synthesized(stack)
    made = {*resources(template, "AWS::IAM::Role"), *resources(template, "AWS::IAM::Policy")}
    assert after(template, CONFIG) == made


def test_a_managed_fleet_is_written_as_enabled_with_its_bounds(stack: cdk.Stack) -> None:
    a_fleet(stack, managed_scaling=managed(0, 4))
    variant = fleet_variant(synthesized(stack))
    assert variant["ManagedInstanceScaling"] == {
        "Status": "ENABLED",
        "MinInstanceCount": 0,
        "MaxInstanceCount": 4,
    }
    assert variant["InitialInstanceCount"] == 1, "a fleet that may sleep begins awake"


@pytest.mark.parametrize(
    ("props", "count"),
    [
        ({}, 2),
        ({"instance_count": 1}, 1),
        ({"managed_scaling": managed(0)}, 1),
        ({"managed_scaling": managed(1)}, 1),
        ({"managed_scaling": managed(3)}, 3),
        ({"managed_scaling": managed(0), "instance_count": 4}, 4),
        ({"managed_scaling": managed(2, 2), "instance_count": 2}, 2),
    ],
)
def test_the_fleet_begins_as_told_or_with_the_least_that_is_managed(
    stack: cdk.Stack, props: dict[str, object], count: int
) -> None:
    a_fleet(stack, **props)
    assert fleet_variant(synthesized(stack))["InitialInstanceCount"] == count


def test_volume_and_routing_are_the_variants(stack: cdk.Stack) -> None:
    a_fleet(stack, volume_size=cdk.Size.gibibytes(64), routing=RoutingStrategy.LEAST_OUTSTANDING_REQUESTS)
    variant = fleet_variant(synthesized(stack))
    assert variant["VolumeSizeInGB"] == 64
    assert variant["RoutingConfig"] == {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}


def test_isolation_is_the_configs(stack: cdk.Stack) -> None:
    a_fleet(stack, network_isolation=True)
    assert properties(synthesized(stack), CONFIG)["EnableNetworkIsolation"] is True


def test_a_vpc_is_the_configs_and_the_role_may_make_interfaces(stack: cdk.Stack, vpc: ec2.IVpc) -> None:
    endpoint = a_fleet(stack, vpc=vpc)
    template = synthesized(stack)
    (group,) = resources(template, "AWS::EC2::SecurityGroup")
    assert properties(template, CONFIG)["VpcConfig"] == {
        "Subnets": ["subnet-a", "subnet-b"],
        "SecurityGroupIds": [{"Fn::GetAtt": [group, "GroupId"]}],
    }
    assert len(allowing(template, "ec2:CreateNetworkInterface")) == 1
    assert endpoint.connections is not None


def test_your_subnets_and_groups_are_used(stack: cdk.Stack, vpc: ec2.IVpc) -> None:
    group = ec2.SecurityGroup.from_security_group_id(stack, "Group", "sg-1")
    subnet = ec2.Subnet.from_subnet_attributes(
        stack, "Subnet", subnet_id="subnet-z", availability_zone="a", route_table_id="rtb-1"
    )
    a_fleet(stack, vpc=vpc, security_groups=[group], vpc_subnets=ec2.SubnetSelection(subnets=[subnet]))
    template = synthesized(stack)
    assert properties(template, CONFIG)["VpcConfig"] == {
        "Subnets": ["subnet-z"],
        "SecurityGroupIds": ["sg-1"],
    }
    assert resources(template, "AWS::EC2::SecurityGroup") == {}


def test_outside_of_a_vpc_there_is_nothing_of_it(stack: cdk.Stack) -> None:
    endpoint = a_fleet(stack)
    template = synthesized(stack)
    assert "VpcConfig" not in properties(template, CONFIG)
    assert "EnableNetworkIsolation" not in properties(template, CONFIG)
    assert allowing(template, "ec2:CreateNetworkInterface") == []
    assert endpoint.connections is None


def test_the_role_may_write_telemetry_and_nothing_else_before_there_is_a_component(stack: cdk.Stack) -> None:
    a_fleet(stack)
    actions = [each["Action"] for each in statements(synthesized(stack))]
    assert len(actions) == 2
    assert actions[1] == "cloudwatch:PutMetricData"
    assert all(action.startswith("logs:") for action in actions[0])


def test_capture_and_key_are_let_to_the_fleets_role(stack: cdk.Stack) -> None:
    a_fleet(
        stack,
        capture=DataCapture(bucket=a_bucket(stack), sampling_percent=20),
        encryption_key=kms.Key(stack, "Key"),
        metrics=MetricsPublishing(every=cdk.Duration.seconds(10)),
    )
    template = synthesized(stack)
    config = properties(template, CONFIG)
    (key,) = resources(template, "AWS::KMS::Key")
    assert config["KmsKeyId"] == {"Fn::GetAtt": [key, "Arn"]}
    assert config["DataCaptureConfig"]["InitialSamplingPercentage"] == 20
    assert config["MetricsConfig"]["MetricPublishFrequencyInSeconds"] == 10
    assert len(allowing(template, "kms:CreateGrant")) == 1
    assert allowing(template, "s3:PutObject") != []


def test_all_policies_of_the_role_come_before_the_config(stack: cdk.Stack) -> None:
    """Grants of keys make a policy of their own below the role."""
    a_fleet(stack, encryption_key=kms.Key(stack, "Key"))
    template = synthesized(stack)
    assert set(resources(template, "AWS::IAM::Policy")) <= after(template, CONFIG)
    assert len(resources(template, "AWS::IAM::Policy")) == 2


def test_your_role_is_used_and_no_other_made(stack: cdk.Stack) -> None:
    role = iam.Role(stack, "Mine", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    endpoint = a_fleet(stack, role=role)
    template = synthesized(stack)
    (mine,) = resources(template, "AWS::IAM::Role")
    assert properties(template, CONFIG)["ExecutionRoleArn"] == {"Fn::GetAtt": [mine, "Arn"]}
    assert endpoint.role is role
    assert properties(template, "AWS::IAM::Policy")["Roles"] == [{"Ref": mine}]


def test_an_imported_role_gets_policies(stack: cdk.Stack) -> None:
    role = iam.Role.from_role_arn(stack, "Mine", f"arn:aws:iam::{ACCOUNT}:role/mine")
    a_component(a_fleet(stack, role=role))
    template = synthesized(stack)
    attached = [
        policy
        for policy in resources(template, "AWS::IAM::Policy").values()
        if policy["Properties"]["Roles"] == ["mine"]
    ]
    assert len(attached) == 2, "the fleet's and the component's"
    assert properties(template, CONFIG)["ExecutionRoleArn"] == f"arn:aws:iam::{ACCOUNT}:role/mine"


def test_an_immutable_role_is_used_as_it_is(stack: cdk.Stack) -> None:
    role = iam.Role.from_role_arn(stack, "Mine", f"arn:aws:iam::{ACCOUNT}:role/mine", mutable=False)
    fleet = a_fleet(stack, role=role, encryption_key=kms.Key(stack, "Key"))
    a_component(fleet)
    template = synthesized(stack)
    policies = resources(template, "AWS::IAM::Policy")
    assert all(id.startswith("ModelOf") for id in policies), "only the model's own role gets any"
    (endpoint,) = resources(template, "AWS::SageMaker::Endpoint")
    assert after(template) == {endpoint}


def test_all_may_be_known_late(stack: cdk.Stack) -> None:
    def number(id: str) -> float:
        return cdk.CfnParameter(stack, id, type="Number").value_as_number

    a_fleet(
        stack,
        instance_type=cdk.CfnParameter(stack, "Type").value_as_string,
        instance_count=number("Count"),
        managed_scaling=managed(number("Low"), number("High")),
        volume_size=cdk.Size.gibibytes(number("Volume")),
        endpoint_name=cdk.CfnParameter(stack, "Name").value_as_string,
    )
    template = synthesized(stack)
    assert fleet_variant(template) == {
        "VariantName": "AllTraffic",
        "InstanceType": {"Ref": "Type"},
        "InitialInstanceCount": {"Ref": "Count"},
        "InitialVariantWeight": 1,
        "VolumeSizeInGB": {"Ref": "Volume"},
        "ManagedInstanceScaling": {
            "Status": "ENABLED",
            "MinInstanceCount": {"Ref": "Low"},
            "MaxInstanceCount": {"Ref": "High"},
        },
    }
    assert properties(template, "AWS::SageMaker::Endpoint")["EndpointName"] == {"Ref": "Name"}


def test_two_in_one_stack_do_not_meet(stack: cdk.Stack) -> None:
    one, two = a_fleet(stack, "One"), a_fleet(stack, "Two")
    names = {a_component(each).component_name for each in (one, two)}
    template = synthesized(stack)
    assert len(names) == 2
    made = resources(template, "AWS::SageMaker::InferenceComponent").values()
    assert {each["Properties"]["EndpointName"] for each in made} == {one.endpoint_name, two.endpoint_name}
    roles = {str(each["Properties"]["ExecutionRoleArn"]) for each in resources(template, CONFIG).values()}
    assert len(roles) == 2


def test_an_imported_one_has_its_name_its_variant_and_makes_nothing(stack: cdk.Stack) -> None:
    endpoint = ComponentEndpoint.from_endpoint_name(stack, "Imported", "fraud")
    assert (endpoint.endpoint_name, endpoint.variant_names) == ("fraud", ("AllTraffic",))
    assert "Resources" not in synthesized(stack)


def test_tags_reach_its_components() -> None:
    stack = cdk.Stack(fresh_app(), "Test")
    fleet = a_fleet(stack)
    a_component(fleet)
    cdk.Tags.of(fleet).add("team", "fraud")
    assert component(synthesized(stack))["Tags"] == [{"Key": "team", "Value": "fraud"}]


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1", "eu-central-1"])
def test_arns_are_of_the_partition(region: str) -> None:
    stack = cdk.Stack(fresh_app(), "Test", env=cdk.Environment(region=region, account=ACCOUNT))
    one = a_component(a_fleet(stack), model=Model.from_model_name(stack, "Model", "fraud"))
    arn = flat(stack.resolve(one.inference_component_arn))
    assert (
        arn == f"arn:<AWS::Partition>:sagemaker:{region}:{ACCOUNT}:inference-component/{one.component_name}"
    )

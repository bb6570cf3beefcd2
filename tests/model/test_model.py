"""Models: their containers, role, order, network; made here or imported."""

from __future__ import annotations

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker

from constructs_lib import Container, ContainerImage, Model, ModelData
from constructs_lib.model.reference import model_name
from tests.support.refusals import refused
from tests.support.synth import (
    ACCOUNT,
    IMAGE_URI,
    a_bucket,
    a_model,
    allowing,
    flat,
    fresh_app,
    properties,
    resource,
    resources,
    some_data,
    synthesized,
    types,
)

PACKAGE = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:model-package/fraud/3"
ISOLATED = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)


def image() -> ContainerImage:
    return ContainerImage.from_uri(IMAGE_URI)


@pytest.fixture
def vpc(stack: cdk.Stack) -> ec2.Vpc:
    return ec2.Vpc(stack, "Vpc", nat_gateways=0, max_azs=2, restrict_default_security_group=False)


def test_a_model_is_a_role_a_policy_and_the_model(stack: cdk.Stack) -> None:
    a_model(stack)
    assert types(synthesized(stack)) == ["AWS::IAM::Policy", "AWS::IAM::Role", "AWS::SageMaker::Model"]


def test_a_model_is_never_named_so_that_it_can_be_replaced(stack: cdk.Stack) -> None:
    a_model(stack)
    assert "ModelName" not in properties(synthesized(stack), "AWS::SageMaker::Model")


def test_a_model_is_made_after_its_role_and_the_roles_policy(stack: cdk.Stack) -> None:
    a_model(stack)
    template = synthesized(stack)
    (role,), (policy,) = resources(template, "AWS::IAM::Role"), resources(template, "AWS::IAM::Policy")
    model = resource(template, "AWS::SageMaker::Model")
    assert sorted(model["DependsOn"]) == sorted([role, policy])
    assert flat(model["Properties"]["ExecutionRoleArn"]) == f"<{role}.Arn>"


def test_the_environment_is_defaults_then_version_then_the_users_own_word(stack: cdk.Stack) -> None:
    Model(
        stack,
        "Model",
        container=Container(
            image=ContainerImage.framework("sklearn", version="1.2-1"),
            data=ModelData.from_bucket(a_bucket(stack), "model.tar.gz", version="7"),
            environment={"SAGEMAKER_PROGRAM": "mine.py", "THRESHOLD": "0.5"},
        ),
    )
    container = properties(synthesized(stack), "AWS::SageMaker::Model")["PrimaryContainer"]
    assert container["Environment"] == {
        "SAGEMAKER_PROGRAM": "mine.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
        "CONSTRUCTS_LIB_MODEL_DATA_VERSION": "7",
        "THRESHOLD": "0.5",
    }


def test_a_package_of_the_registry_stands_alone(stack: cdk.Stack) -> None:
    Model(stack, "Model", container=Container.from_model_package(PACKAGE, environment={"A": "1"}))
    model = properties(synthesized(stack), "AWS::SageMaker::Model")
    assert model["PrimaryContainer"] == {"ModelPackageName": PACKAGE, "Environment": {"A": "1"}}


def test_data_beside_a_package_is_refused_for_both(stack: cdk.Stack) -> None:
    error = refused(lambda: Container(model_package=PACKAGE, data=some_data(stack)))
    assert (error.rules, error.violations[0].property) == (("SM-CONTAINER-001",), "data")
    assert error.violations[0].fix == "the package names its own data"


def test_a_pipeline_has_its_containers_in_order_with_their_hostnames(stack: cdk.Stack) -> None:
    bucket = a_bucket(stack)
    containers = [
        Container(image=image(), data=ModelData.from_bucket(bucket, f"{name}/1.0/m.tar.gz"), hostname=name)
        for name in ("pre", "predict", "post")
    ]
    model = Model(stack, "Model", containers=containers)
    assert model.containers == tuple(containers)
    template = synthesized(stack)
    made = properties(template, "AWS::SageMaker::Model")
    assert "PrimaryContainer" not in made
    assert [each["ContainerHostname"] for each in made["Containers"]] == ["pre", "predict", "post"]
    assert [each["ModelDataUrl"] for each in made["Containers"]] == [
        f"s3://artefacts/{name}/1.0/m.tar.gz" for name in ("pre", "predict", "post")
    ]
    read = [flat(arn) for each in allowing(template, "s3:GetObject") for arn in _resources(each)]
    assert len(read) == 3


def _resources(statement: dict[str, object]) -> list[object]:
    named = statement["Resource"]
    return named if isinstance(named, list) else [named]


def test_two_models_in_one_stack_do_not_meet(stack: cdk.Stack) -> None:
    a_model(stack, "One")
    a_model(stack, "Two")
    template = synthesized(stack)
    roles = {
        each["Properties"]["ExecutionRoleArn"]["Fn::GetAtt"][0]
        for each in resources(template, "AWS::SageMaker::Model").values()
    }
    assert len(roles) == 2


def test_the_same_container_may_be_served_by_two_models(stack: cdk.Stack) -> None:
    container = Container(
        image=ContainerImage.framework("sklearn", version="1.2-1"),
        data=ModelData.from_bucket(a_bucket(stack), "1.0/m.tar.gz"),
    )
    Model(stack, "One", container=container)
    Model(stack, "Two", container=container)
    assert len(resources(synthesized(stack), "AWS::SageMaker::Model")) == 2


def test_your_role_gets_the_grants_and_no_other_is_made(stack: cdk.Stack) -> None:
    role = iam.Role(stack, "Mine", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    model = a_model(stack, role=role)
    assert model.role is role
    template = synthesized(stack)
    assert len(resources(template, "AWS::IAM::Role")) == 1
    ((id, policy),) = resources(template, "AWS::IAM::Policy").items()
    assert [flat(each) for each in policy["Properties"]["Roles"]] == [
        f"<{stack.get_logical_id(role.node.default_child)}>"
    ]
    assert len(allowing(template, "ecr:BatchGetImage")) == 1
    assert id in resource(template, "AWS::SageMaker::Model")["DependsOn"]


def test_your_role_serves_two_models_with_the_grants_of_each(stack: cdk.Stack) -> None:
    role = iam.Role(stack, "Mine", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    for id in ("One", "Two"):
        a_model(stack, id, role=role)
    template = synthesized(stack)
    assert len(allowing(template, "ecr:BatchGetImage")) == 2
    depended = [set(each["DependsOn"]) for each in resources(template, "AWS::SageMaker::Model").values()]
    assert all(own & set(resources(template, "AWS::IAM::Policy")) for own in depended)


def test_an_imported_role_gets_the_grants_as_a_policy(stack: cdk.Stack) -> None:
    a_model(stack, role=iam.Role.from_role_arn(stack, "Mine", f"arn:aws:iam::{ACCOUNT}:role/runs-models"))
    assert properties(synthesized(stack), "AWS::IAM::Policy")["Roles"] == ["runs-models"]


def test_an_immutable_role_is_used_as_it_is(stack: cdk.Stack) -> None:
    a_model(
        stack, role=iam.Role.from_role_arn(stack, "Mine", f"arn:aws:iam::{ACCOUNT}:role/m", mutable=False)
    )
    template = synthesized(stack)
    assert types(template) == ["AWS::SageMaker::Model"]
    assert (
        properties(template, "AWS::SageMaker::Model")["ExecutionRoleArn"] == f"arn:aws:iam::{ACCOUNT}:role/m"
    )


def test_in_a_vpc_the_model_has_subnets_a_group_and_the_rights_for_interfaces(
    stack: cdk.Stack, vpc: ec2.Vpc
) -> None:
    model = a_model(stack, vpc=vpc, vpc_subnets=ISOLATED)
    template = synthesized(stack)
    (group,) = resources(template, "AWS::EC2::SecurityGroup")
    config = properties(template, "AWS::SageMaker::Model")["VpcConfig"]
    assert [flat(each) for each in config["SecurityGroupIds"]] == [f"<{group}.GroupId>"]
    assert len(config["Subnets"]) == 2
    (interfaces,) = allowing(template, "ec2:CreateNetworkInterface")
    assert interfaces["Resource"] == "*"
    assert model.connections is not None


def test_outside_of_a_vpc_there_is_nothing_of_it(stack: cdk.Stack) -> None:
    model = a_model(stack)
    template = synthesized(stack)
    assert "VpcConfig" not in properties(template, "AWS::SageMaker::Model")
    assert "ec2:" not in str(template)
    assert model.connections is None


def test_your_security_groups_are_used_and_open_to_connections(stack: cdk.Stack, vpc: ec2.Vpc) -> None:
    groups = [ec2.SecurityGroup(stack, name, vpc=vpc) for name in ("One", "Two")]
    model = a_model(stack, vpc=vpc, vpc_subnets=ISOLATED, security_groups=groups)
    assert model.connections is not None
    model.connections.allow_from_any_ipv4(ec2.Port.tcp(8080), "from clients")
    template = synthesized(stack)
    assert len(properties(template, "AWS::SageMaker::Model")["VpcConfig"]["SecurityGroupIds"]) == 2
    made = resources(template, "AWS::EC2::SecurityGroup").values()
    assert all("SecurityGroupIngress" in each["Properties"] for each in made)


def test_a_subnet_selection_is_passed_on_whole(stack: cdk.Stack, vpc: ec2.Vpc) -> None:
    chosen = ec2.SubnetSelection(subnets=[vpc.isolated_subnets[0]])
    a_model(stack, vpc=vpc, vpc_subnets=chosen)
    assert len(properties(synthesized(stack), "AWS::SageMaker::Model")["VpcConfig"]["Subnets"]) == 1


@pytest.mark.parametrize(("isolated", "written"), [(True, True), (False, None)])
def test_network_isolation_is_written_where_it_is_on(
    stack: cdk.Stack, isolated: bool, written: bool | None
) -> None:
    a_model(stack, network_isolation=isolated)
    assert properties(synthesized(stack), "AWS::SageMaker::Model").get("EnableNetworkIsolation") is written


def test_a_model_is_granted_to_like_any_principal(stack: cdk.Stack) -> None:
    bucket = s3.Bucket(stack, "Features")
    bucket.grant_read(a_model(stack))
    assert len(allowing(synthesized(stack), "s3:GetBucket*")) == 1


def test_an_imported_model_has_its_name_its_arn_and_makes_nothing(stack: cdk.Stack) -> None:
    model = Model.from_model_name(stack, "Imported", "fraud-7")
    assert (model.model_name, model.role) == ("fraud-7", None)
    assert flat(stack.resolve(model.model_arn)) == (
        "arn:<AWS::Partition>:sagemaker:<AWS::Region>:<AWS::AccountId>:model/fraud-7"
    )
    assert model.model_ref.model_arn == model.model_arn
    assert "Resources" not in synthesized(stack)


def test_an_imported_model_may_bring_its_role(stack: cdk.Stack) -> None:
    role = iam.Role.from_role_name(stack, "Role", "runs-fraud")
    assert Model.from_model_name(stack, "Imported", "fraud-7", role=role).role is role


def test_any_model_tells_its_name(stack: cdk.Stack) -> None:
    ours = a_model(stack)
    raw = sagemaker.CfnModel(stack, "Raw", execution_role_arn="arn:aws:iam::1:role/x")

    class Foreign:
        model_ref = ours.model_ref

    assert flat(stack.resolve(model_name(ours))).endswith(".ModelName>")
    assert flat(stack.resolve(model_name(raw))) == "<Raw.ModelName>"
    assert stack.resolve(model_name(Foreign())) == {
        "Fn::Select": [1, {"Fn::Split": ["/", stack.resolve(ours.model_arn)]}]
    }


def test_a_model_is_tagged_like_any_resource() -> None:
    app = fresh_app()
    stack = cdk.Stack(app, "Tagged")
    cdk.Tags.of(a_model(stack)).add("team", "fraud")
    assert properties(synthesized(stack), "AWS::SageMaker::Model")["Tags"] == [
        {"Key": "team", "Value": "fraud"}
    ]


def test_the_l1_is_the_default_child(stack: cdk.Stack) -> None:
    model = a_model(stack)
    assert model.node.default_child is model.cfn_model

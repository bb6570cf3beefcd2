"""A fleet's template: groups, custom resources, what waits for what, encryption; every property reaches it."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from constructs_lib import (
    ConstraintError,
    EdgeTelemetry,
    ModelData,
)
from constructs_lib.core.s3_prefix import S3Prefix
from constructs_lib.edge.names import LONGEST_FLEET_NAME
from tests.support.edge_fleets import (
    COMPONENT,
    ROLLOUT,
    a_fleet,
    made,
    told,
)
from tests.support.refusals import refused
from tests.support.synth import (
    Template,
    a_bucket,
    flat,
    properties,
    resource,
    resources,
    synthesized,
)

# --- what there is -----------------------------------------------------------------------------------------


def test_two_groups_that_no_device_is_in_at_once(stack: cdk.Stack) -> None:
    groups = resources(made(stack), "AWS::IoT::ThingGroup").values()
    assert {each["Properties"]["ThingGroupName"] for each in groups} == {"cameras-canary", "cameras-fleet"}


def test_a_deployment_that_changes_a_component_starts_a_rollout_of_all_three(stack: cdk.Stack) -> None:
    template = made(stack)
    published = {
        each["Properties"]["Component"]: {"Fn::GetAtt": [id, "Version"]}
        for id, each in resources(template, COMPONENT).items()
    }
    told = properties(template, ROLLOUT)
    assert told["Components"] == published
    assert list(published) == ["cameras.Runtime", "cameras.Model", "cameras.Inference"]
    assert flat(told["ServiceToken"]).startswith("<CamerasRolloutsStartFunction")


def test_a_change_of_another_component_is_one_that_starts_a_rollout(stack: cdk.Stack) -> None:
    others = {"aws.greengrass.LogManager": "2.3.7"}
    template = made(stack, components=others)
    assert properties(template, ROLLOUT)["Others"] == others
    assert told(template, "CamerasRolloutsSteps")["others"] == others


def test_a_rollout_begins_once_all_that_it_needs_is_there(stack: cdk.Stack) -> None:
    """Its machine runs while the stack is still being made: without these it fails, or nobody hears that it does."""
    template = made(stack)
    waited: set[str] = set()
    left = list(resources(template, ROLLOUT))
    while left:
        each = left.pop()
        if each not in waited:
            waited.add(each)
            left += _before(template["Resources"][each])
    for type in ("AWS::StepFunctions::StateMachine", "AWS::IoT::ThingGroup", COMPONENT):
        assert set(resources(template, type)) <= waited, type
    policies = [
        id
        for id in resources(template, "AWS::IAM::Policy")
        if id.startswith(("CamerasRollouts", "CamerasPublisher"))
    ]
    assert set(policies) <= waited
    (ended,) = [id for id in resources(template, "AWS::Events::Rule") if "Ended" in id]
    assert ended in waited


def _before(given: Any) -> list[str]:
    """The logical ids that CloudFormation makes before a resource."""
    text = json.dumps(given)
    after = given.get("DependsOn", [])
    found = [after] if isinstance(after, str) else list(after)
    for part in text.split('"Ref": "')[1:]:
        found.append(part.partition('"')[0])
    for part in text.split('"Fn::GetAtt": ["')[1:]:
        found.append(part.partition('"')[0])
    return [each for each in found if not each.startswith("AWS::")]


def test_a_rollout_that_ends_otherwise_than_well_is_told_of(stack: cdk.Stack) -> None:
    (rule,) = [
        each["Properties"]
        for id, each in resources(made(stack), "AWS::Events::Rule").items()
        if "Ended" in id
    ]
    pattern = rule["EventPattern"]
    assert pattern["detail"]["status"] == ["FAILED", "TIMED_OUT", "ABORTED"]
    assert flat(pattern["detail"]["stateMachineArn"][0]).endswith(":stateMachine:cameras-rollout")
    assert flat(rule["Targets"][0]["Arn"]).startswith("<CamerasRolloutsTellFunction")


def test_without_a_dashboard_there_is_none(stack: cdk.Stack) -> None:
    assert a_fleet(stack).dashboard is None
    with_one = a_fleet(stack, "With", fleet_name="with", dashboard=True)
    assert with_one.dashboard is not None
    assert len(resources(synthesized(stack), "AWS::CloudWatch::Dashboard")) == 1


# --- encryption --------------------------------------------------------------------------------------------


def test_what_it_makes_is_encrypted_closed_and_kept(stack: cdk.Stack) -> None:
    template = made(stack)
    buckets = resources(template, "AWS::S3::Bucket").values()
    assert len(buckets) == 2
    for each in buckets:
        (rule,) = each["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
        assert all(each["Properties"]["PublicAccessBlockConfiguration"].values())
        assert each["DeletionPolicy"] == "Retain"
    for each in resources(template, "AWS::SQS::Queue").values():
        assert each["Properties"].get("SqsManagedSseEnabled") or each["Properties"].get("KmsMasterKeyId")
    assert properties(template, "AWS::DynamoDB::Table")["SSESpecification"]["SSEEnabled"]


def test_a_key_of_ones_own_encrypts_what_the_fleet_makes(stack: cdk.Stack) -> None:
    artefacts, telemetry = kms.Key(stack, "ArtefactKey"), kms.Key(stack, "TelemetryKey")
    template = made(stack, encryption_key=artefacts, telemetry=EdgeTelemetry(key=telemetry))
    used = {
        id: flat(
            each["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"][0][
                "ServerSideEncryptionByDefault"
            ]["KMSMasterKeyID"]
        )
        for id, each in resources(template, "AWS::S3::Bucket").items()
    }
    assert sorted(each.partition("Key")[0] for each in used.values()) == ["<Artefact", "<Telemetry"]
    table = properties(template, "AWS::DynamoDB::Table")["SSESpecification"]
    assert flat(table["KMSMasterKeyId"]).startswith("<TelemetryKey")
    assert len(resources(template, "AWS::KMS::Key")) == 2


def test_buckets_that_are_there_are_used_and_none_is_made(stack: cdk.Stack) -> None:
    template = made(
        stack,
        artefact_bucket=a_bucket(stack, "Art", "art"),
        telemetry=EdgeTelemetry(bucket=a_bucket(stack, "Tel", "tel")),
    )
    assert not resources(template, "AWS::S3::Bucket")
    assert not resources(template, "AWS::KMS::Key")
    assert told(template, "CamerasRolloutsSteps")["bucket"] == "art"
    for each in resources(template, COMPONENT).values():
        assert each["Properties"]["Target"]["Bucket"] == "art"


# --- names, places, grants ---------------------------------------------------------------------------------


def test_without_a_name_it_has_one_of_its_place_that_fits(stack: cdk.Stack) -> None:
    fleet = a_fleet(stack, "An" + "Endless" * 20, fleet_name=None)
    assert 1 <= len(fleet.fleet_name) <= LONGEST_FLEET_NAME
    assert fleet.fleet_name.replace("-", "").isalnum()
    assert fleet.fleet_name == fleet.fleet_name.lower()
    assert (
        properties(synthesized(stack), "AWS::IoT::ProvisioningTemplate")["TemplateName"] == fleet.fleet_name
    )


def test_two_fleets_in_one_stack_share_nothing_by_name(stack: cdk.Stack) -> None:
    a_fleet(stack, "One", fleet_name=None, dashboard=True)
    a_fleet(stack, "Two", fleet_name=None, dashboard=True)
    template = synthesized(stack)
    names = [
        flat(value)
        for each in template["Resources"].values()
        for name, value in each.get("Properties", {}).items()
        if name
        in ("ThingGroupName", "TemplateName", "RuleName", "PolicyName", "RoleAlias", "StateMachineName")
    ]
    own = [each for each in names if not each.startswith(("One", "Two"))]
    assert len(own) >= 2 * 7
    assert len(set(own)) == len(own)
    assert len({each["Properties"]["Component"] for each in resources(template, COMPONENT).values()}) == 6


def test_a_bucket_whose_name_is_a_token_is_named_in_time(stack: cdk.Stack) -> None:
    """Deployed by another stack: neither its name nor its ARN is known at synthesis."""
    name = cdk.CfnParameter(stack, "Name").value_as_string
    bucket = s3.Bucket.from_bucket_name(stack, "Bucket", name)
    template = made(
        stack, artefact_bucket=bucket, model=ModelData.from_bucket(bucket, "m/1.0.0/model.tar.gz")
    )
    assert told(template, "CamerasRolloutsSteps")["bucket"] == "<Name>"


def test_a_name_that_is_a_token_fails_in_words(stack: cdk.Stack) -> None:
    """Rules of topics and policies are made of it."""
    error = refused(lambda: a_fleet(stack, fleet_name=cdk.CfnParameter(stack, "Name").value_as_string))
    (violation,) = error.violations
    assert (violation.rule, violation.property) == ("SM-EDGE-002", "fleet_name")
    assert "known at synthesis" in violation.allowed


@pytest.mark.parametrize(
    ("props", "property"),
    [
        ({"fleet_name": 5}, "fleet_name"),
        ({"fleet_name": "caméras"}, "fleet_name"),
        ({"fleet_name": "a" * 100_000}, "fleet_name"),
        ({"model": "model.tar.gz"}, "model"),
        ({"model": None}, "model"),
        ({"devices": "cam-1"}, "devices"),
        ({"devices": None}, "devices"),
        ({"rollout": 5}, "rollout"),
        ({"telemetry": {}}, "telemetry"),
        ({"program": "python3"}, "program"),
        ({"components": ["aws.greengrass.LogManager"]}, "components"),
        ({"components": {"a": 5}}, "components['a']"),
        ({"components": {5: "1.0.0"}}, "components[5]"),
        ({"components": {"ä": "1.0.0"}}, "components['ä']"),
        ({"notify": "topic"}, "notify"),
        ({"notify": [5]}, "notify"),
        ({"notify": [None]}, "notify"),
        ({"artefact_bucket": "bucket"}, "artefact_bucket"),
        ({"encryption_key": "key"}, "encryption_key"),
        ({"dashboard": "yes"}, "dashboard"),
        ({"dashboard": None}, "dashboard"),
    ],
)
def test_wrong_types_are_one_error_that_names_the_property(
    stack: cdk.Stack, props: dict[str, Any], property: str
) -> None:
    with pytest.raises(ConstraintError) as caught:
        a_fleet(stack, **props)
    found = {each.property for each in caught.value.violations}
    assert any(each == property or each.startswith(f"{property}[") for each in found), found


def test_all_that_is_wrong_is_told_at_once(stack: cdk.Stack) -> None:
    error = refused(lambda: a_fleet(stack, fleet_name="", components={"a b": "1"}, notify="x", dashboard=1))
    assert len({each.property for each in error.violations}) >= 4


def granted(template: Template, user: str) -> set[tuple[str, str]]:
    """Each action and what it is on, of the user with this beginning of its id."""
    return {
        (action, flat(on).replace("arn:<AWS::Partition>:s3:::", ""))
        for id, policy in resources(template, "AWS::IAM::Policy").items()
        if id.startswith(user)
        for each in policy["Properties"]["PolicyDocument"]["Statement"]
        for action in (each["Action"] if isinstance(each["Action"], list) else [each["Action"]])
        for on in (each["Resource"] if isinstance(each["Resource"], list) else [each["Resource"]])
    }


def test_each_grant_is_of_one_use(stack: cdk.Stack) -> None:
    fleet = a_fleet(
        stack,
        artefact_bucket=a_bucket(stack, "Art", "art"),
        telemetry=EdgeTelemetry(bucket=a_bucket(stack, "Tel", "tel")),
    )
    fleet.grants.roll_out(iam.User(stack, "Starter"))
    fleet.grants.bring_models(iam.User(stack, "Bringer"))
    fleet.grants.read_results(iam.User(stack, "Reader"))
    template = synthesized(stack)
    (start,) = [id for id in resources(template, "AWS::Lambda::Function") if "RolloutsStart" in id]
    # Unqualified, and by the name that this stands for; no versions, of which there are none.
    assert granted(template, "Starter") == {
        ("lambda:InvokeFunction", f"<{start}.Arn>{each}") for each in ("", ":$LATEST")
    }
    assert granted(template, "Bringer") == {
        ("s3:PutObject", "art/models/*"),
        ("s3:AbortMultipartUpload", "art/models/*"),
    }
    assert granted(template, "Reader") == {("s3:GetObject", "tel/inference/*"), ("s3:ListBucket", "tel")}


def test_models_may_be_taken_from_elsewhere_too(stack: cdk.Stack) -> None:
    fleet = a_fleet(stack)
    fleet.read_models_from(S3Prefix(bucket=a_bucket(stack, "Registry", "registry"), prefix="approved"))
    found = [
        flat(each["Resource"])
        for policy in resources(synthesized(stack), "AWS::IAM::Policy").values()
        if any(flat(role).startswith("<CamerasRolloutsSteps") for role in policy["Properties"]["Roles"])
        for each in policy["Properties"]["PolicyDocument"]["Statement"]
        if "s3:GetObject" in each["Action"]
    ]
    assert "arn:<AWS::Partition>:s3:::registry/approved/*" in found


def test_what_others_build_on_is_there(stack: cdk.Stack) -> None:
    fleet = a_fleet(stack)
    for name in ("Version", "Topic", "Alias"):
        value = {"Version": fleet.model_version, "Topic": fleet.inference_topic, "Alias": fleet.role_alias}[
            name
        ]
        cdk.CfnOutput(stack, name, value=value)
    template = synthesized(stack)
    outputs = {name: each["Value"] for name, each in template["Outputs"].items()}
    (model,) = [
        id
        for id, each in resources(template, COMPONENT).items()
        if each["Properties"]["Component"] == "cameras.Model"
    ]
    assert outputs == {
        "Version": {"Fn::GetAtt": [model, "Version"]},
        "Topic": "dt/cameras/+/inference",
        "Alias": "cameras-devices",
    }
    for metric, name in (
        (fleet.metric_inferences(), "Inferences"),
        (fleet.metric_errors(), "Errors"),
        (fleet.metric_latency(), "Latency"),
        (fleet.metric_silent_devices(), "SilentDevices"),
    ):
        assert (metric.metric_name, metric.namespace) == (name, "ConstructsLib/Edge")
        assert metric.dimensions == {"Fleet": "cameras"}
    assert fleet.metric("Errors", group="canary").dimensions == {"Fleet": "cameras", "Group": "canary"}
    assert fleet.device_role is fleet.role
    assert resource(template, "AWS::IoT::RoleAlias")["Properties"]["RoleAlias"] == "cameras-devices"

"""What each part of a fleet may do: what it needs, on what it needs it, and nothing else."""

from __future__ import annotations

import aws_cdk as cdk
import pytest
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from constructs_lib import EdgeTelemetry
from tests.support.edge_fleets import HERE, LOGS, METRICS, a_fleet
from tests.support.rights import rights
from tests.support.synth import ACCOUNT, Template, a_bucket, flat, resources, statements, synthesized

GROUPS = [f"arn:<AWS::Partition>:iot:{HERE}:thinggroup/cameras-{each}" for each in ("canary", "fleet")]
IOT, GREENGRASS = f"arn:<AWS::Partition>:iot:{HERE}", f"arn:<AWS::Partition>:greengrass:{HERE}"
MACHINE = f"arn:<AWS::Partition>:states:{HERE}:stateMachine:cameras-rollout"
EXECUTIONS = f"arn:<AWS::Partition>:states:{HERE}:execution:cameras-rollout:*"
ART, TEL = "arn:<AWS::Partition>:s3:::art", "arn:<AWS::Partition>:s3:::tel"
OWN = LOGS | {METRICS}
TOPIC = f"arn:aws:sns:eu-west-1:{ACCOUNT}:on-call"


def fleet_of(stack: cdk.Stack) -> Template:
    """Into imported buckets, which have no keys to grant on."""
    a_fleet(
        stack,
        artefact_bucket=a_bucket(stack, "Art", "art"),
        telemetry=EdgeTelemetry(bucket=a_bucket(stack, "Tel", "tel")),
        notify=[sns.Topic.from_topic_arn(stack, "OnCall", TOPIC)],
    )
    return synthesized(stack)


@pytest.fixture
def template(stack: cdk.Stack) -> Template:
    return fleet_of(stack)


def on(template: Template, type: str, name: str) -> str:
    (found,) = [id for id in resources(template, type) if name in id]
    return f"<{found}.Arn>"


def below(bucket: str, prefix: str, *actions: str) -> set[tuple[str, str]]:
    return {(action, f"{bucket}/{prefix}/*") for action in actions}


WRITE = ("s3:PutObject", "s3:AbortMultipartUpload")


# --- rollouts ----------------------------------------------------------------------------------------------


def test_the_function_that_does_the_steps(template: Template) -> None:
    on_versions = ("greengrass:DescribeComponent", "greengrass:DeleteComponent", "greengrass:TagResource")
    assert rights(template, "CamerasRolloutsSteps") == {
        *OWN,
        # To publish a model that was brought, and to remember what was good.
        *below(ART, "models", "s3:GetObject"),
        *below(ART, "components", "s3:GetObject", *WRITE),
        *below(ART, "rollout", "s3:GetObject", *WRITE),
        *(("s3:ListBucket", f"{ART} {each}/*") for each in ("models", "components", "rollout")),
        ("greengrass:CreateComponentVersion", "*"),
        *(
            (action, f"{GREENGRASS}:components:cameras.{name}*")
            for action in on_versions
            for name in ("Runtime", "Model", "Inference")
        ),
        # To deploy, which Greengrass does by IoT jobs in the caller's name.
        *((f"greengrass:{each}", "*") for each in ("CreateDeployment", "ListDeployments")),
        ("greengrass:GetDeployment", f"{GREENGRASS}:deployments:*"),
        *((f"iot:{each}Job", f"{IOT}:job/*") for each in ("Create", "Describe", "Update", "Cancel")),
        *(
            (action, group)
            for action in ("iot:CreateJob", "iot:DescribeThingGroup", "iot:ListThingsInThingGroup")
            for group in GROUPS
        ),
        # To ask devices, and tell them.
        *((f"iot:{each}ThingShadow", f"{IOT}:thing/*") for each in ("Get", "Update")),
        ("cloudwatch:DescribeAlarms", "*"),
        ("states:DescribeExecution", EXECUTIONS),
    }


def test_the_function_that_starts_rollouts_deploys_nothing(template: Template) -> None:
    assert rights(template, "CamerasRolloutsStart") == OWN | {
        ("states:StartExecution", MACHINE),
        ("states:ListExecutions", MACHINE),
        ("states:StopExecution", EXECUTIONS),
    }


def test_the_function_that_tells_of_failures_tells_and_nothing_else(template: Template) -> None:
    assert rights(template, "CamerasRolloutsTell") == OWN | {("sns:Publish", TOPIC)}


def test_of_an_encrypted_topic_it_may_use_the_key(stack: cdk.Stack) -> None:
    a_fleet(stack, notify=[sns.Topic(stack, "OnCall", master_key=kms.Key(stack, "TopicKey"))])
    found = rights(synthesized(stack), "CamerasRolloutsTell") - OWN
    assert {action for action, _ in found} == {"sns:Publish", "kms:Decrypt", "kms:GenerateDataKey"}


def test_the_machine_calls_that_one_function(template: Template) -> None:
    found = {
        each
        for each in rights(template, "CamerasRolloutsMachine")
        if not each[0].startswith(("logs:", "xray:"))
    }
    assert found == {("lambda:InvokeFunction", on(template, "AWS::Lambda::Function", "RolloutsSteps"))}


# --- telemetry ---------------------------------------------------------------------------------------------


def test_the_rule_of_results_hands_them_over_and_keeps_what_it_cannot(template: Template) -> None:
    stream = on(template, "AWS::KinesisFirehose::DeliveryStream", "Stream")
    assert rights(template, "CamerasTelemetryDeliveryRuleRole") == {
        ("firehose:PutRecord", stream),
        *below(TEL, "undelivered", "s3:PutObject"),
    }


def test_the_stream_writes_results_and_failures(template: Template) -> None:
    assert rights(template, "CamerasTelemetryDeliveryDeliveryRole") == {
        *below(TEL, "inference", *WRITE),
        *below(TEL, "failed", *WRITE),
        *((f"s3:{each}", TEL) for each in ("GetBucketLocation", "ListBucket", "ListBucketMultipartUploads")),
    }


def test_the_rule_of_summaries_puts_them_into_their_queue(template: Template) -> None:
    assert rights(template, "CamerasTelemetryMeterRuleRole") == {
        ("sqs:SendMessage", on(template, "AWS::SQS::Queue", each)) for each in ("Summaries", "DeadLetters")
    }


def test_the_meter_takes_summaries_and_keeps_what_it_knows_of_devices(template: Template) -> None:
    queue = on(template, "AWS::SQS::Queue", "Summaries")
    table = on(template, "AWS::DynamoDB::Table", "Devices")
    taken = (
        "ReceiveMessage",
        "ChangeMessageVisibility",
        "GetQueueUrl",
        "DeleteMessage",
        "GetQueueAttributes",
    )
    assert rights(template, "CamerasTelemetryMeterRole0") == OWN | {
        *((f"sqs:{each}", queue) for each in taken),
        ("dynamodb:BatchGetItem", table),
        ("dynamodb:UpdateItem", table),
    }


def test_the_census_counts_and_forgets(template: Template) -> None:
    table = on(template, "AWS::DynamoDB::Table", "Devices")
    assert rights(template, "CamerasTelemetryMeterCensusRole") == OWN | {
        ("dynamodb:Scan", table),
        ("dynamodb:DeleteItem", table),
        *(("iot:ListThingsInThingGroup", group) for group in GROUPS),
    }


# --- of all ------------------------------------------------------------------------------------------------


def test_no_role_is_taken_on_by_another_account(template: Template) -> None:
    """Of services that act for many, the condition says for which account; Lambda and devices are of this one."""
    for id, role in resources(template, "AWS::IAM::Role").items():
        (trusted,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        service = trusted["Principal"]["Service"]
        if service in ("lambda.amazonaws.com", "credentials.iot.amazonaws.com"):
            continue
        account = trusted["Condition"]["StringEquals"]["aws:SourceAccount"]
        assert flat(account) == "<AWS::AccountId>", id


def test_metrics_are_put_into_our_namespace_alone(template: Template) -> None:
    put = [each for each in statements(template) if each["Action"] == "cloudwatch:PutMetricData"]
    assert len(put) == 7
    for each in put:
        assert each["Condition"] == {"StringEquals": {"cloudwatch:namespace": "ConstructsLib/Edge"}}


def test_every_role_has_been_looked_at(template: Template) -> None:
    """One that is new has to have its test here, in test_provisioning, test_published or test_device_identity."""
    assert sorted(id[len("Cameras") : -8] for id in resources(template, "AWS::IAM::Role")) == [
        "IdentityRole",
        "ProvisioningHookRole",
        "ProvisioningRole",
        "PublisherPublishRole",
        "RolloutsMachineRole",
        "RolloutsStartRole",
        "RolloutsStepsRole",
        "RolloutsTellRole",
        "TelemetryDeliveryDeliveryRole",
        "TelemetryDeliveryRuleRole",
        "TelemetryMeterCensusRole",
        "TelemetryMeterRole",
        "TelemetryMeterRuleRole",
    ]


KEYS = {
    "CamerasIdentityRole": {("kms:Decrypt", "Art")},
    "CamerasTelemetryMeterRole0": {("kms:Decrypt", "Tel")},
    "CamerasTelemetryMeterCensusRole": {("kms:Decrypt", "Tel")},
    "CamerasTelemetryDeliveryRuleRole": {("kms:GenerateDataKey", "Tel")},
    "CamerasTelemetryDeliveryDeliveryRole": {("kms:Decrypt", "Tel"), ("kms:GenerateDataKey", "Tel")},
    "CamerasRolloutsStart": set[tuple[str, str]](),
    "CamerasRolloutsTell": set[tuple[str, str]](),
    "CamerasProvisioningHook": set[tuple[str, str]](),
}


def test_keys_are_used_by_those_who_touch_what_they_encrypt(stack: cdk.Stack) -> None:
    keys = {each: kms.Key(stack, f"{each}Key") for each in ("Art", "Tel")}
    bucket = s3.Bucket(stack, "ArtBucket", encryption_key=keys["Art"])
    a_fleet(stack, artefact_bucket=bucket, telemetry=EdgeTelemetry(key=keys["Tel"]))
    template = synthesized(stack)
    for role, wanted in KEYS.items():
        found = {
            (action, where[1:4]) for action, where in rights(template, role) if action.startswith("kms:")
        }
        assert found == wanted, role

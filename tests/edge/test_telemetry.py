"""What becomes of what devices tell: the rules, the stream, the queues, the table, and who may do what."""

from __future__ import annotations

import re
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from constructs_lib.edge.telemetry import EdgeTelemetry
from tests.support.fleet_telemetry import FLEET, a_stack, made, telemetry_of
from tests.support.refusals import (
    WRONG_DURATIONS,
    WRONG_NUMBERS,
    WRONG_SWITCHES,
    WRONG_WHOLE_NUMBERS,
    Refusal,
    WrongType,
    as_parameters,
    wrong_types,
)
from tests.support.rights import rights
from tests.support.synth import Template, a_bucket, flat, properties, resources, synthesized

THING_GROUP = f"arn:<AWS::Partition>:iot:<AWS::Region>:<AWS::AccountId>:thinggroup/{FLEET}"


@pytest.fixture(scope="module")
def template() -> Template:
    return made()


def named(template: Template, type: str, part: str) -> tuple[str, dict[str, Any]]:
    """The logical id and properties of the one resource of a type with `part` in its id."""
    ((id, found),) = [(id, each) for id, each in resources(template, type).items() if part in id]
    return id, found.get("Properties", {})


def rule(template: Template, part: str) -> dict[str, Any]:
    return dict(named(template, "AWS::IoT::TopicRule", part)[1])


# --- results -----------------------------------------------------------------------------------------------


def test_results_go_through_the_stream_to_s3_by_the_hour(template: Template) -> None:
    payload = rule(template, "Delivery")["TopicRulePayload"]
    selected, topics = payload["Sql"].split(" FROM ")
    assert selected == "SELECT *, topic(3) AS thing, timestamp() AS received"
    assert topics == f"'dt/{FLEET}/+/inference'"
    (action,) = payload["Actions"]
    stream, given = named(template, "AWS::KinesisFirehose::DeliveryStream", "Delivery")
    assert action["Firehose"]["DeliveryStreamName"] == {"Ref": stream}
    destination = given["ExtendedS3DestinationConfiguration"]
    assert destination["Prefix"] == "inference/!{timestamp:yyyy/MM/dd/HH}/"
    assert destination["ErrorOutputPrefix"].startswith("failed/!{firehose:error-output-type}/")
    assert given["DeliveryStreamEncryptionConfigurationInput"] == {"KeyType": "AWS_OWNED_CMK"}


def test_a_result_ends_with_one_line_feed(template: Template) -> None:
    """The stream's; one of the rule's beside it would leave empty lines between them."""
    (action,) = rule(template, "Delivery")["TopicRulePayload"]["Actions"]
    assert "Separator" not in action["Firehose"]
    _, given = named(template, "AWS::KinesisFirehose::DeliveryStream", "Delivery")
    processing = given["ExtendedS3DestinationConfiguration"]["ProcessingConfiguration"]
    assert [each["Type"] for each in processing["Processors"]] == ["AppendDelimiterToRecord"]


def test_what_the_stream_does_not_take_lies_beside(template: Template) -> None:
    error = rule(template, "Delivery")["TopicRulePayload"]["ErrorAction"]["S3"]
    assert error["Key"] == "undelivered/${parse_time('yyyy/MM/dd/HH', timestamp())}/${newuuid()}"
    assert error["BucketName"] == {"Ref": named(template, "AWS::S3::Bucket", "Results")[0]}


def test_the_rule_of_results_may_do_just_that(template: Template) -> None:
    stream = named(template, "AWS::KinesisFirehose::DeliveryStream", "Delivery")[0]
    bucket = named(template, "AWS::S3::Bucket", "Results")[0]
    key = named(template, "AWS::KMS::Key", "Results")[0]
    assert rights(template, "TelemetryDeliveryRuleRole") == {
        ("firehose:PutRecord", f"<{stream}.Arn>"),
        ("s3:PutObject", f"<{bucket}.Arn>/undelivered/*"),
        ("kms:GenerateDataKey", f"<{key}.Arn>"),
    }


def test_the_stream_may_write_results_and_failures(template: Template) -> None:
    bucket = named(template, "AWS::S3::Bucket", "Results")[0]
    on = {
        each for action, each in rights(template, "TelemetryDeliveryDeliveryRole") if action == "s3:PutObject"
    }
    assert on == {f"<{bucket}.Arn>/inference/*", f"<{bucket}.Arn>/failed/*"}


def test_roles_of_rules_are_for_rules_of_this_account(template: Template) -> None:
    for part in ("DeliveryRuleRole", "MeterRuleRole"):
        (statement,) = named(template, "AWS::IAM::Role", part)[1]["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "iot.amazonaws.com"}
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_names_of_rules_are_ones_that_aws_takes(template: Template) -> None:
    names = [each["Properties"]["RuleName"] for each in resources(template, "AWS::IoT::TopicRule").values()]
    assert sorted(names) == ["press_cams_results", "press_cams_summaries"]
    assert all(re.fullmatch(r"[a-zA-Z0-9_]{1,128}", each) for each in names)


def test_results_are_kept_for_a_while() -> None:
    for props, days in (({}, 90), ({"retention": cdk.Duration.days(7)}, 7)):
        rules = properties(made(**props), "AWS::S3::Bucket")["LifecycleConfiguration"]["Rules"]
        assert [each["ExpirationInDays"] for each in rules if "ExpirationInDays" in each] == [days]


def test_a_bucket_that_is_there_is_used() -> None:
    stack = a_stack()
    key = kms.Key.from_key_arn(stack, "Key", "arn:aws:kms:eu-west-1:111122223333:key/k")
    bucket = s3.Bucket.from_bucket_attributes(stack, "Data", bucket_name="data", encryption_key=key)
    telemetry = telemetry_of(stack, bucket=bucket)
    template = synthesized(stack)
    assert telemetry.results.uri == "s3://data/inference"
    assert not resources(template, "AWS::S3::Bucket")
    found = rights(template, "TelemetryDeliveryRuleRole")
    assert ("kms:GenerateDataKey", "arn:aws:kms:eu-west-1:111122223333:key/k") in found
    assert ("s3:PutObject", "arn:<AWS::Partition>:s3:::data/undelivered/*") in found


# --- counts ------------------------------------------------------------------------------------------------


def test_summaries_come_as_they_were_sent_and_by_the_topic_whose_they_are(template: Template) -> None:
    payload = rule(template, "Meter")["TopicRulePayload"]
    selected, topics = payload["Sql"].split(" FROM ")
    assert selected == "SELECT topic(3) AS thing, timestamp() AS received, encode(*, 'base64') AS told"
    assert topics == f"'dt/{FLEET}/+/summary'"
    queue, dead = (named(template, "AWS::SQS::Queue", each)[0] for each in ("Summaries", "DeadLetters"))
    (action,) = payload["Actions"]
    assert action["Sqs"]["QueueUrl"] == {"Ref": queue}
    assert payload["ErrorAction"]["Sqs"]["QueueUrl"] == {"Ref": dead}
    assert rights(template, "TelemetryMeterRuleRole") == {
        ("sqs:SendMessage", f"<{queue}.Arn>"),
        ("sqs:SendMessage", f"<{dead}.Arn>"),
    }


def test_queues_are_encrypted_and_what_is_not_counted_is_kept(template: Template) -> None:
    queue = named(template, "AWS::SQS::Queue", "Summaries")[1]
    dead, letters = named(template, "AWS::SQS::Queue", "DeadLetters")
    assert queue["SqsManagedSseEnabled"] is letters["SqsManagedSseEnabled"] is True
    assert queue["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": [dead, "Arn"]},
        "maxReceiveCount": 5,
    }
    assert letters["MessageRetentionPeriod"] == 14 * 86_400
    policies = resources(template, "AWS::SQS::QueuePolicy")
    assert len(policies) == 2
    assert all("aws:SecureTransport" in str(each) for each in policies.values())


def test_the_queue_hides_what_is_counted_for_six_times_as_long_and_the_window(template: Template) -> None:
    queue = named(template, "AWS::SQS::Queue", "Summaries")[1]
    function = named(template, "AWS::Lambda::Function", "TelemetryMeterFunction")[1]
    source = properties(template, "AWS::Lambda::EventSourceMapping")
    window = source["MaximumBatchingWindowInSeconds"]
    assert (source["BatchSize"], window) == (100, 20)
    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"] + window


def of_function(template: Template, role: str) -> set[tuple[str, str]]:
    """What a function may do beside writing its logs and taking what its queue has."""
    return {each for each in rights(template, role) if not each[0].startswith(("logs:", "sqs:"))}


def test_the_meter_may_know_devices_and_tell_cloudwatch(template: Template) -> None:
    table = named(template, "AWS::DynamoDB::Table", "Devices")[0]
    assert of_function(template, "TelemetryMeterRole") == {
        ("cloudwatch:PutMetricData", "*"),
        ("dynamodb:BatchGetItem", f"<{table}.Arn>"),
        ("dynamodb:UpdateItem", f"<{table}.Arn>"),
    }


def test_the_census_may_look_at_both_groups(template: Template) -> None:
    table = named(template, "AWS::DynamoDB::Table", "Devices")[0]
    assert of_function(template, "TelemetryMeterCensusRole") == {
        ("cloudwatch:PutMetricData", "*"),
        ("dynamodb:Scan", f"<{table}.Arn>"),
        ("dynamodb:DeleteItem", f"<{table}.Arn>"),
        ("iot:ListThingsInThingGroup", f"{THING_GROUP}-canary"),
        ("iot:ListThingsInThingGroup", f"{THING_GROUP}-fleet"),
    }


def test_metrics_are_put_into_our_namespace_only(template: Template) -> None:
    statements = [
        statement
        for policy in resources(template, "AWS::IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == "cloudwatch:PutMetricData"
    ]
    assert len(statements) == 2
    for each in statements:
        assert each["Condition"] == {"StringEquals": {"cloudwatch:namespace": "ConstructsLib/Edge"}}


def test_the_census_is_taken_every_five_minutes(template: Template) -> None:
    assert properties(template, "AWS::Events::Rule")["ScheduleExpression"] == "rate(5 minutes)"


def test_functions_are_told_of_the_fleet() -> None:
    template = made(silent_after=cdk.Duration.minutes(30))
    for part in ("TelemetryMeterFunction", "Census"):
        told = named(template, "AWS::Lambda::Function", part)[1]["Environment"]["Variables"]["EDGE"]
        table = named(template, "AWS::DynamoDB::Table", "Devices")[0]
        assert f'"table":"<{table}>"' in flat(told)
        assert '"silent_seconds":1800' in flat(told)
        assert f'"canary":"{FLEET}-canary"' in flat(told)


def test_the_table_is_paid_by_the_request_and_can_be_restored(template: Template) -> None:
    table = properties(template, "AWS::DynamoDB::Table")
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["KeySchema"] == [{"AttributeName": "thing", "KeyType": "HASH"}]
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert table["SSESpecification"]["SSEEnabled"] is True


def test_a_key_encrypts_the_bucket_and_the_table() -> None:
    stack = a_stack()
    key = kms.Key(stack, "Own")
    telemetry_of(stack, key=key)
    template = synthesized(stack)
    (id,) = resources(template, "AWS::KMS::Key")
    assert (
        flat(properties(template, "AWS::DynamoDB::Table")["SSESpecification"]["KMSMasterKeyId"])
        == f"<{id}.Arn>"
    )
    for role in ("TelemetryMeterRole", "TelemetryMeterCensusRole"):
        assert ("kms:Decrypt", f"<{id}.Arn>") in rights(template, role)


# --- what devices are told, and what is refused ------------------------------------------------------------


def test_devices_are_told_what_they_send() -> None:
    assert EdgeTelemetry().told() == {
        "sampling": {"percent": 100, "inputs": True, "errors_always": True},
        "buffer": {"max_bytes": 64 << 20},
        "summary_seconds": 60,
    }
    given = EdgeTelemetry(
        sample_percent=2.5, inputs=False, buffer=cdk.Size.gibibytes(1), summary_every=cdk.Duration.minutes(5)
    )
    assert given.told() == {
        "sampling": {"percent": 2.5, "inputs": False, "errors_always": True},
        "buffer": {"max_bytes": 1 << 30},
        "summary_seconds": 300,
    }


def of(**props: Any) -> Any:
    return lambda: EdgeTelemetry(**props)


BUCKET = a_bucket(a_stack(), "Any", "any")
HOUR = cdk.Duration.hours(1)
UNKNOWN = cdk.Duration.seconds(cdk.Token.as_number({"Ref": "Seconds"}))
REFUSALS = [
    Refusal("SM-EDGE-050", of(sample_percent=101), "sample_percent", 101, "100"),
    Refusal("SM-EDGE-050", of(sample_percent=-1), "sample_percent", -1, "0"),
    Refusal("SM-EDGE-050", of(error_percent=0), "error_percent", 0, "0"),
    Refusal("SM-EDGE-050", of(silent_devices=0), "silent_devices", 0, "from 1 to 100000"),
    Refusal("SM-EDGE-050", of(latency_p99=HOUR), "latency_p99", "1 hour", "1 minute"),
    Refusal("SM-EDGE-051", of(summary_every=cdk.Duration.seconds(9)), "summary_every", "9 seconds", "10 seconds"),
    Refusal("SM-EDGE-051", of(silent_after=cdk.Duration.days(8)), "silent_after", "8 days", "7 days"),
    Refusal("SM-EDGE-051", of(summary_every=HOUR), "silent_after", "900 seconds", "at least 10800 seconds"),
    Refusal("SM-EDGE-051", of(silent_after=UNKNOWN), "silent_after", UNKNOWN, "known at synthesis"),
    Refusal("SM-EDGE-052", of(buffer=cdk.Size.kibibytes(512)), "buffer", "0.5 MiB", "whole MiB from 1"),
    Refusal("SM-EDGE-052", of(buffer=cdk.Size.gibibytes(65)), "buffer", "66560 MiB", "65536"),
    Refusal("SM-EDGE-053", of(retention=cdk.Duration.hours(36)), "retention", "1 day 12 hours", "whole days"),
    Refusal("SM-EDGE-053", of(retention=cdk.Duration.days(5000)), "retention", "5000 days", "3660 days"),
    Refusal("SM-EDGE-053", of(bucket=BUCKET, retention=cdk.Duration.days(5)), "retention", "5 days", "lifecycle"),
]  # fmt: skip


@pytest.mark.parametrize("refusal", as_parameters(REFUSALS))
def test_is_refused(refusal: Refusal) -> None:
    refusal.check()


@pytest.mark.parametrize(
    "wrong",
    wrong_types(
        EdgeTelemetry,
        sample_percent=WRONG_NUMBERS,
        inputs=WRONG_SWITCHES,
        error_percent=WRONG_NUMBERS,
        silent_devices=WRONG_WHOLE_NUMBERS,
        summary_every=WRONG_DURATIONS,
        silent_after=WRONG_DURATIONS,
        latency_p99=WRONG_DURATIONS,
        retention=WRONG_DURATIONS,
        buffer=(64, "64 MiB", True, [1]),
        bucket=("data", 5),
        key=("key", 5),
    ),
)
def test_a_wrong_type_is_refused_by_the_propertys_name(wrong: WrongType) -> None:
    wrong.check()

"""What a batch transform is made of, what starts its runs, and who hears of them."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from constructs_lib import BatchArrival, BatchCapture, BatchInput, Column, ColumnType, Model, PredictionSink
from tests.batch.test_values import matches
from tests.support.alarms import breaches, dashboard_body, read_by
from tests.support.batch import COLUMNS, MACHINE, a_batch, a_step, a_table, an_input, machine_of, made
from tests.support.synth import (
    ACCOUNT,
    Template,
    a_bucket,
    a_model,
    flat,
    fresh_app,
    properties,
    resource,
    resources,
    synthesized,
    types,
)

ALARM, QUEUE, RULE = "AWS::CloudWatch::Alarm", "AWS::SQS::Queue", "AWS::Events::Rule"
DAILY = scheduler.ScheduleExpression.rate(cdk.Duration.days(1))


# --- the least ---------------------------------------------------------------------------------------------


def test_nothing_but_expected_is_made(stack: cdk.Stack) -> None:
    found = types(made(stack))
    assert {each: found.count(each) for each in found} == {
        ALARM: 2,
        "AWS::CloudWatch::Dashboard": 1,
        RULE: 1,
        "AWS::IAM::Policy": 9,
        "AWS::IAM::Role": 5,
        "AWS::KMS::Key": 1,
        "AWS::Lambda::EventInvokeConfig": 1,
        "AWS::Lambda::EventSourceMapping": 1,
        "AWS::Lambda::Function": 3,
        "AWS::Lambda::Permission": 1,
        "AWS::Logs::LogGroup": 4,
        "AWS::S3::Bucket": 1,
        "AWS::S3::BucketPolicy": 1,
        "AWS::SQS::Queue": 2,
        "AWS::SQS::QueuePolicy": 2,
        "AWS::SageMaker::Model": 1,
        MACHINE: 1,
    }


def test_without_a_dashboard_and_with_a_bucket_there_is_less(stack: cdk.Stack) -> None:
    found = set(types(made(stack, dashboard=False, output_bucket=a_bucket(stack, "Out", "out"))))
    assert not found & {"AWS::CloudWatch::Dashboard", "AWS::S3::Bucket", "AWS::KMS::Key"}


def test_its_bucket_is_encrypted_versioned_private_and_kept(stack: cdk.Stack) -> None:
    bucket = resource(made(stack), "AWS::S3::Bucket")
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"
    assert all(bucket["Properties"]["PublicAccessBlockConfiguration"].values())
    assert bucket["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}


def test_a_given_key_encrypts_the_bucket_that_is_made(stack: cdk.Stack) -> None:
    template = made(stack, encryption_key=kms.Key(stack, "Own"))
    (key,) = resources(template, "AWS::KMS::Key")
    (encryption,) = properties(template, "AWS::S3::Bucket")["BucketEncryption"][
        "ServerSideEncryptionConfiguration"
    ]
    assert encryption["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == {"Fn::GetAtt": [key, "Arn"]}


def test_names_follow_from_the_path_or_are_as_given(stack: cdk.Stack) -> None:
    batches = [a_batch(stack, "Nightly"), a_batch(stack, "Other", transform_name="fraud")]
    names = ["test-nightly", "fraud"]
    assert [each.transform_name for each in batches] == names
    machines = resources(synthesized(stack), MACHINE).values()
    assert [each["Properties"]["StateMachineName"] for each in machines] == names
    assert [each.output.prefix for each in batches] == ["batch/test-nightly", "batch/fraud"]


def test_the_machine_is_standard_traced_and_logs_what_failed(stack: cdk.Stack) -> None:
    given = properties(made(stack), MACHINE)
    assert given.get("StateMachineType", "STANDARD") == "STANDARD"
    assert given["TracingConfiguration"] == {"Enabled": True}
    assert given["LoggingConfiguration"]["Level"] == "ERROR"
    assert not given["LoggingConfiguration"].get("IncludeExecutionData", False), "it may be a user's"


def test_metrics_are_the_transforms(stack: cdk.Stack) -> None:
    batch = a_batch(stack)
    found = [
        (each.metric_name, each.statistic, each.namespace, dict(each.dimensions))
        for each in (
            batch.metric_runs_succeeded(),
            batch.metric_runs_failed(),
            batch.metric_records(),
            batch.metric_duration(),
            batch.metric("Nulls", statistic="Average"),
        )
    ]
    names = ["RunsSucceeded", "RunsFailed", "RecordsOut", "DurationSeconds", "Nulls"]
    statistics = ["Sum", "Sum", "Sum", "Maximum", "Average"]
    assert found == [
        (name, statistic, "ConstructsLib/Batch", {"Transform": "test-batch"})
        for name, statistic in zip(names, statistics, strict=True)
    ]


def test_captured_is_where_monitors_read(stack: cdk.Stack) -> None:
    captured = a_batch(
        stack, columns=COLUMNS, sink=[PredictionSink.table(), BatchCapture(prefix="seen")]
    ).captured
    assert captured is not None
    assert captured.prefix == "seen"
    assert a_batch(stack, "Without").captured is None


# --- what starts runs --------------------------------------------------------------------------------------


def queue(template: Template, name: str) -> str:
    (found,) = [id for id in resources(template, QUEUE) if id.startswith(f"BatchRequests{name}")]
    return found


def test_requests_that_fail_three_times_become_dead_letters_that_stay_for_two_weeks(stack: cdk.Stack) -> None:
    template = made(stack)
    requests, letters = queue(template, "Queue"), queue(template, "DeadLetters")
    given = resources(template, QUEUE)
    redrive = given[requests]["Properties"]["RedrivePolicy"]
    assert flat(redrive["deadLetterTargetArn"]) == f"<{letters}.Arn>"
    assert redrive["maxReceiveCount"] == 3
    for id in (requests, letters):
        assert given[id]["Properties"]["MessageRetentionPeriod"] == 14 * 86_400
        assert given[id]["Properties"]["SqsManagedSseEnabled"] is True
    assert "RedrivePolicy" not in given[letters]["Properties"]


def test_the_function_takes_one_request_at_a_time_and_has_time_for_it(stack: cdk.Stack) -> None:
    template = made(stack)
    mapping = properties(template, "AWS::Lambda::EventSourceMapping")
    assert flat(mapping["EventSourceArn"]) == f"<{queue(template, 'Queue')}.Arn>"
    assert mapping["BatchSize"] == 1
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    (timeout,) = [
        each["Properties"]["Timeout"]
        for each in resources(template, "AWS::Lambda::Function").values()
        if each["Properties"]["Handler"].endswith(".start.handle")
    ]
    visible = resources(template, QUEUE)[queue(template, "Queue")]["Properties"]["VisibilityTimeout"]
    assert visible >= 6 * timeout, "https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"


def test_a_schedule_sends_when_it_was_due(stack: cdk.Stack) -> None:
    nightly = scheduler.ScheduleExpression.cron(hour="2", minute="0", time_zone=cdk.TimeZone.EUROPE_BERLIN)
    template = made(stack, schedule=nightly)
    given = properties(template, "AWS::Scheduler::Schedule")
    assert given["ScheduleExpression"] == "cron(0 2 * * ? *)"
    assert given["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert given["FlexibleTimeWindow"] == {"Mode": "OFF"}
    target = given["Target"]
    assert target["Input"] == '{"scheduled":"<aws.scheduler.scheduled-time>"}'
    assert flat(target["Arn"]) == f"<{queue(template, 'Queue')}.Arn>"
    assert flat(target["DeadLetterConfig"]["Arn"]) == f"<{queue(template, 'DeadLetters')}.Arn>"


def test_the_schedules_message_is_a_request(stack: cdk.Stack) -> None:
    import json

    from constructs_lib.batch.runtime.request import request_of

    template = made(stack, schedule=DAILY)
    text = properties(template, "AWS::Scheduler::Schedule")["Target"]["Input"]
    message = json.loads(text.replace("<aws.scheduler.scheduled-time>", "2026-11-29T02:00:00Z"))
    request = request_of(message)
    assert request is not None
    assert request.at == 1_795_917_600


def test_the_scheduler_may_send_to_both_queues_for_this_account(stack: cdk.Stack) -> None:
    template = made(stack, schedule=DAILY)
    (role,) = [id for id in resources(template, "AWS::IAM::Role") if "ScheduleRole" in id]
    (trust,) = template["Resources"][role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    (policy,) = [
        each["Properties"]["PolicyDocument"]["Statement"]
        for id, each in resources(template, "AWS::IAM::Policy").items()
        if "ScheduleRole" in id
    ]
    sent = {flat(each["Resource"]) for each in policy if "sqs:SendMessage" in str(each["Action"])}
    assert sent == {f"<{queue(template, name)}.Arn>" for name in ("Queue", "DeadLetters")}


def rules(template: Template) -> dict[str, dict[str, Any]]:
    """By what they are on."""
    return {
        each["Properties"]["EventPattern"]["source"][0]: each["Properties"]
        for each in resources(template, RULE).values()
    }


ARRIVALS = [
    (BatchArrival.success_marker(), "in/day=1/_SUCCESS", True),
    (BatchArrival.success_marker(), "in/_SUCCESS", True),
    (BatchArrival.success_marker(), "in/part-1.csv", False),
    (BatchArrival.success_marker(), "in/day=1/not_SUCCESS", False),
    (BatchArrival.success_marker(), "other/_SUCCESS", False),
    (BatchArrival.manifest(), "in/today.manifest", True),
    (BatchArrival.manifest(), "in/deep/er/today.manifest", True),
    (BatchArrival.manifest(), "in/today.manifest.tmp", False),
    (BatchArrival.manifest(), "out/today.manifest", False),
]


@pytest.mark.parametrize(("arrival", "key", "starts"), ARRIVALS)
def test_what_arrives_is_sent_on_and_what_does_not_announce_is_not(
    stack: cdk.Stack, arrival: BatchArrival, key: str, starts: bool
) -> None:
    template = made(stack, input=an_input(stack, "in/{yyyy}/"), arrival=arrival)
    rule = rules(template)["aws.s3"]
    pattern = rule["EventPattern"]
    assert pattern["detail-type"] == ["Object Created"]
    assert pattern["detail"]["bucket"] == {"name": ["input"]}
    keys = pattern["detail"]["object"]["key"]
    assert any(matches(each if isinstance(each, str) else each["wildcard"], key) for each in keys) is starts
    (target,) = rule["Targets"]
    assert flat(target["Arn"]) == f"<{queue(template, 'Queue')}.Arn>"
    assert flat(target["DeadLetterConfig"]["Arn"]) == f"<{queue(template, 'DeadLetters')}.Arn>"
    assert "Input" not in target, "the whole event is sent"


@pytest.mark.parametrize(("arrival", "key", "starts"), ARRIVALS)
def test_the_runtime_takes_for_an_arrival_what_the_rule_sends(
    arrival: BatchArrival, key: str, starts: bool
) -> None:
    from constructs_lib.batch.runtime.request import request_of

    event = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": "input"}, "object": {"key": key}},
    }
    request = request_of(event, arrival.suffix)
    if starts:
        assert request is not None
        folder = key.rpartition("/")[0]
        assert request.input == f"s3://input/{key if arrival.lists_objects else folder + '/'}"


def test_only_the_rules_may_send_to_the_queues_and_only_by_tls(stack: cdk.Stack) -> None:
    template = made(stack, arrival=BatchArrival.success_marker())
    for policy in resources(template, "AWS::SQS::QueuePolicy").values():
        for each in policy["Properties"]["PolicyDocument"]["Statement"]:
            if each["Effect"] == "Deny":
                assert each["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
            else:
                assert each["Principal"] == {"Service": "events.amazonaws.com"}
                assert flat(each["Condition"]["ArnEquals"]["aws:SourceArn"]).startswith("<Batch")


def test_the_buckets_events_are_turned_on_and_what_it_had_is_kept(stack: cdk.Stack) -> None:
    template = made(stack, arrival=BatchArrival.success_marker())
    given = properties(template, "Custom::S3BucketNotifications")
    assert given["NotificationConfiguration"] == {"EventBridgeConfiguration": {}}
    assert given["Managed"] is False, "it is imported: others may have set notifications"


def test_without_a_trigger_the_bucket_is_left_alone(stack: cdk.Stack) -> None:
    template = made(stack)
    assert "Custom::S3BucketNotifications" not in types(template)
    assert set(rules(template)) == {"aws.states"}


def test_every_end_but_a_good_one_is_told(stack: cdk.Stack) -> None:
    template = made(stack)
    rule = rules(template)["aws.states"]
    detail = rule["EventPattern"]["detail"]
    assert detail["status"] == ["FAILED", "TIMED_OUT", "ABORTED"]
    (arn,) = detail["stateMachineArn"]
    assert flat(arn).endswith(":stateMachine:test-batch")
    (target,) = rule["Targets"]
    assert flat(target["Arn"]).startswith("<BatchRunsFailFunction")
    assert flat(target["DeadLetterConfig"]["Arn"]) == f"<{queue(template, 'DeadLetters')}.Arn>"
    invoke = properties(template, "AWS::Lambda::EventInvokeConfig")
    assert flat(invoke["DestinationConfig"]["OnFailure"]["Destination"]).startswith(
        "<BatchRequestsDeadLetters"
    )


# --- sinks that make something -----------------------------------------------------------------------------


def test_a_table_for_athena_has_the_columns_and_its_partitions(stack: cdk.Stack) -> None:
    columns = [Column.key("customer"), Column.feature("age", ColumnType.INT), Column.prediction("churn")]
    template = made(stack, columns=columns, sink=PredictionSink.table())
    table = resource(template, "AWS::Glue::Table")
    given = table["Properties"]["TableInput"]
    assert {each["Name"]: each["Type"] for each in given["StorageDescriptor"]["Columns"]} == {
        "customer": "string",
        "age": "int",
        "churn": "double",
        "record": "string",
        "scored_at": "bigint",
    }
    assert [(each["Name"], each["Type"]) for each in given["PartitionKeys"]] == [
        ("scored_on", "date"),
        ("run", "string"),
    ]
    assert flat(given["StorageDescriptor"]["Location"]).endswith("/tables/test-batch/")
    assert given["TableType"] == "EXTERNAL_TABLE"
    (database,) = resources(template, "AWS::Glue::Database")
    assert database in table["DependsOn"]
    assert table["Properties"]["DatabaseName"] == given["Name"] == "test_batch"
    # Its own name, and that within the input: by the first one CloudFormation knows another database.
    named = properties(template, "AWS::Glue::Database")
    assert named["DatabaseName"] == named["DatabaseInput"]["Name"] == "test_batch"


def test_a_database_that_is_there_gets_a_table_alone(stack: cdk.Stack) -> None:
    sink = PredictionSink.table(database_name="lake", table_name="scores", prefix="p")
    template = made(stack, columns=COLUMNS, sink=sink)
    assert not resources(template, "AWS::Glue::Database")
    assert properties(template, "AWS::Glue::Table")["DatabaseName"] == "lake"


def test_several_sinks_of_a_kind_have_numbers(stack: cdk.Stack) -> None:
    sinks = [PredictionSink.dynamodb(a_table(stack, f"T{n}")) for n in range(3)]
    batch = a_batch(stack, columns=COLUMNS, sink=[*sinks, BatchCapture()])
    assert batch.sink_names == ["dynamodb", "dynamodb2", "dynamodb3", "capture"]
    branches = machine_of(synthesized(stack))["States"]["Publish"]["Branches"]
    assert [each["StartAt"] for each in branches] == ["DynamoDb", "DynamoDb2", "DynamoDb3"]


def test_one_sink_needs_no_list(stack: cdk.Stack) -> None:
    assert a_batch(stack, columns=COLUMNS, sink=PredictionSink.table()).sink_names == ["table"]


# --- who hears of it ---------------------------------------------------------------------------------------


def test_two_alarms_go_off_on_the_first_letter_and_on_the_first_failure_to_tell(stack: cdk.Stack) -> None:
    template = made(stack, notify=[sns.Topic(stack, "OnCall")])
    (topic,) = resources(template, "AWS::SNS::Topic")
    found = {}
    for alarm in resources(template, ALARM).values():
        given = alarm["Properties"]
        ((namespace, name, statistic, _),) = read_by(given).values()
        found[name] = (namespace, statistic)
        assert given["TreatMissingData"] == "notBreaching"
        assert given["AlarmActions"] == given["OKActions"] == [{"Ref": topic}]
        assert breaches(given, {name: 1}) is True
        assert breaches(given, {name: 0}) is False
    assert found == {
        "ApproximateNumberOfMessagesVisible": ("AWS/SQS", "Maximum"),
        "Errors": ("AWS/Lambda", "Sum"),
    }


def test_the_alarms_are_on_the_dead_letters_and_on_who_tells(stack: cdk.Stack) -> None:
    template = made(stack)
    on = [
        value
        for alarm in resources(template, ALARM).values()
        for _, _, _, dimensions in read_by(alarm["Properties"]).values()
        for value in dimensions.values()
    ]
    assert sorted(each.partition("Function")[0].partition("2F")[0][:24] for each in on) == [
        "<BatchRequestsDeadLetter",
        "<BatchRunsFail",
    ]


def test_without_topics_alarms_tell_nobody(stack: cdk.Stack) -> None:
    for alarm in resources(made(stack), ALARM).values():
        assert "AlarmActions" not in alarm["Properties"]


def test_the_dashboard_as_a_whole(stack: cdk.Stack, snapshot: SnapshotAssertion) -> None:
    template = made(
        stack,
        columns=COLUMNS,
        sink=[PredictionSink.table(), BatchCapture()],
        tags={"team": "fraud"},
        output_bucket=a_bucket(stack, "Out", "out"),
    )
    body = dashboard_body(resource(template, "AWS::CloudWatch::Dashboard"))
    assert snapshot(extension_class=JSONSnapshotExtension) == body


def test_every_metric_on_the_dashboard_is_one_that_the_runtime_puts(stack: cdk.Stack) -> None:
    from pathlib import Path

    import constructs_lib

    template = made(stack, columns=COLUMNS, sink=PredictionSink.table())
    body = dashboard_body(resource(template, "AWS::CloudWatch::Dashboard"))
    shown = {
        row[1]
        for widget in body["widgets"]
        for row in widget["properties"].get("metrics", ())
        if row[0] == "ConstructsLib/Batch"
    }
    runtime = Path(constructs_lib.__file__).parent / "batch" / "runtime"
    put = "".join(path.read_text() for path in runtime.glob("*.py"))
    assert {name for name in shown if f'"{name}"' not in put} == set()
    assert len(shown) >= 14


# --- wherever it is ----------------------------------------------------------------------------------------


def test_two_in_one_stack_on_one_bucket_have_their_own_everything(stack: cdk.Stack) -> None:
    bucket = s3.Bucket(stack, "Both")
    for id in ("One", "Two"):
        a_batch(
            stack,
            id,
            input=BatchInput.from_prefix(bucket, "in/"),
            output_bucket=bucket,
            arrival=BatchArrival.success_marker(),
            schedule=DAILY,
            columns=COLUMNS,
            sink=[PredictionSink.table(), BatchCapture()],
        )
    template = synthesized(stack)
    for type, named in ((MACHINE, "StateMachineName"), ("AWS::Glue::Table", "TableInput")):
        names = [str(each["Properties"][named]) for each in resources(template, type).values()]
        assert len(set(names)) == 2
    assert len(resources(template, "Custom::S3BucketNotifications")) == 1
    assert len(resources(template, QUEUE)) == 4


def test_what_lies_in_other_stacks_is_used_without_a_circle() -> None:
    app = fresh_app()
    home = cdk.Environment(account=ACCOUNT, region="eu-west-1")
    base, top = cdk.Stack(app, "Base", env=home), cdk.Stack(app, "Top", env=home)
    table = a_table(base, encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED)
    a_batch(
        top,
        model=a_model(base),
        input=BatchInput.from_prefix(s3.Bucket(base, "In", encryption=s3.BucketEncryption.KMS), "in/"),
        arrival=BatchArrival.success_marker(),
        output_bucket=s3.Bucket(base, "Out"),
        encryption_key=kms.Key(base, "OutKey"),
        volume_encryption_key=kms.Key(base, "VolumeKey"),
        columns=COLUMNS,
        sink=PredictionSink.dynamodb(table),
        notify=[sns.Topic(base, "OnCall", master_key=kms.Key(base, "TopicKey"))],
        preprocess=a_step(),
    )
    app.synth()
    assert [each.stack_name for each in top.dependencies] == ["Base"]
    assert base.dependencies == []


def test_in_a_nested_stack_its_name_is_known(stack: cdk.Stack) -> None:
    nested = cdk.NestedStack(stack, "Nested")
    name = a_batch(nested).transform_name
    assert name.startswith("test-nested-batch-")
    assert machine_of(synthesized(nested))["States"]["Begin"]["Parameters"]["batch"]["transform"] == name


def test_names_differ_where_stacks_and_ids_read_alike() -> None:
    app = fresh_app()
    names = [
        a_batch(cdk.Stack(app, stack), id).transform_name
        for stack, id in (("Prod", "Batch-X"), ("Prod-Batch", "X"), ("Prodbatch", "X"))
    ]
    assert len(set(names)) == 3


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1", "eu-central-2"])
def test_in_no_partition_an_arn_of_another_is_written(region: str) -> None:
    stack = cdk.Stack(fresh_app(), "Test", env=cdk.Environment(account=ACCOUNT, region=region))
    template = made(
        stack,
        model=Model.from_model_name(stack, "There", "fraud"),
        arrival=BatchArrival.success_marker(),
        schedule=DAILY,
        columns=COLUMNS,
        sink=PredictionSink.table(),
    )
    assert "arn:aws:" not in str(template)


def test_what_only_the_deployment_knows_goes_through(stack: cdk.Stack) -> None:
    number = cdk.CfnParameter(stack, "Number", type="Number", default=2).value_as_number
    text = cdk.CfnParameter(stack, "Text", default="x").value_as_string
    template = made(
        stack,
        instance_type=text,
        instance_count=number,
        max_payload_mb=number,
        max_concurrent_transforms=number,
        invocation_retries=number,
        environment={"A": text},
        tags={"team": text},
        output_bucket=s3.Bucket.from_bucket_name(stack, "Out", text),
        output_prefix=text,
        preprocess=a_step(instance_count=number, volume_gb=number),
        columns=COLUMNS,
        sink=[
            PredictionSink.table(database_name=text, table_name=text, prefix=text),
            PredictionSink.dynamodb(a_table(stack), concurrency=number),
        ],
    )
    definition = flat(properties(template, MACHINE)["DefinitionString"])
    assert '"InstanceCount":<Number>' in definition, "a number, not the text of one"
    assert '"MaxConcurrency":<Number>' in definition
    assert "-1.8" not in definition
    assert "States.Format('s3://<Text>/<Text>/{}/output/{}', $.run, $.transform.attempt)" in definition


def test_text_of_any_script_and_with_quotes_reaches_the_job(stack: cdk.Stack) -> None:
    odd = "日本 'größe' \"{}\" \\ $.x 🙂"
    parameters = machine_of(made(stack, environment={"ODD": odd}))["States"]["Transform"]["Parameters"]
    assert parameters["Environment"] == {"ODD": odd}

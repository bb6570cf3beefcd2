"""What each part of a batch transform may do: what it needs, on what it needs it, and nothing else."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns

from constructs_lib import BatchCapture, BatchInput, BatchTransform, Model, PredictionSink
from tests.support.batch import COLUMNS, a_batch, a_step, a_table
from tests.support.rights import rights
from tests.support.synth import (
    ACCOUNT,
    a_bucket,
    a_model,
    flat,
    resources,
    statements,
    synthesized,
    types,
)

HERE = "<AWS::Region>:<AWS::AccountId>"
RUNS, INPUT = "arn:<AWS::Partition>:s3:::out/batch/test-batch/*", "arn:<AWS::Partition>:s3:::input/in/*"
METRICS = ("cloudwatch:PutMetricData", "*")
LOGS = {("logs:CreateLogStream", "<logs>"), ("logs:PutLogEvents", "<logs>")}
READ_INPUT = {("s3:GetObject", INPUT), ("s3:ListBucket", "arn:<AWS::Partition>:s3:::input in/*")}
READ_RUNS = {("s3:GetObject", RUNS), ("s3:ListBucket", "arn:<AWS::Partition>:s3:::out batch/test-batch/*")}
WRITE_RUNS = {("s3:PutObject", RUNS), ("s3:AbortMultipartUpload", RUNS)}


def batch(stack: cdk.Stack, **props: Any) -> BatchTransform:
    """Into an imported bucket, which has no key to grant on."""
    return a_batch(stack, **{"output_bucket": a_bucket(stack, "Out", "out"), **props})


# --- the functions -----------------------------------------------------------------------------------------


def test_the_function_between_the_jobs_reads_the_input_and_keeps_the_runs(stack: cdk.Stack) -> None:
    batch(stack)
    assert rights(synthesized(stack), "BatchRunsWork") == (
        LOGS | {METRICS} | READ_INPUT | READ_RUNS | WRITE_RUNS
    )


def test_the_function_that_starts_runs_may_start_them_and_tell_of_requests(stack: cdk.Stack) -> None:
    batch(stack)
    found = rights(synthesized(stack), "BatchRunsStart")
    queue = {each for each in found if each[0].startswith("sqs:")}
    assert found - queue == LOGS | {METRICS} | READ_INPUT | READ_RUNS | WRITE_RUNS | {
        ("states:StartExecution", f"arn:<AWS::Partition>:states:{HERE}:stateMachine:test-batch"),
        ("states:DescribeExecution", f"arn:<AWS::Partition>:states:{HERE}:execution:test-batch:*"),
    }
    taken = {action for action, on in queue if "BatchRequestsQueue" in on}
    told = {action for action, on in queue if "BatchRequestsDeadLetters" in on}
    assert told == {"sqs:SendMessage"}
    assert taken == {
        *("sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueUrl", "sqs:DeleteMessage"),
        "sqs:GetQueueAttributes",
    }


def test_the_function_that_tells_of_failures_reads_no_input_and_starts_nothing(stack: cdk.Stack) -> None:
    topic = sns.Topic(stack, "OnCall", master_key=kms.Key(stack, "TopicKey"))
    batch(stack, notify=[topic])
    found = rights(synthesized(stack), "BatchRunsFail")
    assert not {each for each in found if each in READ_INPUT}
    assert {action for action, _ in found} == {
        *("logs:CreateLogStream", "logs:PutLogEvents", "cloudwatch:PutMetricData", "s3:GetObject"),
        *("s3:ListBucket", "s3:PutObject", "s3:AbortMultipartUpload", "states:DescribeExecution"),
        *("sqs:SendMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"),
        *("sns:Publish", "kms:Decrypt", "kms:GenerateDataKey"),
    }
    (published,) = {on for action, on in found if action == "sns:Publish"}
    assert published.startswith("<OnCall")


def test_metrics_are_put_into_our_namespace_alone(stack: cdk.Stack) -> None:
    batch(stack)
    put = [each for each in statements(synthesized(stack), "BatchRuns") if each["Resource"] == "*"]
    metrics = [each for each in put if each["Action"] == "cloudwatch:PutMetricData"]
    assert len(metrics) == 3
    for each in metrics:
        assert each["Condition"] == {"StringEquals": {"cloudwatch:namespace": "ConstructsLib/Batch"}}


# --- the sinks ---------------------------------------------------------------------------------------------

FOLDERS = "arn:<AWS::Partition>:s3:::out/batch/test-batch/*"


def of_all_sinks(name: str) -> set[tuple[str, str]]:
    """Reading answers, and saying what was written of them; no listing, no plan, no chunks."""
    read = {("s3:GetObject", f"{FOLDERS}/{each}/*") for each in ("output", "finished")}
    told = {("s3:PutObject", f"{FOLDERS}/{each}/*") for each in (f"written/{name}", "problems")}
    return LOGS | {METRICS} | read | told


def of_sink(stack: cdk.Stack, sink: PredictionSink, id: str) -> set[tuple[str, str]]:
    batch(stack, columns=COLUMNS, sink=sink)
    found = rights(synthesized(stack), f"BatchRuns{id}Write")
    assert found >= of_all_sinks(id.lower())
    return found - of_all_sinks(id.lower())


def test_a_dynamodb_sink_puts_items_into_its_table(stack: cdk.Stack) -> None:
    there = dynamodb.Table.from_table_name(stack, "There", "predictions")
    table = f"arn:<AWS::Partition>:dynamodb:{HERE}:table/predictions"
    assert of_sink(stack, PredictionSink.dynamodb(there), "DynamoDb") == {("dynamodb:PutItem", table)}


def test_a_dynamodb_sink_may_use_its_tables_key(stack: cdk.Stack) -> None:
    table = a_table(stack, encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED)
    found = of_sink(stack, PredictionSink.dynamodb(table), "DynamoDb")
    assert {action for action, _ in found} == {
        *("dynamodb:PutItem", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"),
    }


SECRET = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:fraud-AbCdEf"


@pytest.mark.parametrize(
    ("secret", "arn"),
    [
        (lambda s: secretsmanager.Secret.from_secret_complete_arn(s, "S", SECRET), SECRET),
        (
            # Without the characters that Secrets Manager adds, the name is no ARN of a secret.
            lambda s: secretsmanager.Secret.from_secret_name_v2(s, "S", "fraud"),
            f"arn:<AWS::Partition>:secretsmanager:{HERE}:secret:fraud-??????",
        ),
    ],
    ids=["whole", "by name"],
)
def test_a_database_sink_runs_statements_as_its_user(stack: cdk.Stack, secret: Any, arn: str) -> None:
    cluster = rds.DatabaseCluster.from_database_cluster_attributes(stack, "C", cluster_identifier="fraud")
    sink = PredictionSink.rds(cluster, database="fraud", table="scores", secret=secret(stack))
    assert of_sink(stack, sink, "Rds") == {
        ("rds-data:ExecuteStatement", f"arn:<AWS::Partition>:rds:{HERE}:cluster:fraud"),
        ("secretsmanager:GetSecretValue", arn),
    }


def test_a_table_sink_adds_files_and_partitions_of_its_table(stack: cdk.Stack) -> None:
    found = of_sink(stack, PredictionSink.table(), "Table")
    files = "arn:<AWS::Partition>:s3:::out/tables/test-batch/*"
    glue = f"arn:<AWS::Partition>:glue:{HERE}"
    assert found == {
        *((f"s3:{action}", files) for action in ("PutObject", "AbortMultipartUpload")),
        *(
            (f"glue:{action}", f"{glue}:{on}")
            for action in ("GetTable", "CreatePartition")
            for on in ("catalog", "database/test_batch", "table/test_batch/test_batch")
        ),
    }


def test_a_capture_adds_files_below_the_transforms_own_prefix(stack: cdk.Stack) -> None:
    sink = BatchCapture(bucket=a_bucket(stack, "Captured", "captured"), prefix="seen")
    files = "arn:<AWS::Partition>:s3:::captured/seen/test-batch/*"
    assert of_sink(stack, sink, "Capture") == {
        ("s3:PutObject", files),
        ("s3:AbortMultipartUpload", files),
    }


def test_no_sink_may_write_to_anothers_target(stack: cdk.Stack) -> None:
    one, two = a_table(stack, "One"), a_table(stack, "Two")
    batch(stack, columns=COLUMNS, sink=[PredictionSink.dynamodb(each) for each in (one, two)])
    template = synthesized(stack)
    for id, table in (("DynamoDbWrite", "One"), ("DynamoDb2Write", "Two")):
        put = {on for action, on in rights(template, f"BatchRuns{id}") if action == "dynamodb:PutItem"}
        assert len(put) == 1
        assert put.pop().startswith(f"<{table}")


# --- the machine -------------------------------------------------------------------------------------------

JOBS = {f"sagemaker:{each}" for each in ("CreateTransformJob", "DescribeTransformJob", "StopTransformJob")}
PROCESSING = {each.replace("Transform", "Processing") for each in JOBS}
TAGS = {"sagemaker:AddTags", "sagemaker:ListTags"}


def test_the_machine_runs_jobs_of_its_name_calls_its_functions_and_maps_over_its_lists(
    stack: cdk.Stack,
) -> None:
    batch(stack)
    found = rights(synthesized(stack), "BatchRunsMachine")
    bound = {each for each in found if each[1] != "*"}
    arn, own = "arn:<AWS::Partition>", f"{HERE}:execution:test-batch"
    rule = f"{arn}:events:{HERE}:rule/StepFunctionsGetEventsForSageMakerTransformJobsRule"
    called = {on for action, on in bound if action == "lambda:InvokeFunction"}
    assert len(called) == 1
    assert next(iter(called)).startswith("<BatchRunsWorkFunction")
    assert {each for each in bound if each[0] != "lambda:InvokeFunction"} == {
        *((action, f"{arn}:sagemaker:{HERE}:transform-job/test-batch-*") for action in JOBS | TAGS),
        *((f"events:{action}", rule) for action in ("PutTargets", "PutRule", "DescribeRule")),
        ("states:StartExecution", f"{arn}:states:{HERE}:stateMachine:test-batch"),
        *(
            (f"states:{action}", f"{arn}:states:{own}{joint}*")
            for action in ("DescribeExecution", "StopExecution")
            for joint in (":", "/")
        ),
        # An execution that is redriven takes up its map again by this.
        ("states:RedriveExecution", f"{arn}:states:{own}/*"),
        ("s3:GetObject", "arn:<AWS::Partition>:s3:::out/batch/test-batch/*/chunks/*"),
    }
    assert {action.partition(":")[0] for action, on in found if on == "*"} == {"logs", "xray"}


def test_with_steps_the_machine_runs_processing_jobs_and_passes_their_roles_to_sagemaker(
    stack: cdk.Stack,
) -> None:
    batch(stack, preprocess=a_step(), postprocess=a_step())
    template = synthesized(stack)
    found = rights(template, "BatchRunsMachine")
    processing = f"arn:<AWS::Partition>:sagemaker:{HERE}:processing-job/test-batch-*"
    assert {action for action, on in found if on == processing} == PROCESSING | TAGS
    (passing,) = [
        each for each in statements(template, "BatchRunsMachine") if each["Action"] == "iam:PassRole"
    ]
    assert [flat(each).startswith("<BatchRuns") for each in passing["Resource"]] == [True, True]
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


def test_the_machine_calls_the_functions_of_all_sinks(stack: cdk.Stack) -> None:
    batch(stack, columns=COLUMNS, sink=[PredictionSink.table(), BatchCapture()])
    found = rights(synthesized(stack), "BatchRunsMachine")
    called = sorted(on for action, on in found if action == "lambda:InvokeFunction")
    assert [each.partition("Function")[0] for each in called] == [
        "<BatchRunsCaptureWrite",
        "<BatchRunsTableWrite",
        "<BatchRunsWork",
    ]


def test_jobs_of_another_transform_whose_name_begins_alike_are_out_of_reach(stack: cdk.Stack) -> None:
    """A name is followed by a hyphen and twelve of a digest: a-b is reached by a, which no rule can help."""
    a_batch(stack, "Long", transform_name="n" * 63)
    found = rights(synthesized(stack), "LongRunsMachine")
    (jobs,) = {on for action, on in found if action == "sagemaker:CreateTransformJob"}
    prefix = jobs.rpartition("/")[2].removesuffix("-*")
    assert len(prefix) == 26
    assert prefix != "n" * 26, "what was cut off has left a hash"


# --- jobs --------------------------------------------------------------------------------------------------


def test_the_models_role_may_read_the_input_and_write_the_output(stack: cdk.Stack) -> None:
    batch(stack, model=a_model(stack))
    found = {each for each in rights(synthesized(stack), "ModelRole") if "s3:" in each[0]}
    answers = {(action, f"{RUNS}/output/*") for action in ("s3:PutObject", "s3:AbortMultipartUpload")}
    assert found == READ_INPUT | READ_RUNS | answers


def test_the_role_of_a_model_that_is_there_is_let_at_them_by_a_grant(stack: cdk.Stack) -> None:
    role = iam.Role.from_role_arn(stack, "Role", f"arn:aws:iam::{ACCOUNT}:role/fraud")
    made = batch(stack, model=Model.from_model_name(stack, "There", "fraud"))
    made.grants.transform(role)
    (policy,) = [
        each["Properties"]
        for each in resources(synthesized(stack), "AWS::IAM::Policy").values()
        if each["Properties"]["Roles"] == ["fraud"]
    ]
    assert "s3:PutObject" in str(policy)


def test_a_role_is_let_at_them_once_and_others_beside_it(stack: cdk.Stack) -> None:
    model = a_model(stack)
    made = batch(stack, model=model)
    assert model.role is not None
    first = made.grants.transform(model.role)
    other = iam.Role.from_role_arn(stack, "Role", f"arn:aws:iam::{ACCOUNT}:role/fraud")
    assert made.grants.transform(other) is not first
    assert made.grants.transform(model.role) is first
    with_data = [
        flat(each["Properties"]["Roles"][0])
        for name, each in resources(synthesized(stack), "AWS::IAM::Policy").items()
        if name.startswith("BatchTransformPolicy")
    ]
    assert [role.startswith("<") for role in sorted(with_data)] == [True, False]


def test_an_immutable_role_keeps_what_it_has(stack: cdk.Stack) -> None:
    fixed = iam.Role.from_role_arn(stack, "Fixed", f"arn:aws:iam::{ACCOUNT}:role/fixed", mutable=False)
    batch(
        stack,
        model=Model.from_model_name(stack, "There", "fraud", role=fixed),
        preprocess=a_step(role=fixed),
    )
    template = synthesized(stack)
    for policy in resources(template, "AWS::IAM::Policy").values():
        assert "fixed" not in str(policy["Properties"]["Roles"])


def test_a_step_reads_input_and_runs_writes_runs_and_its_logs(stack: cdk.Stack) -> None:
    batch(stack, preprocess=a_step())
    found = rights(synthesized(stack), "BatchRunsPrepareRole")
    assert {each for each in found if each[0].startswith("s3:")} == READ_INPUT | READ_RUNS | WRITE_RUNS
    assert {action.partition(":")[0] for action, _ in found} == {"s3", "logs", "cloudwatch", "ecr"}


def test_a_step_that_is_given_a_role_runs_under_it(stack: cdk.Stack) -> None:
    role = iam.Role(stack, "Own", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    batch(stack, preprocess=a_step(role=role), postprocess=a_step(role=role))
    template = synthesized(stack)
    assert rights(template, "Own") >= READ_INPUT
    (passing,) = [
        each for each in statements(template, "BatchRunsMachine") if each["Action"] == "iam:PassRole"
    ]
    assert flat(passing["Resource"]).startswith("<Own"), "one role, once"


@pytest.mark.parametrize("role", ["ModelRole", "BatchRunsPrepareRole"])
def test_volumes_are_encrypted_under_the_jobs_role_for_aws_alone(stack: cdk.Stack, role: str) -> None:
    key = kms.Key.from_key_arn(stack, "Key", f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/volume")
    batch(stack, model=a_model(stack), preprocess=a_step(), volume_encryption_key=key)
    template = synthesized(stack)
    used = {action for action, on in rights(template, role) if on.endswith("key/volume")}
    assert used == {
        *("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext")
    }
    granting = [each for each in statements(template) if each["Action"] == "kms:CreateGrant"]
    assert granting
    for each in granting:
        assert each["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": True}}


@pytest.mark.parametrize("role", ["ModelRole", "BatchRunsWork", "BatchRunsStart", "BatchRunsFail"])
def test_whoever_writes_runs_may_use_the_outputs_key(stack: cdk.Stack, role: str) -> None:
    key = kms.Key.from_key_arn(stack, "Key", f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/output")
    batch(stack, model=a_model(stack), encryption_key=key)
    used = {action for action, on in rights(synthesized(stack), role) if on.endswith("key/output")}
    assert used == {"kms:Decrypt", "kms:GenerateDataKey"}


def test_the_machine_may_only_decrypt(stack: cdk.Stack) -> None:
    key = kms.Key.from_key_arn(stack, "Key", f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/output")
    batch(stack, encryption_key=key)
    found = rights(synthesized(stack), "BatchRunsMachine")
    assert {action for action, on in found if on.endswith("key/output")} == {"kms:Decrypt"}


def test_who_reads_the_input_may_use_its_key_and_nothing_to_write_with_it(stack: cdk.Stack) -> None:
    key = kms.Key.from_key_arn(stack, "Key", f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/input")
    bucket = s3.Bucket.from_bucket_attributes(stack, "In", bucket_name="input", encryption_key=key)
    batch(stack, model=a_model(stack), input=BatchInput.from_prefix(bucket, "in/"))
    template = synthesized(stack)
    for role in ("ModelRole", "BatchRunsWork", "BatchRunsStart"):
        used = {action for action, on in rights(template, role) if on.endswith("key/input")}
        assert used == {"kms:Decrypt"}, role
    assert not {on for _, on in rights(template, "BatchRunsFail") if on.endswith("key/input")}


# --- grants ------------------------------------------------------------------------------------------------


def granted(stack: cdk.Stack, grant: str) -> set[tuple[str, str]]:
    caller = iam.Role(stack, "Caller", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    getattr(batch(stack).grants, grant)(caller)
    return {(action, on.partition("<")[2][:20] or on) for action, on in rights(synthesized(stack), "Caller")}


def test_who_may_start_invokes_the_one_function(stack: cdk.Stack) -> None:
    found = granted(stack, "start")
    assert {action for action, _ in found} == {"lambda:InvokeFunction"}
    assert {on for _, on in found} == {"BatchRunsStartFuncti"}
    on = next(each["Resource"] for each in statements(synthesized(stack), "Caller"))
    assert "*" not in str(on)


def test_who_may_request_sends_to_the_queue(stack: cdk.Stack) -> None:
    found = granted(stack, "request")
    assert {on[:18] for _, on in found} == {"BatchRequestsQueue"}
    assert ("sqs:SendMessage", "BatchRequestsQueueA0") in found
    assert not any(action in ("sqs:ReceiveMessage", "sqs:DeleteMessage") for action, _ in found)


def test_who_may_redrive_moves_letters_back_and_reads_no_predictions(stack: cdk.Stack) -> None:
    found = granted(stack, "redrive")
    of_letters = {action for action, on in found if on.startswith("BatchRequestsDead")}
    assert of_letters == {
        *("sqs:StartMessageMoveTask", "sqs:CancelMessageMoveTask", "sqs:ListMessageMoveTasks"),
        *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    }
    assert "sqs:SendMessage" in {action for action, on in found if on.startswith("BatchRequestsQueue")}
    assert {action.partition(":")[0] for action, _ in found} == {"sqs"}


def test_who_may_read_reads_runs(stack: cdk.Stack) -> None:
    caller = iam.Role(stack, "Caller", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    batch(stack).grants.read(caller)
    assert rights(synthesized(stack), "Caller") == READ_RUNS


def test_nothing_is_granted_to_who_is_not_asked_for(stack: cdk.Stack) -> None:
    batch(stack)
    template = synthesized(stack)
    assert "AWS::IAM::ManagedPolicy" not in types(template)
    for role in resources(template, "AWS::IAM::Role").values():
        assert "ManagedPolicyArns" not in role["Properties"]

"""Processing jobs where IAM is enforced: who may start them, and what they may do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tools.embedded_aws import ACCOUNT, REGION, local_aws

from .conftest import QUICK
from .hosting import BUCKET, Hosting, error_of
from .processing import OUTPUT, Jobs, s3_input, s3_output
from .test_iam import TRUST, allow, as_role, create_role
from .test_step_functions import PLAIN, SDK, STATES_TRUST, SYNC, Machine, task

EXECUTION = f"arn:aws:iam::{ACCOUNT}:role/Execution"
JOB_ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:processing-job"
PASSED = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
# Who it is, and whether it may read and write.
ASKING_CODE = """
import json, os, pathlib, boto3
from botocore.exceptions import ClientError
def tried(call, **members):
    try:
        call(**members)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "allowed"
s3 = boto3.client("s3")
seen = {
    "caller": boto3.client("sts").get_caller_identity()["Arn"],
    "read": tried(s3.get_object, Bucket="models", Key="readable/x"),
    "write": tried(s3.put_object, Bucket="models", Key="readable/y", Body=b""),
}
pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"], "output/message").write_text(json.dumps(seen))
"""
ISOLATED_CODE = """
import json, os, pathlib
found = [name for name in os.environ if name.startswith("AWS_")]
pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"], "output/message").write_text(json.dumps(found))
"""


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    """A server that enforces IAM, with the roles of a job and of a state machine that may do all they need."""
    with local_aws(tmp_path_factory.mktemp("iam"), "--enforce-iam", settings=QUICK) as aws:
        aws.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        code = [
            allow("s3:GetObject", f"arn:aws:s3:::{BUCKET}/code/*"),
            allow("s3:ListBucket", f"arn:aws:s3:::{BUCKET}"),
        ]
        create_role(aws, "Execution", TRUST, *code)
        create_role(aws, "Reading", TRUST, *code, allow("s3:GetObject", f"arn:aws:s3:::{BUCKET}/readable/*"))
        yield Jobs(aws)


def grants_of_a_machine() -> dict[str, dict[str, Any]]:
    """What AWS's page says that such a state machine needs."""
    rule = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/StepFunctionsGetEventsForSageMakerProcessingJobsRule"
    return {
        **{
            f"sagemaker:{action}": allow(f"sagemaker:{action}", f"{JOB_ARN}/*")
            for action in ("CreateProcessingJob", "DescribeProcessingJob", "AddTags")
        },
        "iam:PassRole": {
            **allow("iam:PassRole", EXECUTION),
            "Condition": PASSED,
        },
        "events:PutRule": {
            **allow("events:PutRule", rule),
            "Action": ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
        },
    }


@pytest.mark.parametrize("missing", [None, *grants_of_a_machine()])
def test_a_state_machine_needs_the_rights_for_its_job(strict: Jobs, missing: str | None) -> None:
    grants = {name: each for name, each in grants_of_a_machine().items() if name != missing}
    role = create_role(strict.aws, Hosting.name("Machine"), STATES_TRUST, *grants.values())
    request = strict.request("", Tags=[{"Key": "a", "Value": "b"}])
    ended = Machine(strict.aws, role, Only=task(SYNC, request)).run()
    if missing is None:
        assert ended["status"] == "SUCCEEDED", ended
    else:
        assert (ended["status"], ended["error"]) == ("FAILED", "SageMaker.AmazonSageMakerException")
        assert missing.split(":")[0] in ended["cause"]
        assert "is not authorized to perform" in ended["cause"]


def test_a_plain_task_and_an_sdk_task_need_less(strict: Jobs) -> None:
    grants = grants_of_a_machine()
    enough = [grants["sagemaker:CreateProcessingJob"], grants["iam:PassRole"]]
    role = create_role(strict.aws, Hosting.name("Machine"), STATES_TRUST, *enough)
    for resource in (PLAIN, f"{SDK}createProcessingJob"):
        ended = Machine(strict.aws, role, Only=task(resource, strict.request(""))).run()
        assert ended["status"] == "SUCCEEDED", ended
    named = {"ProcessingJobName": "x"}
    ended = Machine(strict.aws, role, Only=task(f"{SDK}stopProcessingJob", named)).run()
    assert ended["error"] == "SageMaker.SageMakerException"
    assert "sagemaker:StopProcessingJob" in ended["cause"]


def test_a_job_has_the_rights_of_its_role_and_no_more(strict: Jobs) -> None:
    strict.put("readable/x", "text")
    described = strict.run(ASKING_CODE, role=f"arn:aws:iam::{ACCOUNT}:role/Reading")
    assert json.loads(described["ExitMessage"]) == {
        "caller": f"arn:aws:sts::{ACCOUNT}:assumed-role/Reading/SageMaker",
        "read": "allowed",
        "write": "AccessDenied",
    }


def test_a_job_without_a_network_has_no_credentials(strict: Jobs) -> None:
    described = strict.run(ISOLATED_CODE, NetworkConfig={"EnableNetworkIsolation": True})
    assert json.loads(described["ExitMessage"]) == []


def test_the_data_is_read_and_written_with_the_rights_of_the_role(strict: Jobs) -> None:
    url = strict.put("readable/x", "text")
    data = s3_input("data", url, "/opt/ml/processing/input/data")
    assert "not authorized to perform: s3:GetObject" in strict.run("", inputs=[data])["FailureReason"]
    code = "import os; open(os.environ['OUT'] + '/x', 'w').write('')"
    written = {"outputs": [s3_output(f"s3://{BUCKET}/readable")], "environment": {"OUT": OUTPUT}}
    assert "not authorized to perform: s3:PutObject" in strict.run(code, **written)["FailureReason"]
    deaf = create_role(strict.aws, "Deaf", TRUST, allow("s3:GetObject", f"arn:aws:s3:::{BUCKET}/*"))
    assert "s3:ListBucket" in strict.run("", role=deaf)["FailureReason"]


def test_the_role_of_a_job_must_exist_and_trust_sagemaker(strict: Jobs) -> None:
    create_role(strict.aws, "Stranger", {**TRUST, "Principal": {"Service": "lambda.amazonaws.com"}})
    for role in ("Missing", "Stranger"):
        arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
        assert "Could not assume role" in error_of(lambda arn=arn: strict.start("", role=arn))[1]


def test_who_starts_a_job_must_be_allowed_to_pass_its_role_and_to_tag_it(strict: Jobs) -> None:
    def start(name: str, *grants: dict[str, Any], **members: Any) -> Any:
        sagemaker = strict.aws.client("sagemaker", as_role(strict.aws, name, *grants))
        return sagemaker.create_processing_job(**strict.request("", **members))

    create = allow("sagemaker:CreateProcessingJob", f"{JOB_ARN}/job-*")
    passing = {**allow("iam:PassRole", EXECUTION), "Condition": PASSED}
    tags = [{"Key": "a", "Value": "b"}]

    def denied(*arguments: Any, **members: Any) -> str:
        code, message = error_of(lambda: start(*arguments, **members))
        assert code == "AccessDeniedException"
        return message

    assert "sagemaker:CreateProcessingJob" in denied("Starter-0", passing)
    assert f"iam:PassRole on resource: {EXECUTION}" in denied("Starter-1", create)
    assert "sagemaker:AddTags" in denied("Starter-2", create, passing, Tags=tags)
    elsewhere = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    assert "iam:PassRole" in denied("Starter-3", create, {**passing, "Condition": elsewhere})
    assert start("Starter-4", create, passing)["ProcessingJobArn"]
    assert start("Starter-5", create, passing, allow("sagemaker:AddTags", f"{JOB_ARN}/*"), Tags=tags)

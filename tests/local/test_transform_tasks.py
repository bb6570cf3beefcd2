"""Transform jobs as tasks of state machines, and where IAM is enforced."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tools.embedded_aws import ACCOUNT, REGION, LocalAws, local_aws, until

from .conftest import QUICK
from .hosting import BUCKET, Hosting, error_of
from .test_iam import TRUST, allow, as_role, create_role
from .test_processing import gone
from .test_step_functions import SDK, STATES_TRUST, Machine, task
from .transforms import LINES_CODE, Transforms, by_line, fail_next

PLAIN = "arn:aws:states:::sagemaker:createTransformJob"
SYNC = f"{PLAIN}.sync"
JOB_ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:transform-job"
EXECUTION = f"arn:aws:iam::{ACCOUNT}:role/Execution"


@pytest.fixture
def jobs(aws: LocalAws) -> Transforms:
    return Transforms(aws)


def asking(jobs: Transforms, text: str) -> dict[str, Any]:
    return jobs.request(jobs.hosting.model(LINES_CODE), jobs.folder(a=text), **by_line())


def test_a_task_waits_for_its_job(jobs: Transforms) -> None:
    request = asking(jobs, "x\n")
    name = request.pop("TransformJobName")
    named = {**request, "TransformJobName.$": "$.name"}
    ended = Machine(jobs.aws, Only=task(SYNC, named)).run(name=name)
    assert ended["status"] == "SUCCEEDED", ended
    output, described = json.loads(ended["output"]), jobs.describe(name)
    assert jobs.outputs(described) == {"a.csv.out": "x/1\n"}
    assert output["TransformJobStatus"] == "Completed"
    assert output["TransformEndTime"] == round(described["TransformEndTime"].timestamp() * 1000)


def test_a_failed_job_fails_the_task_with_what_became_of_it(jobs: Transforms) -> None:
    ended = Machine(jobs.aws, Only=task(SYNC, asking(jobs, "poison\n"))).run()
    assert (ended["status"], ended["error"]) == ("FAILED", "States.TaskFailed")
    cause = json.loads(ended["cause"])
    assert cause["TransformJobStatus"] == "Failed"
    assert cause["FailureReason"] == "ClientError: See job logs for more information"


def test_a_job_without_capacity_can_be_tried_again(jobs: Transforms) -> None:
    request = asking(jobs, "x\n")
    name = request.pop("TransformJobName")
    numbered = {**request, "TransformJobName.$": "States.Format('{}-{}', $.name, $$.State.RetryCount)"}
    again = [{"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    fail_next(jobs.aws, 1, "CapacityError")
    ended = Machine(jobs.aws, Job=task(SYNC, numbered, Retry=again)).run(name=name)
    assert ended["status"] == "SUCCEEDED"
    assert jobs.describe(f"{name}-0")["FailureReason"].startswith("CapacityError: ")
    assert jobs.describe(f"{name}-1")["TransformJobStatus"] == "Completed"


def running_pid(jobs: Transforms, name: str) -> int:
    line = until(lambda: [each for each in jobs.lines(name) if each.startswith("pid")], what="the pid")[0]
    return int(line.split()[1])


def test_a_stopped_execution_stops_its_job(jobs: Transforms) -> None:
    request = asking(jobs, "sleep 60\n")
    machine = Machine(jobs.aws, Only=task(SYNC, request))
    execution = machine.start()
    pid = running_pid(jobs, request["TransformJobName"])
    machine.client.stop_execution(executionArn=execution)
    assert jobs.ended(request["TransformJobName"])["TransformJobStatus"] == "Stopped"
    assert gone([pid])


def test_a_task_that_times_out_stops_its_job(jobs: Transforms) -> None:
    request = asking(jobs, "sleep 60\n")
    ended = Machine(jobs.aws, Only=task(SYNC, request, TimeoutSeconds=1)).run()
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Timeout")
    assert jobs.ended(request["TransformJobName"])["TransformJobStatus"] == "Stopped"


def test_a_job_that_is_stopped_fails_the_task(jobs: Transforms) -> None:
    request = asking(jobs, "sleep 60\n")
    machine = Machine(jobs.aws, Only=task(SYNC, request))
    execution = machine.start()
    running_pid(jobs, request["TransformJobName"])
    jobs.stop(request["TransformJobName"])
    ended = until(
        lambda: (found := machine.status(execution))["status"] != "RUNNING" and found, what="the execution"
    )
    assert (ended["status"], ended["error"]) == ("FAILED", "States.TaskFailed")
    assert json.loads(ended["cause"])["TransformJobStatus"] == "Stopped"


def test_a_task_that_does_not_wait_starts_the_job(jobs: Transforms) -> None:
    for resource in (PLAIN, f"{SDK}createTransformJob"):
        request = asking(jobs, "x\n")
        ended = Machine(jobs.aws, Only=task(resource, request)).run()
        described = jobs.ended(request["TransformJobName"])
        assert json.loads(ended["output"]) == {"TransformJobArn": described["TransformJobArn"]}
        ended = Machine(jobs.aws, Only=task(SYNC, request)).run()
        assert ended["error"] == "SageMaker.ResourceInUseException"


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Transforms]:
    """A server that enforces IAM, with the role of a model that may do all it needs."""
    with local_aws(tmp_path_factory.mktemp("iam"), "--enforce-iam", settings=QUICK) as aws:
        aws.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        create_role(aws, "Execution", TRUST, *rights_of_a_model("Get", "List", "Put"))
        yield Transforms(aws)


def rights_of_a_model(*verbs: str) -> list[dict[str, Any]]:
    """What the role of a model needs for a job, some of it; the artefact is always readable."""
    data = f"arn:aws:s3:::{BUCKET}/data-*"
    every = {
        "Get": allow("s3:GetObject", data),
        "List": allow("s3:ListBucket", f"arn:aws:s3:::{BUCKET}"),
        "Put": allow("s3:PutObject", data),
    }
    return [allow("s3:GetObject", f"arn:aws:s3:::{BUCKET}/model-*"), *(every[verb] for verb in verbs)]


def grants_of_a_machine() -> dict[str, dict[str, Any]]:
    """What AWS's page says that such a state machine needs."""
    rule = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/StepFunctionsGetEventsForSageMakerTransformJobsRule"
    return {
        **{
            f"sagemaker:{action}": allow(f"sagemaker:{action}", f"{JOB_ARN}/*")
            for action in ("CreateTransformJob", "DescribeTransformJob", "AddTags")
        },
        "events:PutRule": {
            **allow("events:PutRule", rule),
            "Action": ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
        },
    }


@pytest.mark.parametrize("missing", [None, *grants_of_a_machine()])
def test_a_state_machine_needs_the_rights_for_its_job(strict: Transforms, missing: str | None) -> None:
    grants = {name: each for name, each in grants_of_a_machine().items() if name != missing}
    role = create_role(strict.aws, Hosting.name("Machine"), STATES_TRUST, *grants.values())
    request = {**asking(strict, "x\n"), "Tags": [{"Key": "a", "Value": "b"}]}
    ended = Machine(strict.aws, role, Only=task(SYNC, request)).run()
    if missing is None:
        assert ended["status"] == "SUCCEEDED", ended
    else:
        assert (ended["status"], ended["error"]) == ("FAILED", "SageMaker.AmazonSageMakerException")
        assert missing.split(":")[0] in ended["cause"]
        assert "is not authorized to perform" in ended["cause"]


def test_to_stop_its_job_a_state_machine_needs_another_right(strict: Transforms) -> None:
    stop = allow("sagemaker:StopTransformJob", f"{JOB_ARN}/*")
    for more, status in (([], "InProgress"), ([stop], "Stopped")):
        grants = [*grants_of_a_machine().values(), *more]
        role = create_role(strict.aws, Hosting.name("Machine"), STATES_TRUST, *grants)
        request = asking(strict, "sleep 60\n")
        name = request["TransformJobName"]
        Machine(strict.aws, role, Only=task(SYNC, request, TimeoutSeconds=1)).run()
        if more:
            strict.ended(name)
        assert strict.status(strict.describe(name)) == status
        if not more:
            strict.stop(name)


@pytest.mark.parametrize(
    ("verbs", "said"),
    [
        (("List", "Put"), "ClientError: See job logs for more information"),
        (("Get", "Put"), "is not authorized to perform: s3:ListBucket"),
        (("Get", "List"), "is not authorized to perform: s3:PutObject"),
    ],
)
def test_the_data_is_read_and_written_with_the_rights_of_the_model(
    strict: Transforms, verbs: tuple[str, ...], said: str
) -> None:
    role = create_role(strict.aws, "Reader-" + "".join(verbs), TRUST, *rights_of_a_model(*verbs))
    model = strict.hosting.model(LINES_CODE, role=role)
    described = strict.run(model, strict.folder(a="x\n"))
    assert described["TransformJobStatus"] == "Failed"
    assert said in described["FailureReason"]
    assert strict.outputs(described) == {}


def test_who_starts_a_job_must_be_allowed_to_and_to_tag_it(strict: Transforms) -> None:
    def start(name: str, *grants: dict[str, Any], **members: Any) -> Any:
        sagemaker = strict.aws.client("sagemaker", as_role(strict.aws, name, *grants))
        return sagemaker.create_transform_job(**asking(strict, "x\n"), **members)

    create = allow("sagemaker:CreateTransformJob", f"{JOB_ARN}/transform-*")
    of_the_model = allow("sagemaker:CreateTransformJob", f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/*")
    tags = [{"Key": "a", "Value": "b"}]
    code, message = error_of(lambda: start("Starter-0", of_the_model))
    assert (code, "sagemaker:CreateTransformJob" in message) == ("AccessDeniedException", True)
    code, message = error_of(lambda: start("Starter-1", create, Tags=tags))
    assert (code, "sagemaker:AddTags" in message) == ("AccessDeniedException", True)
    assert start("Starter-2", create)["TransformJobArn"], "no role is passed"
    assert start("Starter-3", create, allow("sagemaker:AddTags", f"{JOB_ARN}/*"), Tags=tags)[
        "TransformJobArn"
    ]

"""What the role of a state machine must be granted, where IAM is enforced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tools.embedded_aws import ACCOUNT, REGION, LocalAws, local_aws

from .conftest import QUICK
from .hosting import BUCKET, Hosting
from .neighbours import INVOKE, function
from .test_batch_neighbours_maps import distributed, put_items
from .test_iam import TRUST, allow, create_role
from .test_step_functions import STATES_TRUST, Machine, task

LAMBDA_TRUST = {**TRUST, "Principal": {"Service": "lambda.amazonaws.com"}}
MACHINES = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:*"
ERRORS = {
    "lambda:InvokeFunction": "States.ExceedToleratedFailureThreshold",
    "states:StartExecution": "StepFunctions.AWSStepFunctionsException",
    "s3:GetObject": "States.ItemReaderFailed",
}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A server that enforces IAM."""
    with local_aws(tmp_path_factory.mktemp("iam"), "--enforce-iam", settings=QUICK) as aws:
        aws.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        create_role(aws, "Function", LAMBDA_TRUST)
        yield aws


@pytest.fixture(scope="module")
def worker(strict: LocalAws) -> str:
    return function(strict)


def grants(worker: str) -> dict[str, dict[str, Any]]:
    """What AWS's page says that such a map needs, as far as its children are Express workflows."""
    return {
        "lambda:InvokeFunction": allow("lambda:InvokeFunction", worker),
        "states:StartExecution": allow("states:StartExecution", MACHINES),
        "s3:GetObject": allow("s3:GetObject", f"arn:aws:s3:::{BUCKET}/*"),
    }


@pytest.mark.parametrize("missing", [None, *ERRORS])
def test_a_distributed_map_needs_its_grants(strict: LocalAws, worker: str, missing: str | None) -> None:
    given = [each for name, each in grants(worker).items() if name != missing]
    role = create_role(strict, Hosting.name("Machine"), STATES_TRUST, *given)
    machine = Machine(strict, role, Only=distributed(worker))
    key = put_items(strict, [{"n": 1}])
    ended = machine.run(run="r1", bucket=BUCKET, outlined={"key": key})
    if missing is None:
        assert ended["status"] == "SUCCEEDED", ended
    else:
        assert (ended["status"], ended["error"]) == ("FAILED", ERRORS[missing])
    if missing in ("states:StartExecution", "s3:GetObject"):
        assert f"is not authorized to perform: {missing}" in ended["cause"]


def test_only_the_granted_function_is_invoked(strict: LocalAws, worker: str) -> None:
    other = function(strict)
    role = create_role(strict, Hosting.name("Machine"), STATES_TRUST, allow("lambda:InvokeFunction", worker))

    def run(name: str) -> dict[str, Any]:
        return Machine(strict, role, Only=task(INVOKE, {"FunctionName": name, "Payload": {}})).run()

    assert run(worker)["status"] == "SUCCEEDED"
    assert run(worker.rsplit(":", 1)[-1])["status"] == "SUCCEEDED", "its name is enough"
    denied = run(other)
    assert (denied["status"], denied["error"]) == ("FAILED", "Lambda.AWSLambdaException")
    assert f"lambda:InvokeFunction on resource: {other}" in denied["cause"]

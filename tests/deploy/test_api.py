"""The API of the app, deployed with the real CDK CLI: it guards, checks, names, and says what went wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest

from examples.breast_cancer.train import split
from tests.deploy.conftest import Account
from tests.support.api_calls import Caller
from tools.cdk_cli import Cdk

pytestmark = pytest.mark.deploy

CSV = {"Content-Type": "text/csv"}


def csv(rows: object) -> str:
    return "\n".join(",".join(str(value) for value in row) for row in rows)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def caller(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """One whom IAM knows, of the stack as app.py has it."""
    environment = {**account.aws.environment(), "PYTHONPATH": "."}
    cdk = Cdk(environment=environment, folder=tmp_path_factory.mktemp("api"), app=f"{sys.executable} app.py")
    cdk.deploy("Api")
    yield Caller(account.aws.outputs("Api")["Url"], session=account.aws.session())
    cdk.run("destroy", "Api", "--force")


def test_a_prediction_comes_with_the_id_it_was_asked_under(caller: Caller) -> None:
    _, rows, _, truth = split()
    id = {"X-Amzn-SageMaker-Inference-Id": "patient-7"}

    answer = caller.post("/invocations", csv(rows[:50]), headers={**CSV, **id})

    assert answer.status == 200, answer.body
    right = [
        ("malignant", "benign")[y] == label
        for y, label in zip(truth[:50], answer.json["labels"], strict=True)
    ]
    assert sum(right) >= 45
    assert answer.headers["x-amzn-sagemaker-inference-id"] == "patient-7"
    assert answer.headers["x-amzn-invoked-production-variant"] == "AllTraffic"
    assert caller.post("/invocations", csv(rows[:1]), headers=CSV).headers["x-amzn-sagemaker-inference-id"]


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        ("1,2,3", CSV, 422, "InvalidInput"),
        ("[1]", {"Content-Type": "application/json"}, 415, "UnsupportedMediaType"),
        (",".join(["x"] * 30), CSV, 424, "ModelError"),
        ("1\n" * 2_400_000, CSV, 413, "PayloadTooLarge"),
        ("1", {**CSV, "X-Amzn-SageMaker-Target-Model": "other"}, 400, "InvalidRequest"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_one_form(
    caller: Caller, body: str, headers: dict[str, str], status: int, code: str
) -> None:
    answer = caller.post("/invocations", body, headers=headers)

    assert (answer.status, answer.error["code"]) == (status, code), answer.body
    assert answer.error["message"]
    assert answer.error["inference_id"] == answer.headers["x-amzn-sagemaker-inference-id"]


def test_who_signs_nothing_is_not_let_in(caller: Caller) -> None:
    answer = Caller(caller.url).post("/invocations", "1", headers=CSV)

    assert (answer.status, json.loads(answer.body)) == (403, {"message": "Forbidden"})


def test_it_says_that_it_is_there(caller: Caller) -> None:
    assert caller.get("/ping").json == {"status": "ok"}
    assert caller.get("/elsewhere").status == 404

"""APIs that ask SageMaker themselves, where IAM is enforced: what is handed on, and how errors are told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from examples.breast_cancer.train import split
from tests.deploy.conftest import Account
from tests.support.api_calls import Caller
from tools.embedded_aws import LocalAws

pytestmark = pytest.mark.deploy

CSV = {"Content-Type": "text/csv"}
ID = "X-Amzn-SageMaker-Inference-Id"
_, ROWS, _, _ = split()
ROW = ",".join(map(str, ROWS[0]))


class Direct:
    """The deployed app, and who calls its APIs."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.outputs = aws.outputs("Direct")

    def caller(self, api: str, role: str = "direct-caller") -> Caller:
        arn = f"arn:aws:iam::123456789012:role/{role}"
        found = self.aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        session = self.aws.session(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
        port = self.aws.url.rpartition(":")[2]
        return Caller(
            f"http://{self.outputs[f'{api}Api']}.execute-api.localhost:{port}/live", session=session
        )


@pytest.fixture(scope="module")
def direct(strict_account: Account) -> Iterator[Direct]:
    cdk = strict_account.cdk("direct")
    cdk.run("bootstrap")
    cdk.deploy("Direct")
    yield Direct(strict_account.aws)
    cdk.run("destroy", "Direct", "--force")


def test_a_prediction_comes_with_an_id_and_the_variant(direct: Direct) -> None:
    answer = direct.caller("Text").post("/invocations", ROW, headers=CSV)

    assert answer.status == 200, answer.body
    assert answer.json["labels"][0] in ("malignant", "benign")
    assert answer.headers["x-amzn-invoked-production-variant"] == "AllTraffic"
    assert len(answer.headers[ID.lower()]) == 36
    assert direct.caller("Text").get("/ping").json == {"status": "ok"}


def test_any_bytes_pass_with_the_callers_id(direct: Direct) -> None:
    headers = {**CSV, ID: "patient-7", "X-Amzn-SageMaker-Target-Variant": "AllTraffic"}
    answer = direct.caller("Anything").post("/invocations", ROW, headers=headers)

    assert answer.status == 200, answer.body
    assert answer.json["labels"][0] in ("malignant", "benign")
    assert ID.lower() not in answer.headers


@pytest.mark.parametrize(
    ("api", "body", "headers", "status", "code"),
    [
        ("Text", ",".join(["x"] * 30), CSV, 424, "ModelError"),
        ("Text", ROW, {"Content-Type": "image/png"}, 415, "UnsupportedMediaType"),
        ("Anything", ROW, CSV, 400, "InvalidRequest"),
        ("Anything", ROW, {**CSV, ID: "a", "X-Amzn-SageMaker-Target-Variant": "No"}, 400, "InvalidRequest"),
        ("Blind", ROW, CSV, 400, "InvalidRequest"),
    ],
)
def test_what_cannot_be_answered_is_told_in_one_form(
    direct: Direct, api: str, body: str, headers: dict[str, str], status: int, code: str
) -> None:
    answer = direct.caller(api).post("/invocations", body, headers=headers)

    assert (answer.status, answer.error["code"]) == (status, code), answer.body
    assert answer.error["message"]


def test_a_role_without_the_grant_is_not_let_in(direct: Direct) -> None:
    assert direct.caller("Text", "direct-stranger").post("/invocations", ROW, headers=CSV).status == 403


def test_api_gateway_asks_as_its_role_and_may_no_more_than_that(direct: Direct) -> None:
    client = direct.aws.client("iam")
    (role,) = (
        each["RoleName"]
        for each in client.list_roles()["Roles"]
        if each["RoleName"].startswith("Direct-TextRole")
    )
    (policy,) = client.list_role_policies(RoleName=role)["PolicyNames"]
    client.delete_role_policy(RoleName=role, PolicyName=policy)

    answer = direct.caller("Text").post("/invocations", ROW, headers=CSV)

    assert (answer.status, answer.error["code"]) == (403, "TargetNotAllowed"), answer.body
    assert answer.headers["x-amzn-errortype"] == "AccessDeniedException"

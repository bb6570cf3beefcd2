"""APIs where IAM is enforced: by tokens and by roles, of an asynchronous endpoint and of an experiment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from constructs_lib.experiments.runtime.fold import Counting
from constructs_lib.experiments.runtime.ledger import Ledger
from examples.breast_cancer.train import split
from tests.deploy.conftest import Account
from tests.support.api_calls import Answered, Caller
from tests.support.tokens import Issuer, an_issuer
from tools.embedded_aws import LocalAws, until
from tools.visitors import described

pytestmark = pytest.mark.deploy

CSV = {"Content-Type": "text/csv"}
_, ROWS, _, _ = split()


def row(number: int) -> str:
    return ",".join(map(str, ROWS[number]))


class Fronted:
    """The deployed app, and who calls its APIs."""

    def __init__(self, aws: LocalAws, issuer: Issuer) -> None:
        self.aws, self.issuer = aws, issuer
        self.outputs = aws.outputs("Fronted")

    def queue(self, **claims: object) -> Caller:
        return Caller(self.outputs["QueueUrl"], token=self.issuer.token(**claims))

    def trial(self, role: str) -> Caller:
        arn = f"arn:aws:iam::123456789012:role/{role}"
        found = self.aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        session = self.aws.session(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
        return Caller(self.outputs["TrialUrl"], session=session)

    def counted(self) -> dict[str, tuple[int, int]]:
        """Exposures and rewards by variant, from the experiment's table."""
        experiment = described(self.aws, self.outputs)
        ledger = Ledger(self.aws.client("dynamodb"), self.outputs["TableName"], Counting(experiment))
        found: dict[str, tuple[int, int]] = {}
        for bucket in ledger.buckets():
            shown, rewarded = found.get(bucket.arm, (0, 0))
            totals = bucket.totals
            found[bucket.arm] = (shown + int(totals.exposures), rewarded + int(totals.total))
        return found


@pytest.fixture(scope="module")
def fronted(strict_account: Account) -> Iterator[Fronted]:
    cdk = strict_account.cdk("fronted")
    with an_issuer() as issuer:
        cdk.run("bootstrap", context={"issuer": issuer.url})
        cdk.deploy("Fronted", context={"issuer": issuer.url})
        yield Fronted(strict_account.aws, issuer)


def test_a_request_with_a_token_waits_in_the_queue_and_is_answered(fronted: Fronted) -> None:
    caller = fronted.queue()
    headers = {**CSV, "X-Amzn-SageMaker-Inference-Id": "patient-1"}

    accepted = [caller.post("/invocations", row(0), headers=headers) for _ in range(2)]

    assert [each.status for each in accepted] == [202, 202], accepted[0].body
    assert (
        accepted[0].json == accepted[1].json == {"inference_id": "patient-1", "result": "/results/patient-1"}
    )

    def answer() -> Answered | None:
        found = caller.get("/results/patient-1")
        assert found.status in (200, 202), found.body
        return found if found.status == 200 else None

    assert until(answer, seconds=60, what="the answer").json["labels"][0] in ("malignant", "benign")
    assert caller.get("/results/patient-2").error["code"] == "NotFound"


def test_why_a_queued_request_failed_is_told(fronted: Fronted) -> None:
    caller = fronted.queue()
    path = caller.post("/invocations", "no,number", headers=CSV).json["result"]

    def failure() -> Answered | None:
        found = caller.get(path)
        return found if found.status != 202 else None

    found = until(failure, seconds=60, what="the failure")
    assert (found.status, found.error["code"]) == (424, "ModelError"), found.body


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"aud": "other"}, 401),
        ({"exp": 1}, 401),
        ({"iss": "https://evil.example.com"}, 401),
        ({"scope": "x"}, 403),
    ],
)
def test_a_token_for_something_else_is_not_let_in(
    fronted: Fronted, claims: dict[str, Any], status: int
) -> None:
    assert fronted.queue(**claims).post("/invocations", row(0), headers=CSV).status == status


def test_who_shows_a_token_of_nobody_is_not_let_in(fronted: Fronted) -> None:
    forged = Issuer(fronted.issuer.url).token()

    assert Caller(fronted.outputs["QueueUrl"], token=forged).get("/ping").status == 401
    assert Caller(fronted.outputs["QueueUrl"]).get("/ping").status == 401
    assert fronted.queue().get("/ping").status == 200


def test_a_role_without_the_grant_is_not_let_in(fronted: Fronted) -> None:
    stranger = fronted.trial("stranger")

    assert stranger.get("/ping").status == 403
    assert stranger.post("/rewards", '{"inference_id": "a", "value": 1}').status == 403
    assert Caller(fronted.outputs["TrialUrl"]).get("/ping").status == 403


def test_units_keep_their_variant_and_exposures_and_rewards_are_counted_once(fronted: Fronted) -> None:
    caller = fronted.trial("caller")
    variants: dict[str, set[str]] = {}
    shown: dict[str, list[str]] = {}
    for number in range(24):
        unit, id = f"user-{number % 12}", f"visit-{number}"
        headers = {**CSV, "X-Unit-Id": unit, "X-Amzn-SageMaker-Inference-Id": id}
        for _ in range(2 if number % 6 == 0 else 1):  # some are sent again
            answer = caller.post("/invocations", row(number), headers=headers)
            assert answer.status == 200, answer.body
        variant = answer.headers["x-amzn-invoked-production-variant"]
        variants.setdefault(unit, set()).add(variant)
        shown.setdefault(variant, []).append(id)
    assert all(len(each) == 1 for each in variants.values())
    assert set(shown) == {"few", "many"}

    rewards = {"rewards": [{"inference_id": id, "value": 1} for id in shown["many"]]}
    assert caller.post("/rewards", json.dumps(rewards)).status == 202
    expected = {"few": (len(shown["few"]), 0), "many": (len(shown["many"]), len(shown["many"]))}
    until(lambda: fronted.counted() == expected, seconds=60, what="every event is counted once")


def test_a_request_of_nobody_is_told_to_say_who_it_is(fronted: Fronted) -> None:
    answer = fronted.trial("caller").post("/invocations", row(0), headers=CSV)

    assert (answer.status, answer.error["code"]) == (400, "InvalidRequest")

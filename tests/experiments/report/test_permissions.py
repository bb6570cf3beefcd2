"""What the grants allow is what the commands call."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam

from tests.support.experiments import an_ab_test
from tests.support.synth import fresh_app, statements, synthesized


def allowed(grant: str) -> set[str]:
    """The actions of a person who got a grant."""
    stack = cdk.Stack(fresh_app(), "Stack")
    person = iam.Role(stack, "Person", assumed_by=iam.AccountRootPrincipal())
    getattr(an_ab_test(stack).grants, grant)(person)
    found: list[Any] = statements(synthesized(stack), "Person")
    return {
        action
        for each in found
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    }


@pytest.mark.parametrize(
    ("grant", "needed"),
    [
        (
            "read",
            {"ssm:GetParameter", "lambda:GetFunctionConfiguration", "dynamodb:GetItem", "dynamodb:Query"},
        ),
        ("operate", {"ssm:GetParameter", "lambda:GetFunctionConfiguration", "lambda:InvokeFunction"}),
    ],
)
def test_a_grant_is_enough(grant: str, needed: set[str]) -> None:
    assert needed <= allowed(grant)


def test_who_reads_may_change_nothing() -> None:
    verbs = {action.partition(":")[2] for action in allowed("read")}

    assert not [
        verb
        for verb in verbs
        if verb.startswith(("Put", "Update", "Delete", "Write", "Invoke", "TransactWrite"))
    ]

"""What only the deployment knows is recognised in each form CDK gives it; what looks like it is not."""

from __future__ import annotations

import aws_cdk as cdk
import pytest

from constructs_lib.core.tokens import is_token

REFERENCE = {"Ref": "Anything"}
number = cdk.Token.as_number

TOKENS: dict[str, object] = {
    "string": cdk.Token.as_string(REFERENCE),
    "string with text around it": f"arn:{cdk.Aws.PARTITION}:s3:::x",
    "pseudo parameter": cdk.Aws.REGION,
    "number": number(REFERENCE),
    "list": cdk.Token.as_list(REFERENCE),
    "list that holds a string token": ["a", cdk.Token.as_string(REFERENCE)],
    "tuple that holds a number token": (1, number(REFERENCE)),
    "Duration": cdk.Duration.seconds(number(REFERENCE)),
    "Size": cdk.Size.gibibytes(number(REFERENCE)),
    "intrinsic": cdk.Fn.get_att("Resource", "Arn"),
    "any": cdk.Token.as_any(REFERENCE),
    "conditional": cdk.Fn.condition_if("Prod", "a", "b"),
}


@pytest.mark.parametrize("value", TOKENS.values(), ids=TOKENS.keys())
def test_a_token_is_recognised(value: object) -> None:
    assert is_token(value)


PLAIN: dict[str, object] = {
    "none": None,
    "true": True,
    "false": False,
    "text": "ml.m5.large",
    "empty text": "",
    "zero": 0,
    "a negative number": -1,
    "a very negative number": -1e300,
    "minus infinity": float("-inf"),
    "not a number": float("nan"),
    "an empty list": [],
    "a list of text": ["a", "b"],
    "a set": {"a"},
    "a Duration": cdk.Duration.seconds(5),
    "a Size": cdk.Size.gibibytes(5),
    "an object": object(),
    "a mapping": {"a": 1},
}


@pytest.mark.parametrize("value", PLAIN.values(), ids=PLAIN.keys())
def test_a_plain_value_is_not(value: object) -> None:
    assert not is_token(value)

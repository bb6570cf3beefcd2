"""Tokens: values that are known only when CloudFormation deploys. Rules let them pass."""

from __future__ import annotations

import math

import aws_cdk as cdk

# CDK encodes number tokens as huge negative doubles. Looking for the encodings here spares a call into
# Node for every property of every construct; Token.is_unresolved has the last word where one is found.
_NUMBER_TOKENS_BELOW = -1e280


def is_token(value: object) -> bool:
    """Whether `value` is, or contains, something only the deployment knows."""
    if value is None or isinstance(value, bool):
        return False
    if isinstance(value, str):
        return "${Token[" in value
    if isinstance(value, int):
        return False  # of any size; number tokens are floats
    if isinstance(value, float):
        return math.isfinite(value) and value < _NUMBER_TOKENS_BELOW and cdk.Token.is_unresolved(value)
    if isinstance(value, cdk.Duration | cdk.Size):
        return value.is_unresolved()
    if isinstance(value, list | tuple | set | frozenset):
        return any(
            is_token(item) or (isinstance(item, str) and item.startswith("#{Token[")) for item in value
        )
    return {"resolve", "creation_stack"} <= offered_by(value)


def offered_by(value: object) -> set[str]:
    """The names that the class of `value` offers.

    Of the class, since asking the object itself would call into Node, make references, and may fail. An
    object that jsii knows only by several interfaces delegates to one object for each.
    """
    each = getattr(value, "_delegates", None) or [value]
    return {name for one in each for name in dir(type(one))}

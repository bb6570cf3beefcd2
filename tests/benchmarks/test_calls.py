"""What an endpoint costs where it can be counted: calls from Python into Node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import aws_cdk as cdk
import pytest

from benchmarks import library, raw_l1
from benchmarks.calls import counted
from tests.support.synth import fresh_app


def calls_for_one_more(make: Callable[[cdk.Stack, int], None]) -> Counter[str]:
    """Calls for an endpoint in a stack that has one already, and with it all that is made once."""
    stack = cdk.Stack(fresh_app(), "Stack", env=cdk.Environment(region="eu-west-1"))
    make(stack, 0)
    with counted() as made:
        make(stack, 1)
    return Counter(made)


def test_an_endpoint_makes_fewer_calls_than_the_same_resources_as_raw_l1s() -> None:
    ours, raw = calls_for_one_more(library.full_endpoint), calls_for_one_more(raw_l1.full_endpoint)
    assert ours.total() < raw.total()


@pytest.mark.parametrize(("make", "at_most"), [(library.full_endpoint, 44), (library.plain_endpoint, 32)])
def test_an_endpoint_makes_no_more_calls_than_it_did(
    make: Callable[[cdk.Stack, int], None], at_most: int
) -> None:
    """Raise a number only for what a user gets for it."""
    assert calls_for_one_more(make).total() <= at_most


def test_each_kind_of_call_is_counted() -> None:
    with counted() as made:
        stack = cdk.Stack(fresh_app(), "Stack")
        cdk.Stack.of(stack).node.add_dependency()
        _ = cdk.Aws.REGION
    assert {"create", "get", "invoke", "sget", "sinvoke"} <= set(made)

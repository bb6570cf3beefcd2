"""What an endpoint costs where it can be counted: calls from Python into Node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import aws_cdk as cdk
import pytest

from benchmarks.calls import counted
from benchmarks.kinds import ALL_KINDS
from benchmarks.worker import maker
from tests.support.synth import fresh_app, synthesized


def calls_for_one_more(make: Callable[[cdk.Stack, int], None]) -> Counter[str]:
    """Calls for an endpoint in a stack that has one already, and with it all that is made once."""
    stack = cdk.Stack(fresh_app(), "Stack", env=cdk.Environment(region="eu-west-1"))
    make(stack, 0)
    with counted() as made:
        make(stack, 1)
    return Counter(made)


DEARER = {"ComponentEndpoint, 2 components", "MultiModelEndpoint, 5 added models"}
"""What raw L1s do not do: acknowledge findings of policy packs, and allow the stack's one function each bucket."""


@pytest.mark.parametrize("name", [name for name in ALL_KINDS if name not in DEARER])
def test_an_endpoint_makes_no_more_calls_than_the_same_resources_as_raw_l1s(name: str) -> None:
    ours, raw = (calls_for_one_more(maker(side)) for side in (ALL_KINDS[name].ours, ALL_KINDS[name].raw))
    assert ours.total() <= raw.total()


@pytest.mark.parametrize("name", sorted(DEARER))
def test_what_is_dearer_than_raw_l1s_is_known_to_be(name: str) -> None:
    ours, raw = (calls_for_one_more(maker(side)) for side in (ALL_KINDS[name].ours, ALL_KINDS[name].raw))
    assert ours.total() > raw.total(), "no more: take it off the list"


AT_MOST = {
    "library:full_endpoint": 42,
    "library:plain_endpoint": 30,
    "library_kinds:serverless_endpoint": 42,
    "library_kinds:async_endpoint": 65,
    "library_kinds:multi_model_endpoint": 69,
    "library_kinds:inference_pipeline": 42,
    "library_kinds:component_endpoint": 124,
}


@pytest.mark.parametrize(("kind", "at_most"), AT_MOST.items())
def test_an_endpoint_makes_no_more_calls_than_it_did(kind: str, at_most: int) -> None:
    """Raise a number only for what a user gets for it."""
    assert calls_for_one_more(maker(kind)).total() <= at_most


RESOURCES = {
    "library:full_endpoint": 12,
    "library_kinds:serverless_endpoint": 10,
    "library_kinds:async_endpoint": 17,
    "library_kinds:multi_model_endpoint": 20,
    "library_kinds:inference_pipeline": 12,
    "library_kinds:component_endpoint": 29,
}


@pytest.mark.parametrize(("kind", "at_most"), RESOURCES.items())
def test_an_endpoint_has_no_more_resources_than_it_did(kind: str, at_most: int) -> None:
    """A stack has room for 500."""
    first, both = (resources_of(kind, count) for count in (1, 2))
    assert both - first <= at_most


def resources_of(kind: str, count: int) -> int:
    stack = cdk.Stack(fresh_app(), "Stack", env=cdk.Environment(region="eu-west-1"))
    for index in range(count):
        maker(kind)(stack, index)
    return len(synthesized(stack)["Resources"])


def test_each_kind_of_call_is_counted() -> None:
    with counted() as made:
        stack = cdk.Stack(fresh_app(), "Stack")
        cdk.Stack.of(stack).node.add_dependency()
        _ = cdk.Aws.REGION
    assert {"create", "get", "invoke", "sget", "sinvoke"} <= set(made)


def test_answers_to_callbacks_are_counted() -> None:
    """An alarm asks the action that is written in Python what it does."""
    assert calls_for_one_more(maker("library_kinds:async_endpoint"))["sync_complete"] == 1

"""Building blocks of strategies: descriptions, what may be left out, names, durations, sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
from hypothesis import strategies as st

from .. import surroundings
from ..made import Made

Strategy = st.SearchStrategy[Any]


def some(factory: Callable[..., Any], /, **strategies: Strategy) -> Strategy:
    """`factory` called with values of `strategies`; what may be left out is wrapped in `maybe`."""
    return properties(**strategies).map(lambda given: Made(factory, given=given))


def properties(**strategies: Strategy) -> Strategy:
    """The keyword arguments that `some` gives."""
    return st.fixed_dictionaries(strategies).map(
        lambda given: {name: value for name, value in given.items() if value is not _LEFT_OUT}
    )


_LEFT_OUT = object()


def maybe(strategy: Strategy) -> Strategy:
    """Sometimes left out."""
    return st.just(_LEFT_OUT) | strategy


def call(factory: Callable[..., Any], *args: Any) -> Made:
    return Made(factory, args)


def durations(low: int, high: int) -> Strategy:
    """Durations of ``low``…``high`` seconds, in seconds or, where it comes out even, in minutes."""
    seconds = st.integers(low, high).map(lambda count: call(cdk.Duration.seconds, count))
    if high < 60:
        return seconds
    minutes = st.integers(-(-low // 60), high // 60).map(lambda count: call(cdk.Duration.minutes, count))
    return seconds | minutes


def distinct(strategy: Strategy, most: int) -> Strategy:
    """Up to `most`, with names of their own."""
    return st.lists(strategy, max_size=most, unique_by=lambda each: each.given["name"])


NAMES = st.text("aZ9", max_size=8).map(lambda rest: f"n{rest}") | st.text("b0-", max_size=61).map(
    lambda middle: f"N{middle}n"
)
OWN_NAMES = st.uuids().map(lambda id: f"Fraud-{id}")
SWITCHES = st.booleans()
PERIODS = st.sampled_from([1, 5, 60]).map(lambda count: call(cdk.Duration.minutes, count))
SIZES = st.integers(1, 512).map(lambda count: call(cdk.Size.gibibytes, count))
WHOLE_TOKENS = st.just(surroundings.WHOLE_NUMBER)

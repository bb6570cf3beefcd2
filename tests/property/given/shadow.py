"""Strategies for shadow tests: a production variant, a challenger, and how they are compared."""

from __future__ import annotations

import aws_cdk as cdk
from hypothesis import strategies as st

from constructs_lib import Comparison, DataCapture, RoutingStrategy, ShadowTest, Variant

from .. import surroundings
from ..made import Made
from .basics import NAMES, SIZES, SWITCHES, Strategy, call, maybe, some
from .hosting import (
    HOSTED,
    KEYS,
    STARTING,
    TYPE_TOKENS,
    TYPES,
    fewest_of,
    first_count,
    sized,
)
from .models import LONE_MODELS
from .rollouts import rollouts
from .scaling import scalings

_PATHS = st.sampled_from(["labels", "predictions.0.label", "1"])
_MINUTES = st.sampled_from([5, 15, 60, 1440]).map(lambda count: call(cdk.Duration.minutes, count))

COMPARISONS = some(
    Comparison,
    label=maybe(_PATHS),
    number=maybe(_PATHS),
    tolerance=maybe(st.floats(0, 1)),
    minimum_pairs=maybe(st.integers(1, 1000)),
    least_agreement=maybe(st.floats(0, 1)),
    most_difference=maybe(st.none() | st.floats(0, 10)),
    most_slowdown=maybe(st.none() | st.floats(0.5, 10)),
    every=maybe(_MINUTES),
    settle=maybe(st.integers(0, 60).map(lambda count: call(cdk.Duration.minutes, count))),
    reports_prefix=maybe(st.sampled_from(["reports", "a/b-c/d.e"])),
)
CAPTURES = some(
    DataCapture,
    sampling_percent=maybe(st.integers(1, 100)),
    bucket=maybe(st.just(surroundings.BUCKET)),
    capture_input=maybe(SWITCHES),
    encryption_key=maybe(KEYS),
)
"""Of answers at least."""


@st.composite
def variants(draw: st.DrawFn, name: str) -> Made:
    """A variant of a model of one container, with a weight that nobody gave."""
    size = draw(sized(scalings()))
    rest = draw(
        some(
            Variant,
            name=st.just(name),
            model=LONE_MODELS,
            instance_type=TYPES | TYPE_TOKENS,
            volume_size=maybe(SIZES),
            routing=maybe(st.sampled_from(RoutingStrategy)),
            **STARTING,
        )
    )
    return Made(Variant, given={**rest.given, **size})


@st.composite
def shadow_tests(draw: st.DrawFn) -> Made:
    names = draw(st.lists(NAMES, min_size=2, max_size=2, unique_by=str.lower))
    production, challenger = (draw(variants(name)) for name in names)
    fewest = fewest_of([first_count(dict(production.given))])
    hosted: dict[str, Strategy] = {**HOSTED, "capture": maybe(CAPTURES)}
    given = draw(
        some(
            ShadowTest,
            sampling_percent=maybe(st.integers(0, 100) | st.floats(0, 100)),
            comparison=maybe(COMPARISONS),
            # As of two variants: no rolling.
            rollout=maybe(rollouts(variants=2, fewest=fewest)),
            **hosted,
        )
    ).given
    return Made(ShadowTest, given={"production": production, "challenger": challenger, **given})

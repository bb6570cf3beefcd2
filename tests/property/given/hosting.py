"""Strategies for what several kinds of endpoints take: capture, metrics, names, fleets."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from hypothesis import strategies as st

from constructs_lib import DataCapture, MetricsPublishing

from .. import surroundings
from ..made import Made
from .basics import OWN_NAMES, SIZES, SWITCHES, WHOLE_TOKENS, Strategy, call, durations, maybe, some

KEYS = st.sampled_from(surroundings.KEYS)
TYPES = st.sampled_from(["ml.m5.large", "ml.c6g.xlarge", "ml.g5.2xlarge", "ml.inf2.xlarge", "ml.r5d.large"])
PROCESSOR_TYPES = st.sampled_from(["ml.m5.large", "ml.c6g.xlarge", "ml.r5d.large"])
"""Without accelerators."""
TYPE_TOKENS = st.just(surroundings.INSTANCE_TYPE)

CAPTURES = some(
    DataCapture,
    sampling_percent=maybe(st.integers(0, 100)),
    bucket=maybe(st.sampled_from([None, surroundings.BUCKET, surroundings.BUCKET])),
    prefix=maybe(st.sampled_from(["captured", "a/b-c/d.e"])),
    capture_input=maybe(st.just(True)),
    capture_output=maybe(SWITCHES),
    csv_content_types=maybe(st.sampled_from([(), ["text/csv"], ["text/csv", "application/x-csv"]])),
    json_content_types=maybe(st.sampled_from([[], ["application/json"]])),
    encryption_key=maybe(st.just(surroundings.KEY)),
)
PUBLISHINGS = some(
    MetricsPublishing,
    enhanced=maybe(SWITCHES),
    every=maybe(
        st.sampled_from([10, 30, 60, 120, 180, 240, 300]).map(lambda count: call(cdk.Duration.seconds, count))
    ),
)

NAMED = {
    "endpoint_name": maybe(OWN_NAMES),
    "parameter_name": maybe(OWN_NAMES.map(lambda name: f"/team/{name}")),
    "check_deployments": maybe(SWITCHES),
}
"""What every kind takes."""

HOSTED = {
    **NAMED,
    "capture": maybe(CAPTURES),
    "encryption_key": maybe(KEYS),
    "metrics": maybe(PUBLISHINGS),
}
"""What every kind on instances takes."""

STARTING = {
    "download_timeout": maybe(durations(60, 3_600)),
    "startup_timeout": maybe(durations(60, 3_600)),
}
FLEET = {**HOSTED, **STARTING, "volume_size": maybe(SIZES)}
"""What kinds with one fleet take."""


def counts(scaling: Made | None) -> Strategy:
    """Instances at first, within the bounds of `scaling`."""
    if scaling is None:
        return st.integers(1, 20) | WHOLE_TOKENS
    low, high = max(1, scaling.given["min_capacity"]), scaling.given["max_capacity"]
    return st.integers(low, high if isinstance(high, int) else low + 5)


@st.composite
def sized(draw: st.DrawFn, scalings: Strategy) -> dict[str, Any]:
    """Scaling and a count that suit each other; each may be left out."""
    scaling = draw(st.none() | scalings)
    given: dict[str, Any] = {} if scaling is None else {"scaling": scaling}
    if draw(SWITCHES):
        given["instance_count"] = draw(counts(scaling))
    return given


def first_count(given: dict[str, Any]) -> Any:
    """The instances at first: as given, else the least of the scaling that is not none, else 2."""
    scaling = given.get("scaling")
    least = 2 if scaling is None else max(1, scaling.given["min_capacity"])
    return given.get("instance_count", least)


def fewest_of(counts: list[Any]) -> int | None:
    """The smallest of `counts`; none where the deployment tells."""
    return min(counts) if all(isinstance(each, int) for each in counts) else None

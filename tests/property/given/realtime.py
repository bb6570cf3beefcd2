"""Strategies for real-time endpoints, of one model or of several variants."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from constructs_lib import RealtimeEndpoint, RoutingStrategy, Variant

from ..made import Made
from .basics import NAMES, SIZES, SWITCHES, Strategy, maybe, some
from .hosting import HOSTED, STARTING, TYPE_TOKENS, TYPES, fewest_of, first_count, sized
from .models import MODELS
from .rollouts import rollouts
from .scaling import scalings


@st.composite
def variants(draw: st.DrawFn, name: str, *, weights: Strategy) -> Made:
    """A variant, its count within the bounds of its scaling."""
    size = draw(sized(scalings()))
    rest = draw(
        some(
            Variant,
            name=st.just(name),
            model=MODELS,
            instance_type=TYPES | TYPE_TOKENS,
            weight=weights,
            volume_size=maybe(SIZES),
            routing=maybe(st.sampled_from(RoutingStrategy)),
            inference_ami_version=maybe(st.just("al2-ami-sagemaker-inference-gpu-2")),
            ssm_access=maybe(SWITCHES),
            **STARTING,
        )
    )
    return Made(Variant, given={**rest.given, **size})


@st.composite
def realtime_endpoints(draw: st.DrawFn) -> Made:
    """A `RealtimeEndpoint`, of one model or of 1–10 variants."""
    given = draw(_of_one_model() | _of_variants())
    rest = draw(some(RealtimeEndpoint, weights_managed_elsewhere=maybe(SWITCHES), **HOSTED)).given
    count, fewest = fleet(given)
    rollout = {"rollout": draw(rollouts(variants=count, fewest=fewest))} if draw(SWITCHES) else {}
    return Made(RealtimeEndpoint, given={**given, **rest, **rollout})


def fleet(given: dict[str, Any]) -> tuple[int, int | None]:
    """How many variants, and the instances of the smallest at first; none where the deployment tells."""
    listed = [each.given for each in given.get("variants", [])] or [given]
    return len(listed), fewest_of([first_count(each) for each in listed])


@st.composite
def _of_one_model(draw: st.DrawFn) -> dict[str, Any]:
    variant = draw(variants("AllTraffic", weights=st.just(1))).given
    kept = ("model", "instance_type", "instance_count", "scaling")
    return {name: value for name, value in variant.items() if name in kept}


@st.composite
def _of_variants(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique_by=str.lower) | _MANY_NAMES)
    weights = st.sampled_from([0, 1, 0.5, 3]) | st.floats(0, 100)
    first = draw(variants(names[0], weights=st.sampled_from([1, 0.25, 50])))
    return {"variants": [first, *(draw(variants(name, weights=weights)) for name in names[1:])]}


_MANY_NAMES = st.sampled_from([[f"v{index}" for index in range(count)] for count in (6, 10)])

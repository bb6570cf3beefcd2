"""Strategies for endpoints of inference components, and for the components on them."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from hypothesis import strategies as st

from constructs_lib import ComponentEndpoint, ManagedInstanceScaling, Placement, RoutingStrategy

from .. import surroundings
from ..made import Made
from .basics import OWN_NAMES, SIZES, SWITCHES, call, maybe, some
from .hosting import HOSTED, STARTING, TYPE_TOKENS, TYPES
from .models import LONE_MODELS, SURROUNDED
from .rollouts import rolling_copies
from .scaling import OF_COPIES, scalings


@st.composite
def component_endpoints(draw: st.DrawFn) -> Made:
    """A fleet with up to 3 components."""
    type = draw(TYPES | TYPE_TOKENS)
    rest = draw(
        some(
            ComponentEndpoint,
            routing=maybe(st.sampled_from(RoutingStrategy)),
            volume_size=maybe(SIZES),
            **HOSTED,
        )
    ).given
    given = {"instance_type": type, **draw(_size()), **draw(SURROUNDED), **rest}
    names = draw(st.lists(st.sampled_from(["Fraud", "churn", "größe"]), max_size=3, unique=True))
    return Made(ComponentEndpoint, given=given, then=tuple(draw(components(name, type)) for name in names))


@st.composite
def _size(draw: st.DrawFn) -> dict[str, Any]:
    """Managed scaling and a count within its bounds; each may be left out."""
    low, high = draw(st.tuples(st.integers(0, 5), st.integers(5, 9)))
    given: dict[str, Any] = {}
    if draw(SWITCHES):
        given["managed_scaling"] = Made(ManagedInstanceScaling, given={"min_count": low, "max_count": high})
    if draw(SWITCHES):
        given["instance_count"] = draw(st.integers(max(1, low), high))
    return given


@st.composite
def components(draw: st.DrawFn, id: str, type: Any) -> Made:
    """A component; accelerators only where the instances may have some."""
    memory = draw(st.integers(128, 4096))
    scaling = draw(st.none() | scalings(OF_COPIES, least=0))
    copies = draw(st.none() | _copies(scaling))
    first = copies or (max(1, scaling.given["min_capacity"]) if scaling is not None else 1)
    given = draw(
        some(
            ComponentEndpoint.add_component,
            model=LONE_MODELS,
            memory=st.just(call(cdk.Size.mebibytes, memory)),
            max_memory=maybe(st.integers(memory, 8192).map(lambda size: call(cdk.Size.mebibytes, size))),
            cpu_cores=maybe(st.floats(0.25, 4) | st.integers(1, 4)),
            rollout=maybe(rolling_copies(first)),
            placement=maybe(st.sampled_from(Placement)),
            cache_artefacts=maybe(SWITCHES),
            component_name=maybe(OWN_NAMES),
            **STARTING,
        )
    ).given
    given = {**given, **({} if scaling is None else {"scaling": scaling})}
    if copies is not None:
        given = {**given, "copies": copies}
    if type in ACCELERATED and draw(SWITCHES):
        given = {**given, "accelerators": draw(st.integers(1, 2))}
    return Made(ComponentEndpoint.add_component, (id,), given)


ACCELERATED = ("ml.g5.2xlarge", "ml.inf2.xlarge", surroundings.INSTANCE_TYPE)


def _copies(scaling: Made | None) -> st.SearchStrategy[int]:
    if scaling is None:
        return st.integers(1, 5)
    low, high = max(1, scaling.given["min_capacity"]), scaling.given["max_capacity"]
    return st.integers(low, high if isinstance(high, int) else low + 5)

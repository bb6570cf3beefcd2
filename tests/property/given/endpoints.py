"""Endpoints of any kind, and stacks of them."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import assume
from hypothesis import strategies as st

from constructs_lib import Model

from ..made import Made, parts
from .basics import Strategy
from .components import component_endpoints
from .fleets import asynchronous_endpoints, multi_model_endpoints, pipelines, serverless_endpoints
from .monitored import monitored_endpoints
from .realtime import realtime_endpoints
from .shadow import shadow_tests

KINDS: tuple[Strategy, ...] = (
    realtime_endpoints(),
    serverless_endpoints(),
    asynchronous_endpoints(),
    multi_model_endpoints(),
    pipelines(),
    component_endpoints(),
    shadow_tests(),
    monitored_endpoints(),
)


def endpoints() -> Strategy:
    """One endpoint, of any kind."""
    return st.one_of(KINDS)


@st.composite
def stacks(draw: st.DrawFn, least: int, most: int) -> list[Made]:
    """Endpoints that can share a stack: of different kinds first, then of any."""
    kinds = draw(st.permutations(KINDS))[:least]
    more = draw(st.lists(endpoints(), max_size=most - least))
    described = [*(draw(kind) for kind in kinds), *more]
    taken = list(_names(described))
    assume(len(set(taken)) == len(taken))
    return described


def _names(described: list[Made]) -> Iterator[str]:
    """What there can be only one of in a stack."""
    for _, part in parts(described):
        yield from (part.given[name] for name in _OF_ONES_OWN if name in part.given)
        if part.factory is Model:
            yield part.args[1]


_OF_ONES_OWN = ("endpoint_name", "parameter_name", "component_name")

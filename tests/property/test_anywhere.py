"""Wrong values deep within what is otherwise right; and the strategies, which must reach everything."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import aws_cdk as cdk
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constructs_lib import ConstraintError

from .given.ab_tests import ab_tests
from .given.batches import batches
from .given.edge import edge_fleets
from .given.endpoints import KINDS
from .given.optimisations import compilations, optimisations
from .made import THEN, Made, Path, changed, make, parts

NEVER_RIGHT = (
    1j,
    Decimal(1),
    b"bytes",
    {"a"},
    range(3),
    float("nan"),
    10**400,
    object(),
    [[]],
    {1: None},
    len,
)
"""What no property of anything takes."""

KINDS_OF_ALL = (*KINDS, batches(), ab_tests(), edge_fleets(), optimisations(), compilations())

EXPLORING = settings.get_current_profile_name() == "explore"


@given(data=st.data(), endpoint=st.one_of(KINDS_OF_ALL))
@settings(max_examples=1_000 if EXPLORING else 160)
def test_one_wrong_value_anywhere_is_refused(data: st.DataObject, endpoint: Made) -> None:
    path = data.draw(st.sampled_from(list(properties(endpoint))), label="where")
    wrong = data.draw(st.sampled_from(NEVER_RIGHT), label="wrong value")
    broken = changed(endpoint, path, wrong)
    stack = cdk.Stack(cdk.App(), "Stack")
    with pytest.raises(ConstraintError) as caught:
        make(replace(broken, args=(stack, "Endpoint")), stack)
    assert str(caught.value).startswith(f"{caught.value.path}: ")
    assert str(path[-1]) in str(caught.value)
    # What is added later leaves the endpoint as it was.
    assert (stack.node.try_find_child("Endpoint") is None) == (path[0] != THEN)


def properties(endpoint: Made) -> Iterator[Path]:
    """Where each given property of ours is, at any depth."""
    for path, part in parts(endpoint):
        if is_ours(part):
            yield from ((*path, name) for name in part.given)


def is_ours(part: Made) -> bool:
    return part.factory.__module__.startswith("constructs_lib.")


def test_the_strategies_reach_every_property() -> None:
    """A property that is never drawn is never tested: a new one needs a strategy."""
    drawn: dict[Any, set[str]] = {}

    def note(made: Made) -> None:
        for _, part in parts(made):
            if is_ours(part):
                drawn.setdefault(part.factory, set()).update(part.given)

    # One by one: all together are more than an example of Hypothesis's may have.
    for kind in KINDS_OF_ALL:
        settings(max_examples=300, database=None, derandomize=True)(given(kind)(note))()
    missing = {
        f"{factory.__qualname__}({name})"
        for factory, names in drawn.items()
        for name in set(signature(factory)) - names - {"self", "scope", "id"}
    }
    assert missing == set()
    assert len(drawn) >= 30


NAMELESS = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def signature(factory: Any) -> Iterator[str]:
    """The parameters that can be given something by name."""
    called = factory.__init__ if isinstance(factory, type) else factory
    for name, parameter in inspect.signature(called).parameters.items():
        if parameter.annotation != "None" and parameter.kind not in NAMELESS:
            yield name

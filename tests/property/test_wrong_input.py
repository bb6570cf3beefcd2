"""Whatever is wrong is a ConstraintError that names its rule: no other error, and nothing half made."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from constructs_lib import ConstraintError
from constructs_lib.core.rules import CATALOGUE

from .made import Made, make
from .wrong import CONSTRUCTS, POOL, SUBJECTS, Property

Subject = tuple[str, Any, dict[str, Property]]


def each_property(subjects: list[Subject]) -> Iterator[Any]:
    for label, factory, properties in subjects:
        for name in properties:
            yield pytest.param(factory, properties, name, id=f"{label}.{name}")


@pytest.fixture(scope="module")
def stack() -> cdk.Stack:
    return cdk.Stack(cdk.App(), "Stack")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a model and an image, for what comes from disk."""
    for file in ("model/model.json", "image/Dockerfile"):
        (tmp_path / file).parent.mkdir()
        (tmp_path / file).write_text("{}")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("factory", "properties", "name"), each_property(SUBJECTS))
def test_wrong_values_are_refused(
    factory: Any, properties: dict[str, Property], name: str, stack: cdk.Stack
) -> None:
    right = {each: value for each, (value, _) in properties.items()}
    make(Made(factory, given=right), stack)  # the right values are right
    faults = [
        fault
        for value in wrong_for(properties[name], stack)
        for fault in misjudged(Made(factory, given={**right, name: value}), stack, value)
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(("factory", "properties", "name"), each_property(CONSTRUCTS))
def test_wrong_props_leave_nothing_behind(
    factory: Any, properties: dict[str, Property], name: str, stack: cdk.Stack
) -> None:
    right = {each: value for each, (value, _) in properties.items()}
    make(right, stack)  # makes what the props refer to, so that only the construct itself can be left over
    faults = []
    for index, value in enumerate(wrong_for(properties[name], stack)):
        id = f"{name}{index}"
        faults += misjudged(Made(factory, (stack, id), {**right, name: value}), stack, value)
        if stack.node.try_find_child(id) is not None:
            faults.append(f"{value!r:.60}: left {id} behind")
            stack.node.try_remove_child(id)
    assert not faults, "\n".join(faults)


def wrong_for(property: Property, stack: cdk.Stack) -> Iterator[Any]:
    for value in (make(each, stack) for each in POOL):
        if not property[1](value):
            yield value


def misjudged(attempt: Made, stack: cdk.Stack, value: Any) -> Iterator[str]:
    try:
        make(attempt, stack)
    except ConstraintError as error:
        if not error.violations or not set(error.rules) <= set(CATALOGUE):
            yield f"{value!r:.60}: refused by rules that are not listed: {error.rules}"
        elif not all(str(violation).startswith(f"[{violation.rule}]") for violation in error.violations):
            yield f"{value!r:.60}: does not say which rule"
    except Exception as error:
        yield f"{value!r:.60}: {type(error).__name__}: {error!s:.80}"
    else:
        yield f"{value!r:.60}: accepted"


def test_every_parameter_is_tried() -> None:
    """A new parameter needs a line in `wrong`, or is not tested."""
    forgotten = set()
    for _, factory, properties in [*SUBJECTS, *CONSTRUCTS]:
        tried = {name for _, other, more in [*SUBJECTS, *CONSTRUCTS] if other == factory for name in more}
        called = factory.__init__ if isinstance(factory, type) else factory
        parameters = set(inspect.signature(called).parameters) - {"self", "scope", "id", "given"}
        forgotten |= {f"{factory.__qualname__}({name})" for name in parameters - tried}
        assert properties
    # A batch by instances is the canary's rule again, by instances.
    assert forgotten == set()

"""Whatever is wrong is a ConstraintError that names its rule: no other error, and nothing half made."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import constructs
import pytest

import constructs_lib
from constructs_lib import ConstraintError
from constructs_lib.core.rules import CATALOGUE

from .made import Made, make
from .wrong import ADDITIONS, CONSTRUCTS, POOL, VALUES, Property, Subject


def each_property(subjects: list[Subject]) -> list[Any]:
    return [
        pytest.param(factory, properties, name, id=f"{label}.{name}")
        for label, factory, properties in subjects
        for name in properties
        if name != "self"
    ]


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


@pytest.mark.parametrize(("factory", "properties", "name"), each_property(VALUES))
def test_wrong_values_are_refused(
    factory: Any, properties: dict[str, Property], name: str, stack: cdk.Stack
) -> None:
    right = {each: value for each, (value, _) in properties.items()}
    make(Made(factory, given=right), stack)  # the right values are right
    outcomes = Outcomes()
    for value in wrong_for(properties[name], stack):
        outcomes.note(value, outcome(Made(factory, given={**right, name: value}), stack))
    assert not outcomes.faults, str(outcomes)


@pytest.mark.parametrize(("factory", "properties", "name"), each_property(CONSTRUCTS))
def test_wrong_props_leave_nothing_behind(
    factory: Any, properties: dict[str, Property], name: str, stack: cdk.Stack
) -> None:
    right = {each: value for each, (value, _) in properties.items()}
    make(right, stack)  # makes what the props refer to, so that only the construct itself can be left over
    outcomes = Outcomes()
    for index, value in enumerate(wrong_for(properties[name], stack)):
        id = f"{name}{index}"
        outcomes.note(value, outcome(Made(factory, (stack, id), {**right, name: value}), stack))
        if stack.node.try_remove_child(id):
            outcomes.note(value, "left a construct behind")
    assert not outcomes.faults, str(outcomes)


@pytest.mark.parametrize(("factory", "properties", "name"), each_property(ADDITIONS))
def test_wrong_additions_leave_nothing_behind(
    factory: Any, properties: dict[str, Property], name: str, stack: cdk.Stack
) -> None:
    right = {each: value for each, (value, _) in properties.items()}
    make(Made(factory, given=right), stack)
    endpoint = make(right["self"], stack)
    before = paths(endpoint)
    outcomes = Outcomes()
    for value in wrong_for(properties[name], stack):
        outcomes.note(value, outcome(Made(factory, given={**right, name: value}), stack))
    assert not outcomes.faults, str(outcomes)
    assert paths(endpoint) == before


def paths(construct: constructs.IConstruct) -> set[str]:
    return {each.node.path for each in construct.node.find_all()}


REFUSED = "refused, by rules that are listed and named"


class Outcomes:
    """What became of wrong values, other than being refused."""

    def __init__(self) -> None:
        self.faults: dict[str, list[str]] = {}

    def note(self, value: Any, outcome: str) -> None:
        if outcome != REFUSED:
            self.faults.setdefault(outcome, []).append(f"{value!r:.30}")

    def __str__(self) -> str:
        return "\n".join(
            f"{outcome}: {', '.join(values[:6])}{' …' if len(values) > 6 else ''}"
            for outcome, values in self.faults.items()
        )


def wrong_for(property: Property, stack: cdk.Stack) -> Iterator[Any]:
    _, accepts = property
    return (value for value in (make(each, stack) for each in POOL) if not accepts(value))


def outcome(attempt: Made, stack: cdk.Stack) -> str:
    try:
        make(attempt, stack)
    except ConstraintError as error:
        named = error.violations and all(str(each).startswith(f"[{each.rule}]") for each in error.violations)
        return REFUSED if named and set(error.rules) <= set(CATALOGUE) else f"rules not listed: {error.rules}"
    except Exception as error:
        return type(error).__name__
    return "accepted"


def test_every_parameter_is_tried() -> None:
    """A new parameter needs a line in `wrong`, or is not tested."""
    subjects = [*VALUES, *CONSTRUCTS, *ADDITIONS]
    forgotten = set()
    for _, factory, properties in subjects:
        tried = {name for _, other, more in subjects if other == factory for name in more}
        called = factory.__init__ if isinstance(factory, type) else factory
        named = inspect.signature(called).parameters.values()
        # Of parameters that the caller names, `wrong` has one.
        parameters = {each.name for each in named if each.kind is not each.VAR_KEYWORD}
        parameters -= {"self", "scope", "id"}
        forgotten |= {f"{factory.__qualname__}({name})" for name in parameters - tried}
        assert properties
    assert forgotten == set()


MADE_BY_OTHERS = {
    # What users read, catch or get, and do not make.
    "BatchTransformGrants",
    "ConstraintError",
    "DirectApiGrants",
    "EdgeFleetGrants",
    "EndpointBase",
    "EndpointGrants",
    "HostedModel",
    "InferenceApiGrants",
    "InferenceComponent",
    "ManifestError",
    "ModelBase",
    "ModelDataPrefix",
    "ModelOptimisationGrants",
    "NeoCompilationGrants",
    "RetiredServices",
    "StartsRollout",
    "Violation",
    # Its one property names rules; tests/rules tries it.
    "SageMakerRules",
    # Tried within what takes them.
    "MetricsPublishing",
    "ScalingStep",
    "SuspendedScaling",
}


NOT_YET = {
    # Their rules have tests of their own (tests/access, tests/delivery); generated values are next (docs/next.md).
    *(
        "ApiAuthorization",
        "ApiFront",
        "DirectApi",
        "InferenceApi",
        "RequestLimits",
        "RuntimeVpcEndpoint",
        "Throttle",
    ),
    *("DeployTarget", "Deployments", "GitHubDeployRoles", "SmokeExpectation", "SmokeRequest", "SmokeTest"),
}


def test_every_public_class_is_tried() -> None:
    """A new one needs a line in `wrong` too."""
    public = {name: getattr(constructs_lib, name) for name in constructs_lib.__all__ if name[0].isupper()}
    made = {name for name, each in public.items() if not issubclass(each, Enum)} - MADE_BY_OTHERS
    tried = {factory.__qualname__.split(".")[0] for _, factory, _ in [*VALUES, *CONSTRUCTS]}
    assert made - NOT_YET <= tried
    assert not NOT_YET & tried, "no exception any more"

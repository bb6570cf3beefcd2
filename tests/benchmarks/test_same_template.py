"""The benchmark measures like with like: library and raw L1s make the same resources, kind by kind."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from typing import Any

import aws_cdk as cdk
import pytest

from benchmarks.kinds import ALL_KINDS, KINDS, Sides
from benchmarks.worker import maker
from tests.support.synth import fresh_app, synthesized

_ONCE = re.compile(r"(?:ConstructsLibDeploy|ConstructsLibModel)?(Guard|Placement)[A-Z]")
"""What a stack has once: of the raw functions neither code nor policy is that of the library's."""
_HASHED = re.compile(r"(-component\d)-[0-9a-f]{8}")
"""Names that the library makes unique."""

Resources = dict[str, Any]


@pytest.fixture(scope="module", params=ALL_KINDS)
def both(request: pytest.FixtureRequest) -> tuple[Resources, Resources]:
    sides: Sides = ALL_KINDS[request.param]
    return resources_of(sides.ours), resources_of(sides.raw)


def resources_of(kind: str) -> Resources:
    stack = cdk.Stack(fresh_app(), "Stack", env=cdk.Environment(region="eu-west-1"))
    for index in range(2):
        maker(kind)(stack, index)
    return dict(synthesized(stack)["Resources"])


def test_both_make_as_many_of_each_resource(both: tuple[Resources, Resources]) -> None:
    ours, raw = (Counter(each["Type"] for each in found.values()) for found in both)
    assert ours == raw


def test_both_write_the_same_into_each_resource(both: tuple[Resources, Resources]) -> None:
    ours, raw = (sorted(bodies(found, labels(found)).values()) for found in both)
    assert ours == raw


def test_both_refer_to_the_same_resources(both: tuple[Resources, Resources]) -> None:
    ours, raw = (sorted(wired(found).values()) for found in both)
    assert ours == raw


def test_a_reference_to_another_resource_of_the_type_is_seen() -> None:
    right = resources_of(KINDS["ComponentEndpoint, 2 components"].raw)
    wrong = json.loads(json.dumps(right).replace('["Model0C0", "ModelName"]', '["Model0C1", "ModelName"]'))
    assert right != wrong
    assert sorted(wired(right).values()) != sorted(wired(wrong).values())


def labels(resources: Resources) -> dict[str, str]:
    """A name for each resource that does not depend on its logical id."""
    once = {id: found[1] for id in resources if (found := _ONCE.match(id))}
    return {id: f"<{once.get(id, '')} {each['Type']}>" for id, each in resources.items()}


def wired(resources: Resources) -> dict[str, str]:
    """The resources, each named by what it holds, which may be others named so."""
    named = types = labels(resources)
    for _ in range(5):  # the longest chain: policy, role, model, component, target, scaling policy
        held = bodies(resources, named)
        named = {
            id: f"{types[id]}{hashlib.sha256(held[id].encode()).hexdigest()[:12]}"
            if id in held
            else types[id]
            for id in resources
        }
    return bodies(resources, named)


def bodies(resources: Resources, named: dict[str, str]) -> dict[str, str]:
    """What is written into each resource, with the names of others for their logical ids."""
    return {
        id: _HASHED.sub(r"\1", json.dumps(_renamed(_told(each), named), sort_keys=True))
        for id, each in resources.items()
        if not _ONCE.match(id)
    }


def _told(resource: dict[str, Any]) -> dict[str, Any]:
    """Without acknowledgements, and with dependencies in any order; some resources take text for numbers."""
    told = {name: value for name, value in resource.items() if name != "Metadata"}
    told["DependsOn"] = sorted(told.get("DependsOn", []))
    timeout = told["Properties"].get("ServiceTimeout")
    if timeout is not None:
        told["Properties"] = {**told["Properties"], "ServiceTimeout": str(timeout)}
    return told


def _renamed(value: Any, named: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _renamed(each, named) for name, each in value.items()}
    if isinstance(value, list):
        renamed = [_renamed(each, named) for each in value]
        return sorted(renamed) if value and all(isinstance(e, str) and e in named for e in value) else renamed
    return named.get(value, value) if isinstance(value, str) else value

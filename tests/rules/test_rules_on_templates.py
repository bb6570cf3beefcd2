"""Every rule for templates: broken templates are caught, good ones are not, and what is unknown passes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from constructs_lib.rules.registry import TEMPLATE_RULES, entries

from .mutations import GOOD, MUTATIONS, Mutation
from .support import (
    Resources,
    a_config,
    a_model,
    a_target,
    an_endpoint,
    blue_green,
    changed,
    found,
    on_instances,
    realtime,
    resource,
    rolling,
    rules,
    serverless,
    text_of,
    without_servers,
)


@pytest.mark.parametrize("good", GOOD, ids=lambda make: make.__name__)
def test_a_good_template_breaks_nothing(good: Callable[..., Resources]) -> None:
    assert found(good()) == []


@pytest.mark.parametrize("mutation", MUTATIONS, ids=str)
def test_a_broken_template_is_caught_by_the_rule(mutation: Mutation) -> None:
    caught = found(mutation.broken)
    assert mutation.rule in {each.rule.id for each in caught}
    # What is told names the place in words that can be acted on.
    told = next(each for each in caught if each.rule.id == mutation.rule)
    assert told.broken.allowed
    assert told.rule == entries()[mutation.rule]
    assert told.rule.source.startswith("https://docs.aws.amazon.com/")


def test_every_rule_for_templates_is_broken_by_some_template() -> None:
    assert {rule.id for rule in TEMPLATE_RULES} == {each.rule for each in MUTATIONS}


# That a block is there at all breaks these, whatever is in it.
BLOCKS = ("SM-SERVERLESS-014", "SM-SERVERLESS-016")
VALUES = [
    each
    for each in MUTATIONS
    if "." in each.path and isinstance(each.value, str | int | float) and each.rule not in BLOCKS
]


@pytest.mark.parametrize("mutation", VALUES, ids=str)
def test_what_only_the_deployment_knows_passes(mutation: Mutation) -> None:
    """The property that breaks the rule, now from a parameter without a default."""
    given = changed(mutation.good(), mutation.path, {"Ref": "Parameter"})
    assert mutation.rule not in rules(given, Parameters={"Parameter": {"Type": "String"}})


def test_nine_mistakes_that_generic_linters_let_pass() -> None:
    canary = blue_green()
    del canary["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["CanarySize"]
    managed = {"MinInstanceCount": 5, "MaxInstanceCount": 2}
    template = {
        "Model": a_model(Containers=[{"Image": "x"}, {"Image": "y"}]),
        "Config": a_config(
            serverless("A", MemorySizeInMB=1500),
            on_instances("B"),
            on_instances("B", ManagedInstanceScaling=managed),
            ShadowProductionVariants=[on_instances("C"), on_instances("D")],
        ),
        "Endpoint": an_endpoint(DeploymentConfig={**canary, **rolling()}),
        "Fleet": resource("AWS::SageMaker::DeviceFleet", DeviceFleetName="cameras"),
    }
    nine = {
        "mixed serverless and instance variants": "SM-SERVERLESS-011",
        "1500 MB": "SM-SERVERLESS-001",
        "duplicate names": "SM-ENDPOINT-002",
        "two shadows": "SM-SHADOW-001",
        "minimum above maximum": "SM-COMPONENT-001",
        "PrimaryContainer and Containers": "SM-MODEL-001",
        "a canary without a size": "SM-ROLLOUT-001",
        "blue/green and rolling": "SM-TEMPLATE-001",
        "a dead service": "SM-EDGE-001",
    }
    assert set(nine.values()) <= rules(template)


def test_a_parameter_with_a_default_is_judged_by_it() -> None:
    given = changed(
        without_servers(), "Config.ProductionVariants.0.ServerlessConfig.MemorySizeInMB", {"Ref": "Memory"}
    )
    for default, broken in (("2048", False), (1500, True), ("1500", True)):
        parameters = {"Memory": {"Type": "Number", "Default": default}}
        assert ("SM-SERVERLESS-001" in rules(given, Parameters=parameters)) is broken


def test_an_acknowledged_rule_is_silent_where_a_reason_is_given() -> None:
    broken = changed(realtime(), "Config.ProductionVariants.0.VolumeSizeInGB", 600)
    for reason, silent in (("A quota of ours.", True), ("", False), (None, False)):
        ignored = {"constructs_lib": {"ignore": [{"id": "SM-VARIANT-004", "reason": reason}]}}
        acknowledged = {**broken, "Config": {**broken["Config"], "Metadata": ignored}}
        assert ("SM-VARIANT-004" not in rules(acknowledged)) is silent
    assert found(broken, ignoring=["SM-VARIANT-004"]) == []


def test_a_finding_points_at_the_line_of_its_property() -> None:
    broken = changed(realtime(), "Config.ProductionVariants.0.VolumeSizeInGB", 600)
    (told,) = found(broken)
    lines = text_of(broken).splitlines()
    assert '"VolumeSizeInGB": 600' in lines[told.line - 1]
    assert (told.resource, told.broken.property) == ("Config", "ProductionVariants[0].VolumeSizeInGB")


def test_of_what_is_missing_the_block_around_it_is_pointed_at() -> None:
    broken = changed(realtime(), "Model.PrimaryContainer", None)
    told = next(each for each in found(broken) if each.rule.id == "SM-MODEL-001")
    assert '"PrimaryContainer"' in text_of(broken).splitlines()[told.line - 1]


def test_endpoint_and_target_find_each_other_by_name_too() -> None:
    named = realtime(Target=a_target(ResourceId="endpoint/fraud/variant/A", MinCapacity=0))
    assert "SM-SCALING-010" in rules(named)
    other = realtime(Target=a_target(ResourceId="endpoint/other/variant/A", MinCapacity=0))
    assert "SM-SCALING-010" not in rules(other)


def test_a_target_of_another_service_is_left_alone() -> None:
    table = a_target(
        ServiceNamespace="dynamodb",
        ScalableDimension="dynamodb:table:ReadCapacityUnits",
        ResourceId="table/x",
        MinCapacity=9,
        MaxCapacity=1,
    )
    assert "SM-SCALING-001" not in rules({"Target": table})

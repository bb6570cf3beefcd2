"""Inference components: what a copy needs, how many there are, how they are replaced."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..core import instance_types
from ..core.catalogue import Broken
from ..core.limits import (
    COMPONENT_LEAST_CORES,
    COMPONENT_LEAST_MEBIBYTES,
    COMPONENT_MOST_ACCELERATORS,
    MAX_CAPACITY,
    MAX_ROLLBACK_ALARMS,
    NAME_ALLOWED,
    NAME_PATTERN,
    ROLLBACK_PERCENT,
    ROLLING_PERCENT,
    STARTUP_SECONDS,
    WAIT_SECONDS,
)
from .checks import at_most, in_order, least, matching, whole
from .endpoints import size_fits
from .links import COMPONENT, ENDPOINT, MODEL, config_of, containers, is_multi_model, variants
from .registry import template_rule
from .template import Node, Resource


def _specification(component: Resource) -> Node:
    return component["Specification"]


def _needs(component: Resource) -> Node:
    return _specification(component)["ComputeResourceRequirements"]


def _model(component: Resource) -> Resource | None:
    return component.template.named_by(_specification(component)["ModelName"], MODEL)


@template_rule("SM-COMPONENT-004", COMPONENT)
def _serves_a_model(component: Resource) -> Iterator[Broken]:
    given = _specification(component)
    ways = ("ModelName", "Container", "BaseInferenceComponentName")
    if given.known and all(given[way].absent for way in ways):
        yield Broken(given["ModelName"].path, None, f"one of {', '.join(ways)}")
    model = _model(component)
    if model is None:
        return
    where = given["ModelName"].path
    if model["VpcConfig"].known:
        yield Broken(
            where, "a model in a VPC", "a model without one", "VpcConfig of the endpoint configuration"
        )
    if model["EnableNetworkIsolation"].true:
        yield Broken(where, "an isolated model", "a model without isolation", "that of the configuration")


@template_rule("SM-COMPONENT-005", COMPONENT)
def _memory_fits(component: Resource) -> Iterator[Broken]:
    low, high = _needs(component)["MinMemoryRequiredInMb"], _needs(component)["MaxMemoryRequiredInMb"]
    yield from least(low, COMPONENT_LEAST_MEBIBYTES)
    yield from least(high, COMPONENT_LEAST_MEBIBYTES)
    yield from in_order(low, high)


@template_rule("SM-COMPONENT-006", COMPONENT)
def _compute_fits(component: Resource) -> Iterator[Broken]:
    yield from least(_needs(component)["NumberOfCpuCoresRequired"], COMPONENT_LEAST_CORES)
    accelerators = _needs(component)["NumberOfAcceleratorDevicesRequired"]
    yield from whole(accelerators, (1, COMPONENT_MOST_ACCELERATORS))
    for type in _types(component) if accelerators.known else ():
        # Of types newer than this release nothing is known.
        if type in instance_types.hosting_types() and not instance_types.has_accelerators(type):
            yield Broken(accelerators.path, accelerators.value, f"none: {type} has no GPU and no Neuron chip")


def _types(component: Resource) -> Iterator[str]:
    """What the variant that it is placed on runs on, where that is in the template."""
    endpoint = component.template.named_by(component["EndpointName"], ENDPOINT)
    config = None if endpoint is None else config_of(endpoint)
    for variant in () if config is None else variants(config):
        if variant["VariantName"].text == component["VariantName"].text and variant.type is not None:
            yield variant.type


@template_rule("SM-COMPONENT-007", COMPONENT)
def _starts_with_a_copy(component: Resource) -> Iterator[Broken]:
    yield from whole(component["RuntimeConfig"]["CopyCount"], (1, MAX_CAPACITY))


@template_rule("SM-COMPONENT-008", COMPONENT)
def _timeouts_fit(component: Resource) -> Iterator[Broken]:
    started = _specification(component)["StartupParameters"]
    yield from whole(started["ModelDataDownloadTimeoutInSeconds"], STARTUP_SECONDS)
    yield from whole(started["ContainerStartupHealthCheckTimeoutInSeconds"], STARTUP_SECONDS)


@template_rule("SM-COMPONENT-009", COMPONENT)
def _name_is_one(component: Resource) -> Iterator[Broken]:
    yield from matching(component["InferenceComponentName"], NAME_PATTERN, NAME_ALLOWED)


@template_rule("SM-COMPONENT-012", COMPONENT)
def _one_container_with_one_model(component: Resource) -> Iterator[Broken]:
    model = _model(component)
    made = () if model is None else containers(model)
    where = _specification(component)["ModelName"].path
    if len(made) > 1:
        yield Broken(where, f"a model of {len(made)} containers", "one container", "one component for each")
    elif any(map(is_multi_model, made)):
        yield Broken(where, "a multi-model container", "one model", "one component for each")


@template_rule("SM-COMPONENT-013", COMPONENT)
def _name_is_its_own(component: Resource) -> Iterator[Broken]:
    name = component["InferenceComponentName"]
    others = [each for each in component.template.of_type(COMPONENT) if each is not component]
    taken = {(each["InferenceComponentName"].text or "").lower() for each in others}
    if name.text and name.text.lower() in taken:
        yield Broken(name.path, name.text, "a name that differs from the others' in more than its case")


def _rolling(component: Resource) -> Node:
    return component.properties.at("DeploymentConfig", "RollingUpdatePolicy")


@template_rule("SM-ROLLOUT-001", COMPONENT)
def _batch_has_a_size(component: Resource) -> Iterator[Broken]:
    yield from size_fits(_rolling(component)["MaximumBatchSize"], ROLLING_PERCENT)


@template_rule("SM-ROLLOUT-002", COMPONENT)
def _wait_is_short(component: Resource) -> Iterator[Broken]:
    yield from whole(_rolling(component)["WaitIntervalInSeconds"], WAIT_SECONDS)


@template_rule("SM-ROLLOUT-004", COMPONENT)
def _way_back_is_a_percentage(component: Resource) -> Iterator[Broken]:
    back = _rolling(component)["RollbackMaximumBatchSize"]
    if back["Type"].text == "CAPACITY_PERCENT":
        yield from whole(back["Value"], ROLLBACK_PERCENT)


@template_rule("SM-ROLLOUT-012", COMPONENT)
def _few_alarms(component: Resource) -> Iterator[Broken]:
    alarms = component.properties.at("DeploymentConfig", "AutoRollbackConfiguration", "Alarms")
    yield from at_most(alarms, MAX_ROLLBACK_ALARMS, "alarms", fix="a composite alarm counts as one")


@template_rule("SM-COMPONENT-014", COMPONENT)
def _batch_fits_the_copies(component: Resource) -> Iterator[Broken]:
    size = _rolling(component)["MaximumBatchSize"]
    given, copies = size["Value"].number, component["RuntimeConfig"]["CopyCount"].number
    if size["Type"].text != "COPY_COUNT" or given is None or copies is None or copies < 1:
        return
    low, high = ROLLING_PERCENT
    fewest, most = math.ceil(copies * low / 100), max(1, copies * high // 100)
    if not fewest <= given <= most:
        where = size["Value"]
        yield Broken(where.path, where.value, f"{fewest}–{most:g} of the {copies:g} copies at first")

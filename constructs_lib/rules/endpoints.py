"""Endpoints: how a new configuration takes over, and what takes it back."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..core import instance_types
from ..core.catalogue import API_REFERENCE, Broken, listed
from ..core.limits import (
    CANARY_PERCENT,
    EXECUTION_SECONDS,
    LINEAR_PERCENT,
    MAX_CAPACITY,
    MAX_ROLLBACK_ALARMS,
    NAME_ALLOWED,
    NAME_PATTERN,
    ROLLBACK_PERCENT,
    ROLLING_PERCENT,
    WAIT_SECONDS,
)
from .checks import at_most, matching, whole
from .links import ENDPOINT, config_of, production
from .registry import template_rule
from .template import Node, Resource

listed(
    id="SM-TEMPLATE-001",
    summary="A deployment configuration has one policy: blue/green or rolling.",
    source=API_REFERENCE + "API_DeploymentConfig.html",
)

_SIZES = {"CANARY": ("CanarySize", CANARY_PERCENT), "LINEAR": ("LinearStepSize", LINEAR_PERCENT)}
"""The size that each type of traffic routing has, and its percentages."""


def _blue_green(endpoint: Resource) -> Node:
    return endpoint.properties.at("DeploymentConfig", "BlueGreenUpdatePolicy")


def _routing(endpoint: Resource) -> Node:
    return _blue_green(endpoint)["TrafficRoutingConfiguration"]


def _rolling(endpoint: Resource) -> Node:
    return endpoint.properties.at("DeploymentConfig", "RollingUpdatePolicy")


@template_rule("SM-ENDPOINT-003", ENDPOINT)
def _endpoint_name_is_one(endpoint: Resource) -> Iterator[Broken]:
    yield from matching(endpoint["EndpointName"], NAME_PATTERN, NAME_ALLOWED)


@template_rule("SM-TEMPLATE-001", ENDPOINT)
def _one_policy(endpoint: Resource) -> Iterator[Broken]:
    if _blue_green(endpoint).known and _rolling(endpoint).known:
        yield Broken(_rolling(endpoint).path, "a rolling update", "nothing beside BlueGreenUpdatePolicy")


@template_rule("SM-ROLLOUT-001", ENDPOINT)
def _one_size(endpoint: Resource) -> Iterator[Broken]:
    routing = _routing(endpoint)
    type = routing["Type"].text or ""
    wanted, percent = _SIZES.get(type, ("", (0, 0)))
    for name, _ in _SIZES.values():
        size = routing[name]
        if type and name != wanted and size.known:
            yield Broken(size.path, "a size", f"nothing: {type} has no {name}")
        elif name == wanted and size.absent:
            yield Broken(size.path, None, "a percentage or a number of instances")
    if wanted:
        yield from size_fits(routing[wanted], percent)
    if _rolling(endpoint).known:
        yield from size_fits(_rolling(endpoint)["MaximumBatchSize"], ROLLING_PERCENT)


def size_fits(size: Node, percent: tuple[int, int]) -> Iterator[Broken]:
    """A size within what its type allows: a percentage, or a number of instances or copies."""
    type = size["Type"].text
    if type == "CAPACITY_PERCENT":
        yield from whole(size["Value"], percent)
    elif type in ("INSTANCE_COUNT", "COPY_COUNT"):
        yield from whole(size["Value"], (1, MAX_CAPACITY))


@template_rule("SM-ROLLOUT-002", ENDPOINT)
def _waits_are_short(endpoint: Resource) -> Iterator[Broken]:
    waits = [_routing(endpoint)["WaitIntervalInSeconds"], _rolling(endpoint)["WaitIntervalInSeconds"]]
    for each in (*waits, _blue_green(endpoint)["TerminationWaitInSeconds"]):
        yield from whole(each, WAIT_SECONDS)
    stepped = [_routing(endpoint)["Type"].text in _SIZES, _rolling(endpoint).known]
    for wait, needed in zip(waits, stepped, strict=True):
        # Optional in CloudFormation, required by the API.
        if needed and wait.absent:
            yield Broken(wait.path, None, f"{WAIT_SECONDS[0]}–{WAIT_SECONDS[1]} seconds")


@template_rule("SM-ROLLOUT-003", ENDPOINT)
def _execution_outlasts_the_waits(endpoint: Resource) -> Iterator[Broken]:
    for policy in (_blue_green(endpoint), _rolling(endpoint)):
        limit = policy["MaximumExecutionTimeoutInSeconds"]
        broken = list(whole(limit, EXECUTION_SECONDS))
        yield from broken
        waits = _waits(endpoint, policy)
        if not broken and limit.number is not None and waits is not None and limit.number <= waits:
            yield Broken(limit.path, limit.value, f"more than the waits, {waits:g} seconds in all")


def _waits(endpoint: Resource, policy: Node) -> float | None:
    """Seconds of waiting of a whole rollout, where its sizes and waits are known."""
    rolling = _rolling(endpoint).path == policy.path
    routing = policy if rolling else _routing(endpoint)
    type = "ROLLING" if rolling else routing["Type"].text
    wait = routing["WaitIntervalInSeconds"]
    last = policy["TerminationWaitInSeconds"]
    if any(each.given and each.number is None for each in (wait, last)):
        return None
    steps = 1
    if type in ("LINEAR", "ROLLING"):
        size = routing["MaximumBatchSize" if rolling else "LinearStepSize"]
        percent = size["Value"].number
        if size["Type"].text != "CAPACITY_PERCENT" or percent is None or percent <= 0:
            return None
        steps = math.ceil(100 / percent)
    return steps * (wait.number or 0) + (last.number or 0)


@template_rule("SM-ROLLOUT-004", ENDPOINT)
def _way_back_is_a_percentage(endpoint: Resource) -> Iterator[Broken]:
    back = _rolling(endpoint)["RollbackMaximumBatchSize"]
    if back["Type"].text == "CAPACITY_PERCENT":
        yield from whole(back["Value"], ROLLBACK_PERCENT)


@template_rule("SM-ROLLOUT-010", ENDPOINT)
def _rolling_has_one_variant(endpoint: Resource) -> Iterator[Broken]:
    config = config_of(endpoint)
    count = 0 if config is None else len(production(config))
    if _rolling(endpoint).known and count > 1:
        yield Broken(_rolling(endpoint).path, f"rolling, with {count} variants", "rolling with 1 variant")


@template_rule("SM-ROLLOUT-011", ENDPOINT)
def _counted_size_fits_the_fleet(endpoint: Resource) -> Iterator[Broken]:
    config = config_of(endpoint)
    if config is None:
        return
    routing = _routing(endpoint)
    for size in (*(routing[name] for name, _ in _SIZES.values()), _rolling(endpoint)["MaximumBatchSize"]):
        given = size["Value"].number
        if size["Type"].text != "INSTANCE_COUNT" or given is None:
            continue
        for variant in production(config):
            count = variant["InitialInstanceCount"].number
            if count is not None and given > count // 2:
                name = variant["VariantName"].text or "a variant"
                yield Broken(
                    f"{size.path}.Value", size["Value"].value, f"at most half of the {count:g} of {name}"
                )


@template_rule("SM-ROLLOUT-012", ENDPOINT)
def _few_alarms(endpoint: Resource) -> Iterator[Broken]:
    alarms = endpoint.properties.at("DeploymentConfig", "AutoRollbackConfiguration", "Alarms")
    yield from at_most(alarms, MAX_ROLLBACK_ALARMS, "alarms", fix="a composite alarm counts as one")
    if alarms.value == []:
        yield Broken(alarms.path, "no alarms", "1 or more, or no AutoRollbackConfiguration")


@template_rule("SM-ROLLOUT-101", ENDPOINT)
def _falls_back_silently(endpoint: Resource) -> Iterator[Broken]:
    config = config_of(endpoint)
    guarded = _routing(endpoint)["Type"].text in _SIZES or _rolling(endpoint).known
    for variant in production(config) if config is not None and guarded else ():
        if variant.type is not None and instance_types.is_inf1(variant.type):
            yield Broken("DeploymentConfig", variant.type, "all at once, which is what Inf1 does")

"""Auto scaling of variants and components: its bounds, targets, steps and schedules."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from ..core.catalogue import Broken
from ..core.limits import MAX_STEPS, UTILIZATION_TARGET
from .checks import in_order, least
from .links import POLICY, TARGET, counts_instances, is_sagemaker, target_behind, variant_of
from .registry import template_rule
from .template import Node, Resource

_OF_INSTANCES = (
    "SageMakerVariantInvocationsPerInstance",
    "SageMakerVariantConcurrentRequestsPerModelHighResolution",
)
_PREDEFINED = {
    "sagemaker:variant:DesiredInstanceCount": _OF_INSTANCES,
    "sagemaker:variant:DesiredProvisionedConcurrency": ("SageMakerVariantProvisionedConcurrencyUtilization",),
    "sagemaker:inference-component:DesiredCopyCount": (
        "SageMakerInferenceComponentInvocationsPerCopy",
        "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution",
    ),
}
"""What each dimension can track by a name of its own. Source: API_PredefinedMetricSpecification."""


@template_rule("SM-SCALING-001", TARGET)
def _capacity_bounds(target: Resource) -> Iterator[Broken]:
    if is_sagemaker(target):
        yield from least(target["MinCapacity"], 0)
        yield from least(target["MaxCapacity"], 1)
        yield from in_order(target["MinCapacity"], target["MaxCapacity"])


@template_rule("SM-SCALING-006", TARGET)
def _names_are_distinct(target: Resource) -> Iterator[Broken]:
    names = [each["ScheduledActionName"].text for each in target["ScheduledActions"].items]
    for each in target["ScheduledActions"].items if is_sagemaker(target) else ():
        name = each["ScheduledActionName"]
        if name.text is not None and names.count(name.text) > 1:
            yield Broken(name.path, name.text, "a name of its own for each")


@template_rule("SM-SCALING-009", TARGET)
def _schedule_moves_bounds(target: Resource) -> Iterator[Broken]:
    for each in target["ScheduledActions"].items if is_sagemaker(target) else ():
        action = each["ScalableTargetAction"]
        low, high = action["MinCapacity"], action["MaxCapacity"]
        if low.absent and high.absent:
            yield Broken(low.path, None, "a minimum, a maximum or both")
        yield from least(low, 0)
        yield from least(high, 0)
        yield from in_order(low, high)


@template_rule("SM-SCALING-010", TARGET)
def _never_sleeps(target: Resource) -> Iterator[Broken]:
    variant = variant_of(target)
    if variant is None or not counts_instances(target) or variant.serverless:
        return
    # Queues wait for an instance, and components bring theirs; a real-time variant would answer nobody.
    if variant.config["AsyncInferenceConfig"].absent and not variant.on_components:
        yield from least(target["MinCapacity"], 1)
        for each in target["ScheduledActions"].items:
            yield from least(each["ScalableTargetAction"]["MinCapacity"], 1)


def _tracking(policy: Resource) -> Node:
    return policy["TargetTrackingScalingPolicyConfiguration"]


def _dimension(policy: Resource) -> str | None:
    """The dimension that a policy moves: its own, or that of the target it names."""
    target = target_behind(policy)
    return policy["ScalableDimension"].text or (None if target is None else target["ScalableDimension"].text)


@template_rule("SM-SCALING-012", POLICY)
def _metric_is_reported(policy: Resource) -> Iterator[Broken]:
    metric = _tracking(policy).at("PredefinedMetricSpecification", "PredefinedMetricType")
    allowed = _PREDEFINED.get(_dimension(policy) or "")
    if allowed is not None and metric.text is not None and metric.text not in allowed:
        yield Broken(metric.path, metric.text, " or ".join(allowed))
    target = target_behind(policy)
    variant = None if target is None else variant_of(target)
    asynchronous = variant is not None and variant.config["AsyncInferenceConfig"].known
    if asynchronous and metric.text in _OF_INSTANCES:
        yield Broken(
            metric.path, metric.text, "ApproximateBacklogSizePerInstance: a queue reports no invocations"
        )


@template_rule("SM-SCALING-003", POLICY)
def _targets_are_positive(policy: Resource) -> Iterator[Broken]:
    if not (_dimension(policy) or "").startswith("sagemaker:"):
        return
    value = _tracking(policy)["TargetValue"]
    metric = _tracking(policy).at("PredefinedMetricSpecification", "PredefinedMetricType")
    yield from least(value, 0, above=True)
    low, high = UTILIZATION_TARGET
    utilization = metric.text == "SageMakerVariantProvisionedConcurrencyUtilization"
    if utilization and value.number is not None and value.number > 0 and not low <= value.number <= high:
        yield Broken(value.path, value.value, f"a share of {low}–{high}")


@template_rule("SM-SCALING-008", POLICY)
def _steps_cover_without_overlap(policy: Resource) -> Iterator[Broken]:
    if not (_dimension(policy) or "").startswith("sagemaker:"):
        return
    given = policy["StepScalingPolicyConfiguration"]["StepAdjustments"]
    if given.known and not 1 <= len(given.items) <= MAX_STEPS:
        yield Broken(given.path, f"{len(given.items)} steps", f"1–{MAX_STEPS} steps")
    bounds = [(each["MetricIntervalLowerBound"], each["MetricIntervalUpperBound"]) for each in given.items]
    if any(node.given and node.number is None for pair in bounds for node in pair):
        return
    shown = [(low.number, high.number) for low, high in bounds]
    ordered = sorted(shown, key=lambda pair: float("-inf") if pair[0] is None else pair[0])
    if any(before[1] is None or before[1] != after[0] for before, after in pairwise(ordered)):
        yield Broken(given.path, shown, "steps that begin where the one before ends")


@template_rule("SM-SCALING-011", POLICY)
def _step_has_a_width(policy: Resource) -> Iterator[Broken]:
    for each in policy["StepScalingPolicyConfiguration"]["StepAdjustments"].items:
        low, high = each["MetricIntervalLowerBound"], each["MetricIntervalUpperBound"]
        ours = (_dimension(policy) or "").startswith("sagemaker:")
        if ours and low.number is not None and high.number is not None and low.number >= high.number:
            yield Broken(low.path, low.value, f"less than MetricIntervalUpperBound ({high.number:g})")

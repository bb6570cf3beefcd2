"""Rollouts: how a new endpoint configuration takes over from the old one, and when it must not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sagemaker as sagemaker

from ..core.checks import duration, items_of, kind, latency, number, whole_number
from ..core.limits import (
    CANARY_PERCENT,
    EXECUTION_SECONDS,
    LINEAR_PERCENT,
    MAX_CAPACITY,
    ROLLBACK_PERCENT,
    ROLLING_PERCENT,
    WAIT_SECONDS,
)
from ..core.rules import DEVELOPER_GUIDE, Broken, Rules
from .canary_analysis import CanaryAnalysis, bake_is_long_enough

DEFAULT_ERROR_RATE_PERCENT = 5.0
DEFAULT_LATENCY_SECONDS = 30
DEFAULT_TERMINATION_WAIT_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """What makes a running deployment go back to the old fleet.

    :raises ConstraintError: SM-ROLLOUT-006.
    """

    error_rate_percent: float | None = DEFAULT_ERROR_RATE_PERCENT
    """Share of invocations answered 5xx within a minute that trips. ``None``: no such alarm."""
    latency: cdk.Duration | None = None
    """p99 of the model's latency within a minute that trips. Default: 30 seconds."""
    latency_alarm: bool = True
    """``False``: no latency alarm, for example where answers take as long as they take."""
    alarms: Sequence[cloudwatch.IAlarm] = ()
    """Your own alarms, on top. At most 10 in all. Drift alarms do not belong here: they act only while
    a deployment runs."""

    def __post_init__(self) -> None:
        """Check."""
        rollback_rules.enforce(self, path="Rollback")


class _Kind(Enum):
    ALL_AT_ONCE = "ALL_AT_ONCE"
    CANARY = "CANARY"
    LINEAR = "LINEAR"
    ROLLING = "ROLLING"
    UNGUARDED = "UNGUARDED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """How traffic moves to a new version; make one with `all_at_once`, `canary`, `linear`, `rolling` or `unguarded`.

    Blue/green (the first three) runs a whole second fleet while it moves, and bills it; rolling replaces
    batches in place. The alarms of `rollback` are watched all the while. On the first deployment of an
    endpoint nothing is replaced, and the rollout has no effect.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
    """

    kind: _Kind
    percent: int | None = None
    instances: int | None = None
    wait: cdk.Duration | None = None
    termination_wait: cdk.Duration | None = None
    maximum_execution: cdk.Duration | None = None
    rollback_percent: int | None = None
    analysis: CanaryAnalysis | None = None
    rollback: Rollback

    def __post_init__(self) -> None:
        """Check."""
        rollout_rules.enforce(self, path=f"Rollout.{self.kind.name.lower()}")

    @staticmethod
    def all_at_once(
        *,
        termination_wait: cdk.Duration | None = None,
        maximum_execution: cdk.Duration | None = None,
        rollback: Rollback | None = None,
    ) -> Rollout:
        """Move all traffic at once when the new fleet is healthy; keep the old one for a while.

        :param termination_wait: 0–60 minutes with the old fleet still there to go back to; default 5 minutes.
        :param maximum_execution: 10 minutes – 8 hours for the whole; default AWS's.
        :param rollback: default: `Rollback`'s own 5xx and latency alarms.
        """
        return Rollout(
            kind=_Kind.ALL_AT_ONCE,
            termination_wait=termination_wait,
            maximum_execution=maximum_execution,
            rollback=Rollback() if rollback is None else rollback,
        )

    @staticmethod
    def canary(
        *,
        size_percent: int | None = None,
        size_instances: int | None = None,
        wait: cdk.Duration,
        analysis: CanaryAnalysis | None = None,
        termination_wait: cdk.Duration | None = None,
        maximum_execution: cdk.Duration | None = None,
        rollback: Rollback | None = None,
    ) -> Rollout:
        """Move a small share first, watch it for `wait`, then the rest.

        :param size_percent: 1–50 % of the capacity. Either this or `size_instances`.
        :param size_instances: at most half of the instances; needs at least 2 of them.
        :param wait: 0–60 minutes.
        :param analysis: checks of metrics while the canary bakes. Default: only alarms.
        """
        return Rollout(
            kind=_Kind.CANARY,
            percent=size_percent,
            instances=size_instances,
            wait=wait,
            analysis=analysis,
            termination_wait=termination_wait,
            maximum_execution=maximum_execution,
            rollback=Rollback() if rollback is None else rollback,
        )

    @staticmethod
    def linear(
        *,
        step_percent: int | None = None,
        step_instances: int | None = None,
        wait: cdk.Duration,
        analysis: CanaryAnalysis | None = None,
        termination_wait: cdk.Duration | None = None,
        maximum_execution: cdk.Duration | None = None,
        rollback: Rollback | None = None,
    ) -> Rollout:
        """Move the traffic in equal steps, watching each for `wait`.

        :param step_percent: 10–50 % of the capacity. Either this or `step_instances`.
        :param step_instances: 10–50 % of the instances; needs at least 2 of them.
        :param wait: 0–60 minutes after each step.
        :param analysis: checks of metrics while each step bakes. Default: only alarms.
        """
        return Rollout(
            kind=_Kind.LINEAR,
            percent=step_percent,
            instances=step_instances,
            wait=wait,
            analysis=analysis,
            termination_wait=termination_wait,
            maximum_execution=maximum_execution,
            rollback=Rollback() if rollback is None else rollback,
        )

    @staticmethod
    def rolling(
        *,
        batch_percent: int | None = None,
        batch_instances: int | None = None,
        wait: cdk.Duration,
        rollback_percent: int | None = None,
        maximum_execution: cdk.Duration | None = None,
        rollback: Rollback | None = None,
    ) -> Rollout:
        """Replace batches of instances one after the other: no second fleet, for scarce instance types.

        Not for endpoints with several variants, so never for an A/B test.

        :param batch_percent: 5–50 % of the capacity. Either this or `batch_instances`.
        :param wait: 0–60 minutes after each batch.
        :param rollback_percent: 1–100 % of the capacity per batch on the way back; default 100.
        """
        return Rollout(
            kind=_Kind.ROLLING,
            percent=batch_percent,
            instances=batch_instances,
            wait=wait,
            rollback_percent=rollback_percent,
            maximum_execution=maximum_execution,
            rollback=Rollback() if rollback is None else rollback,
        )

    @staticmethod
    def unguarded() -> Rollout:
        """No deployment configuration: SageMaker moves all traffic at once and watches nothing.

        For the one deployment that adds, drops or renames variants: with a deployment configuration
        SageMaker wants the same variant names before and after. Go back to a guarded rollout after it.
        Source: https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html
        """
        return Rollout(kind=_Kind.UNGUARDED, rollback=Rollback(error_rate_percent=None, latency_alarm=False))

    @property
    def in_place(self) -> bool:
        """Whether batches are replaced in place, without a second fleet."""
        return self.kind is _Kind.ROLLING

    @property
    def is_guarded(self) -> bool:
        """Whether a deployment configuration watches over it."""
        return self.kind is not _Kind.UNGUARDED

    @property
    def is_all_at_once(self) -> bool:
        """Whether all traffic moves in one step."""
        return self.kind in (_Kind.ALL_AT_ONCE, _Kind.UNGUARDED)

    @property
    def analysis_alarms(self) -> int:
        """How many alarms the analysis has."""
        return 0 if self.analysis is None else 1 + int(self.analysis.watches_itself)

    def bind(self, alarm_names: Sequence[str]) -> sagemaker.CfnEndpoint.DeploymentConfigProperty | None:
        """The endpoint's deployment configuration, watching `alarm_names`; none for an unguarded one."""
        if not self.is_guarded:
            return None
        alarms = [sagemaker.CfnEndpoint.AlarmProperty(alarm_name=name) for name in alarm_names]
        return sagemaker.CfnEndpoint.DeploymentConfigProperty(
            blue_green_update_policy=None if self.in_place else self._blue_green(),
            rolling_update_policy=self._rolling() if self.in_place else None,
            auto_rollback_configuration=sagemaker.CfnEndpoint.AutoRollbackConfigProperty(alarms=alarms)
            if alarms
            else None,
        )

    def bind_component(
        self, alarm_names: Sequence[str]
    ) -> sagemaker.CfnInferenceComponent.InferenceComponentDeploymentConfigProperty | None:
        """The same of an inference component, whose copies are replaced in batches."""
        if not self.is_guarded:
            return None
        component = sagemaker.CfnInferenceComponent
        type, value = self._sized("COPY_COUNT")
        back = self.rollback_percent
        alarms = [component.AlarmProperty(alarm_name=name) for name in alarm_names]
        return component.InferenceComponentDeploymentConfigProperty(
            rolling_update_policy=component.InferenceComponentRollingUpdatePolicyProperty(
                maximum_batch_size=component.InferenceComponentCapacitySizeProperty(type=type, value=value),
                wait_interval_in_seconds=_seconds(self.wait),
                maximum_execution_timeout_in_seconds=_seconds(self.maximum_execution) or None,
                rollback_maximum_batch_size=component.InferenceComponentCapacitySizeProperty(
                    type="CAPACITY_PERCENT", value=back
                )
                if back is not None
                else None,
            ),
            auto_rollback_configuration=component.AutoRollbackConfigurationProperty(alarms=alarms)
            if alarms
            else None,
        )

    def _blue_green(self) -> sagemaker.CfnEndpoint.BlueGreenUpdatePolicyProperty:
        return sagemaker.CfnEndpoint.BlueGreenUpdatePolicyProperty(
            traffic_routing_configuration=sagemaker.CfnEndpoint.TrafficRoutingConfigProperty(
                type=self.kind.value,
                # Optional in CloudFormation, required by the API.
                wait_interval_in_seconds=_seconds(self.wait),
                canary_size=self._size() if self.kind is _Kind.CANARY else None,
                linear_step_size=self._size() if self.kind is _Kind.LINEAR else None,
            ),
            termination_wait_in_seconds=_seconds(self.termination_wait, DEFAULT_TERMINATION_WAIT_SECONDS),
            maximum_execution_timeout_in_seconds=_seconds(self.maximum_execution) or None,
        )

    def _rolling(self) -> sagemaker.CfnEndpoint.RollingUpdatePolicyProperty:
        back = self.rollback_percent
        return sagemaker.CfnEndpoint.RollingUpdatePolicyProperty(
            maximum_batch_size=self._size(),
            wait_interval_in_seconds=_seconds(self.wait),
            maximum_execution_timeout_in_seconds=_seconds(self.maximum_execution) or None,
            rollback_maximum_batch_size=_capacity("CAPACITY_PERCENT", back) if back is not None else None,
        )

    def _size(self) -> sagemaker.CfnEndpoint.CapacitySizeProperty:
        return _capacity(*self._sized("INSTANCE_COUNT"))

    def _sized(self, counted: str) -> tuple[str, int]:
        """Type and value of a canary, step or batch, which is a percentage or `counted`."""
        if self.percent is not None:
            return "CAPACITY_PERCENT", self.percent
        return counted, self.instances or 1  # the rules have seen to it that it is given


def _capacity(type: str, value: int) -> sagemaker.CfnEndpoint.CapacitySizeProperty:
    return sagemaker.CfnEndpoint.CapacitySizeProperty(type=type, value=value)


def _seconds(value: cdk.Duration | None, default: int = 0) -> int:
    return default if value is None else int(value.to_seconds())


_SPELLED = {
    _Kind.CANARY: {"percent": "size_percent", "instances": "size_instances"},
    _Kind.LINEAR: {"percent": "step_percent", "instances": "step_instances"},
    _Kind.ROLLING: {"percent": "batch_percent", "instances": "batch_instances"},
}

rollout_rules = Rules[Rollout](spelled=lambda rollout: _SPELLED.get(rollout.kind, {}))
rollback_rules = Rules[Rollback]()

_GUARDRAILS = DEVELOPER_GUIDE + "deployment-guardrails-blue-green.html"
_ROLLING = DEVELOPER_GUIDE + "deployment-guardrails-rolling.html"

_PERCENT_RANGES = {
    _Kind.CANARY: CANARY_PERCENT,
    _Kind.LINEAR: LINEAR_PERCENT,
    _Kind.ROLLING: ROLLING_PERCENT,
}


@rollout_rules.rule("SM-ROLLOUT-001", source=_GUARDRAILS)
def one_size(rollout: Rollout) -> Iterator[Broken]:
    """A canary, step or batch has one size: a percentage or a number of instances."""
    if rollout.is_all_at_once:
        return
    percent, instances = _SPELLED[rollout.kind].values()
    low, high = _PERCENT_RANGES[rollout.kind]
    if (rollout.percent is None) == (rollout.instances is None):
        yield Broken(percent, rollout.percent, f"exactly one of {percent} and {instances}")
    yield from whole_number(percent, rollout.percent, low, high)
    yield from whole_number(instances, rollout.instances, 1, MAX_CAPACITY)


@rollout_rules.rule("SM-ROLLOUT-002", source=_GUARDRAILS)
def waits_are_short(rollout: Rollout) -> Iterator[Broken]:
    """Waits last 0–60 minutes; canary, linear and rolling need one."""
    if not rollout.is_all_at_once:
        yield from kind("wait", rollout.wait, cdk.Duration, optional=False, fix="wait=Duration.minutes(10)")
    if isinstance(rollout.wait, cdk.Duration):
        yield from duration("wait", rollout.wait, *WAIT_SECONDS)
    yield from duration("termination_wait", rollout.termination_wait, *WAIT_SECONDS)


@rollout_rules.rule("SM-ROLLOUT-003", source=_GUARDRAILS)
def execution_outlasts_the_waits(rollout: Rollout) -> Iterator[Broken]:
    """The maximum execution time is 10 minutes – 8 hours and longer than all waits together."""
    limit = rollout.maximum_execution
    broken = list(duration("maximum_execution", limit, *EXECUTION_SECONDS))
    yield from broken
    if broken or not isinstance(limit, cdk.Duration) or limit.is_unresolved():
        return
    waits = _all_waits(rollout)
    if waits is not None and limit.to_seconds() <= waits:
        yield Broken(
            "maximum_execution", limit.to_human_string(), f"more than the waits, {waits} seconds in all"
        )


def _all_waits(rollout: Rollout) -> int | None:
    """Seconds of waiting of a whole rollout; unknown where sizes are instances or waits are tokens."""
    waits = (rollout.wait, rollout.termination_wait)
    if any(
        wait is not None and (not isinstance(wait, cdk.Duration) or wait.is_unresolved()) for wait in waits
    ):
        return None
    if rollout.kind in (_Kind.LINEAR, _Kind.ROLLING) and not isinstance(rollout.percent, int):
        return None
    if rollout.percent is not None and not (isinstance(rollout.percent, int) and rollout.percent > 0):
        return None
    stepped = rollout.kind in (_Kind.LINEAR, _Kind.ROLLING)
    steps = math.ceil(100 / rollout.percent) if stepped and rollout.percent else 1
    last = 0 if rollout.in_place else _seconds(rollout.termination_wait, DEFAULT_TERMINATION_WAIT_SECONDS)
    return steps * _seconds(rollout.wait) + last


@rollout_rules.rule("SM-ROLLOUT-004", source=_ROLLING)
def way_back_is_a_percentage(rollout: Rollout) -> Iterator[Broken]:
    """Batches on the way back are 1–100 % of the capacity."""
    yield from whole_number("rollback_percent", rollout.rollback_percent, *ROLLBACK_PERCENT)


@rollout_rules.rule("SM-ROLLOUT-007", source=_GUARDRAILS)
def analysis_has_time(rollout: Rollout) -> Iterator[Broken]:
    """Only canary and linear are analysed, and their wait has room for the measurements."""
    if rollout.analysis is not None and rollout.kind not in (_Kind.CANARY, _Kind.LINEAR):
        yield Broken(
            "analysis", rollout.analysis, "None: only a canary and linear steps bake", "Rollout.canary(…)"
        )
    yield from kind("analysis", rollout.analysis, CanaryAnalysis, fix="CanaryAnalysis(checks=[…])")
    yield from bake_is_long_enough(rollout.analysis, rollout.wait)


@rollback_rules.rule("SM-ROLLOUT-006", source=DEVELOPER_GUIDE + "deployment-guardrails-configuration.html")
def rollback_thresholds(rollback: Rollback) -> Iterator[Broken]:
    """Rollback thresholds are a rate above 0 and at most 100 %, a latency of at most 60 seconds, and alarms."""
    yield from number("error_rate_percent", rollback.error_rate_percent, 0, 100, above=True)
    yield from latency("latency", rollback.latency)
    yield from items_of("alarms", rollback.alarms, object)
    yield from kind("latency_alarm", rollback.latency_alarm, bool, optional=False)
    if isinstance(rollback.alarms, list | tuple):
        for index, alarm in enumerate(rollback.alarms):
            if not hasattr(alarm, "alarm_name"):
                yield Broken(
                    f"alarms[{index}]", alarm, "a CloudWatch alarm", "Alarm(…) or Alarm.from_alarm_arn(…)"
                )

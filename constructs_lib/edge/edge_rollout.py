"""How a version reaches the devices of a fleet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from ..core.checks import duration, kind, number, one_of, seconds, settled, whole_number
from ..core.rules import Broken, Rules
from ..core.tokens import is_token, offered_by

_DEPLOYMENTS = "https://docs.aws.amazon.com/greengrass/v2/developerguide/create-deployments.html"
_JOBS = "https://docs.aws.amazon.com/iot/latest/developerguide/jobs-configurations-details.html"
_ALARMS = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html"
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_QUOTAS = "https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"
_MOST_ALARMS = 20
_MOST_LOOKS = 2500


class EmptyCanary(Enum):
    """What becomes of a rollout when no device is in the canary group."""

    REFUSE = "refuse"
    """It fails: nothing is tried on nobody."""
    SKIP = "skip"
    """It goes to all devices at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExponentialRate:
    """A rate that grows while devices succeed: from `base` a minute by `factor` each time that `succeeded` have.

    Source: https://docs.aws.amazon.com/iot/latest/developerguide/jobs-configurations-details.html

    :raises ConstraintError: SM-EDGE-031.
    """

    base: int
    """1–1000 devices a minute."""
    factor: float = 2.0
    """1.1–5."""
    succeeded: int = 10
    """Devices that must have succeeded before it grows, at least 1."""

    def __post_init__(self) -> None:
        """Check."""
        _rate_rules.enforce(self, path="ExponentialRate")

    def told(self) -> dict[str, Any]:
        """As IoT jobs have it."""
        return {
            "baseRatePerMinute": self.base,
            "incrementFactor": self.factor,
            "rateIncreaseCriteria": {"numberOfSucceededThings": self.succeeded},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeRollout:
    """Canary, soak, then all others; whatever fails goes back to what was good before, which is watched too.

    A device is done when Greengrass says so, and its shadow says that the model serves. One that is offline is waited
    for until the time-out of its group; what is deployed reaches it when it is back, also after that.

    Source: https://docs.aws.amazon.com/greengrass/v2/developerguide/create-deployments.html

    :raises ConstraintError: SM-EDGE-030, SM-EDGE-032 … SM-EDGE-034.
    """

    canary_percent: float = 5
    """0.01–50 % of the devices that join are put into the canary group, by their serial numbers."""
    canary_min_devices: int = 1
    """1–1000 devices of the canary that must have succeeded before anything goes on."""
    soak: cdk.Duration | None = None
    """1 minute – 14 days that the canary runs the version without an alarm. Default: 1 hour."""
    max_per_minute: int = 50
    """1–1000 devices a minute that are told of the version."""
    exponential: ExponentialRate | None = None
    """A rate that grows up to `max_per_minute`. Default: constant."""
    abort_percent: float = 10
    """1–100 % of devices that may not fail: a group is given up, and goes back, once as many have."""
    abort_min_devices: int = 1
    """1–1000 devices that must have answered before `abort_percent` counts."""
    device_timeout: cdk.Duration | None = None
    """1 minute – 7 days that a device takes for a version, in whole minutes. Default: 30 minutes."""
    canary_timeout: cdk.Duration | None = None
    """1 minute – 14 days that devices of the canary are waited for. Default: 4 hours."""
    fleet_timeout: cdk.Duration | None = None
    """1 minute – 30 days that all others are waited for. Default: 2 days."""
    look_every: cdk.Duration | None = None
    """10 seconds – 1 hour between two looks. Default: 1 minute, or what makes 2,500 looks of all times together."""
    alarms: Sequence[cloudwatch.IAlarm] = ()
    """Beside the fleet's own: one that is in alarm while the canary soaks stops the rollout. At most 20."""
    on_empty_canary: EmptyCanary = EmptyCanary.REFUSE
    """What becomes of a rollout when no device is in the canary group. The first one, when nothing has been rolled out
    yet, is never refused: its devices are still to come."""
    start_on_deploy: bool = True
    """Whether a deployment of the stack that changes a component starts a rollout. It does not wait for its end."""

    def __post_init__(self) -> None:
        """Check."""
        _rollout_rules.enforce(self, path="EdgeRollout")

    @property
    def soak_seconds(self) -> int:
        """With its default applied."""
        return seconds(self.soak, _HOUR)

    @property
    def canary_seconds(self) -> int:
        """`canary_timeout`, with its default applied."""
        return seconds(self.canary_timeout, 4 * _HOUR)

    @property
    def fleet_seconds(self) -> int:
        """`fleet_timeout`, with its default applied."""
        return seconds(self.fleet_timeout, 2 * _DAY)

    @property
    def device_seconds(self) -> int:
        """`device_timeout`, with its default applied."""
        return seconds(self.device_timeout, 30 * _MINUTE)

    @property
    def back_seconds(self) -> int:
        """How long devices that go back are waited for: as one takes for a version, and no longer than for the canary.

        People are told of the failure only then, so those that are offline are not waited for.
        """
        return min(self.device_seconds, self.canary_seconds)

    @property
    def look_seconds(self) -> int:
        """`look_every`, with its default applied."""
        return seconds(self.look_every, max(_MINUTE, -(-self.longest_seconds // _MOST_LOOKS)))

    @property
    def longest_seconds(self) -> int:
        """How long a rollout may take that goes back at its very end."""
        return self.canary_seconds + self.soak_seconds + self.fleet_seconds + self.canary_seconds

    def job(self) -> dict[str, Any]:
        """The configuration of the IoT job behind each deployment."""
        rate: dict[str, Any] = {"maximumPerMinute": self.max_per_minute}
        if self.exponential is not None:
            rate["exponentialRate"] = self.exponential.told()
        criteria = {
            "action": "CANCEL",
            "failureType": "ALL",
            "minNumberOfExecutedThings": self.abort_min_devices,
            "thresholdPercentage": self.abort_percent,
        }
        minutes = self.device_seconds // _MINUTE
        return {
            "jobExecutionsRolloutConfig": rate,
            "abortConfig": {"criteriaList": [criteria]},
            "timeoutConfig": {"inProgressTimeoutInMinutes": minutes},
        }


_rate_rules = Rules[ExponentialRate]()
_rollout_rules = Rules[EdgeRollout]()


@_rollout_rules.rule("SM-EDGE-030", source=_JOBS)
def rollout_is_a_jobs(rollout: EdgeRollout) -> Iterator[Broken]:
    """Shares, rates and thresholds are ones that an IoT job takes."""
    yield from number("canary_percent", rollout.canary_percent, 0.01, 50)
    yield from whole_number("canary_min_devices", rollout.canary_min_devices, 1, 1000)
    yield from whole_number("max_per_minute", rollout.max_per_minute, 1, 1000)
    yield from number("abort_percent", rollout.abort_percent, 1, 100)
    yield from whole_number("abort_min_devices", rollout.abort_min_devices, 1, 1000)
    yield from kind("exponential", rollout.exponential, ExponentialRate)
    yield from kind("start_on_deploy", rollout.start_on_deploy, bool, optional=False)
    yield from one_of("on_empty_canary", rollout.on_empty_canary, list(EmptyCanary))
    fastest = rollout.exponential
    if isinstance(fastest, ExponentialRate) and fastest.base >= rollout.max_per_minute:
        allowed = f"less than max_per_minute ({rollout.max_per_minute})"
        yield Broken(
            "exponential.base", fastest.base, allowed, "a rate that cannot grow is max_per_minute alone"
        )


@_rate_rules.rule("SM-EDGE-031", source=_JOBS)
def rate_grows(rate: ExponentialRate) -> Iterator[Broken]:
    """A growing rate starts at 1–1000 a minute, and grows 1.1 to 5 times."""
    yield from whole_number("base", rate.base, 1, 1000)
    yield from number("factor", rate.factor, 1.1, 5)
    yield from whole_number("succeeded", rate.succeeded, 1, 100_000)
    if isinstance(rate.factor, float) and round(rate.factor, 1) != rate.factor:
        yield Broken("factor", rate.factor, "a number with one decimal")


@_rollout_rules.rule("SM-EDGE-032", source=_DEPLOYMENTS)
def times_are_known(rollout: EdgeRollout) -> Iterator[Broken]:
    """Times are whole seconds, known at synthesis: the state machine waits for them."""
    for name, given, low, high in (
        ("soak", rollout.soak, _MINUTE, 14 * _DAY),
        ("device_timeout", rollout.device_timeout, _MINUTE, 7 * _DAY),
        ("canary_timeout", rollout.canary_timeout, _MINUTE, 14 * _DAY),
        ("fleet_timeout", rollout.fleet_timeout, _MINUTE, 30 * _DAY),
        ("look_every", rollout.look_every, 10, _HOUR),
    ):
        yield from duration(name, given, low, high)
        yield from settled(name, given)
    given = rollout.device_timeout
    if isinstance(given, cdk.Duration) and not is_token(given) and given.to_milliseconds() % (1000 * _MINUTE):
        yield Broken("device_timeout", given.to_human_string(), "whole minutes, as IoT jobs count them")


@_rollout_rules.rule("SM-EDGE-033", source=_QUOTAS)
def looks_are_few(rollout: EdgeRollout) -> Iterator[Broken]:
    """A rollout looks at most 2,500 times: an execution's history has 25,000 events, and a look makes nine."""
    if rollout.look_every is not None and rollout.longest_seconds > _MOST_LOOKS * rollout.look_seconds:
        yield Broken(
            "look_every",
            rollout.look_every.to_human_string(),
            f"at least {-(-rollout.longest_seconds // _MOST_LOOKS)} seconds with these times",
            "a longer look_every, or shorter time-outs",
        )


@_rollout_rules.rule("SM-EDGE-034", source=_ALARMS)
def alarms_are_some(rollout: EdgeRollout) -> Iterator[Broken]:
    """At most 20 alarms stop a rollout, beside the fleet's own."""
    for index, each in enumerate(rollout.alarms):
        if "alarm_arn" not in offered_by(each):
            yield Broken(f"alarms[{index}]", each, "an alarm of aws_cloudwatch")
    if len(rollout.alarms) > _MOST_ALARMS:
        yield Broken(
            "alarms", f"{len(rollout.alarms)} alarms", f"at most {_MOST_ALARMS}", "one composite alarm"
        )

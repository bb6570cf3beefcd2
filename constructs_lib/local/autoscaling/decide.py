"""How many instances should there be? Application Auto Scaling's decision, without AWS.

Each policy casts a :class:`Vote` for a capacity, and :func:`choose` settles between them. Times are in AWS
seconds; nothing here reads a clock, a metric or an endpoint.

Source: the chapters "Target tracking scaling policies", "Step scaling policies" and "Suspend and resume
scaling" of the Application Auto Scaling User Guide.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from constructs_lib.local.autoscaling.alarms import AlarmRule, State, Window, evaluate, newest

#: Target tracking scales in only when the metric is this far below its target, so that it does not flap.
SCALE_IN_MARGIN = 0.9
#: Periods over the target before it scales out, and the time under the margin before it scales in.
HIGH_PERIODS = 3
LOW_SECONDS = 15 * 60

AlarmSide = Literal["AlarmHigh", "AlarmLow"]
Adjustment = Literal["ChangeInCapacity", "ExactCapacity", "PercentChangeInCapacity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The capacities a scalable target may have."""

    minimum: int
    maximum: int

    def clamp(self, capacity: int) -> int:
        """The allowed capacity that is nearest to this one."""
        return max(self.minimum, min(capacity, self.maximum))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleOut:
    """A past scale-out, or an unbroken chain of them: when it completed and what it started from."""

    at: float
    started_from: int


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What the policies of a target did last. ``changed_at`` counts every change, theirs or not."""

    last_out: ScaleOut | None = None
    last_in_at: float | None = None
    changed_at: float = -math.inf

    def cooling_out(self, now: float, cooldown: float) -> ScaleOut | None:
        """The scale-out whose cooldown still runs."""
        last = self.last_out
        return last if last is not None and now < last.at + cooldown else None

    def cooling_in(self, now: float, cooldown: float) -> bool:
        """Does the cooldown of the last scale-in still run?"""
        return self.last_in_at is not None and now < self.last_in_at + cooldown

    def after(self, *, before: int, capacity: int, now: float, cooldown: float) -> History:
        """The history after a policy changed the capacity. Each direction ends the other's cooldown."""
        if capacity < before:
            return History(last_in_at=now, changed_at=now)
        running = self.cooling_out(now, cooldown)
        started_from = running.started_from if running else before
        return History(last_out=ScaleOut(at=now, started_from=started_from), changed_at=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """The target as it is at this moment."""

    current: int
    now: float
    history: History = History()


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """The capacity one policy wants, before the target's bounds; equal to the current one: it wants to stay.

    ``alarm``: what made the policy act; of target tracking, the side. ``tracking``: a target tracking policy
    that wants to stay keeps the others of its kind from scaling in.
    """

    policy: str
    alarm: str
    capacity: int
    cooldown: float = 0
    tracking: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetTracking:
    """A TargetTrackingScaling policy."""

    name: str
    target: float
    period: int = 60
    scale_out_cooldown: float = 300
    scale_in_cooldown: float = 300
    disable_scale_in: bool = False

    @property
    def high(self) -> AlarmRule:
        """The alarm that scales out."""
        return self._rule("GreaterThanThreshold", self.target, HIGH_PERIODS)

    @property
    def low(self) -> AlarmRule:
        """The alarm that scales in."""
        return self._rule("LessThanThreshold", self.target * SCALE_IN_MARGIN, LOW_SECONDS // self.period)

    def _rule(self, comparison: str, threshold: float, periods: int) -> AlarmRule:
        return AlarmRule(
            comparison=comparison,
            threshold=threshold,
            period=self.period,
            periods=periods,
            datapoints=periods,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One StepAdjustment. A missing bound is infinite."""

    adjustment: int
    lower: float = -math.inf
    upper: float = math.inf

    def holds(self, breach: float) -> bool:
        """Is the breach in this step? The bound on the threshold's side belongs to it, the other does not."""
        if breach >= 0:
            return self.lower <= breach < self.upper
        return self.lower < breach <= self.upper


@dataclass(frozen=True, slots=True, kw_only=True)
class StepScaling:
    """A StepScaling policy."""

    name: str
    adjustment_type: Adjustment
    steps: tuple[Step, ...]
    cooldown: float = 300
    min_magnitude: int = 0


def track(policy: TargetTracking, window: Window, situation: Situation) -> Vote | None:
    """What a target tracking policy wants; ``None`` if it has no say (scale-in disabled)."""
    value = newest(window)
    if value is None:
        return _stay(policy, situation)
    if evaluate(policy.high, window[-policy.high.reach :]) is State.ALARM:
        return _track_out(policy, value.start, value.value, situation)
    if policy.disable_scale_in:
        return None
    if evaluate(policy.low, window) is State.ALARM:
        return _track_in(policy, value.start, value.value, situation)
    return _stay(policy, situation)


def needed_capacity(current: int, value: float, target: float) -> int:
    """The capacity at which the metric would be at its target. From zero, the metric is taken as of one."""
    # Rounded first, so that 3 * (7 / 3) does not ask for an eighth instance.
    return math.ceil(round(max(current, 1) * value / target, 9))


def _track_out(policy: TargetTracking, seen_at: float, value: float, situation: Situation) -> Vote:
    """Scale out; during the cooldown only by what is needed beyond the scale-out that is taking effect."""
    running = situation.history.cooling_out(situation.now, policy.scale_out_cooldown)
    if running is not None:
        wanted = needed_capacity(running.started_from, value, policy.target)
    elif seen_at < situation.history.changed_at:
        # The datapoint began before the last change: it says nothing yet about this fleet.
        wanted = situation.current
    else:
        wanted = needed_capacity(situation.current, value, policy.target)
    return _tracking_vote(policy, "AlarmHigh", max(wanted, situation.current), policy.scale_out_cooldown)


def _track_in(policy: TargetTracking, seen_at: float, value: float, situation: Situation) -> Vote:
    """Scale in, unless the last scale-in is too recent or not yet seen in the metric."""
    stale = seen_at < situation.history.changed_at
    if stale or situation.history.cooling_in(situation.now, policy.scale_in_cooldown):
        return _stay(policy, situation)
    wanted = needed_capacity(situation.current, value, policy.target)
    return _tracking_vote(policy, "AlarmLow", min(wanted, situation.current), policy.scale_in_cooldown)


def _stay(policy: TargetTracking, situation: Situation) -> Vote:
    return _tracking_vote(policy, "AlarmLow", situation.current, 0)


def _tracking_vote(policy: TargetTracking, side: AlarmSide, capacity: int, cooldown: float) -> Vote:
    return Vote(policy=policy.name, alarm=side, capacity=capacity, cooldown=cooldown, tracking=True)


def step(policy: StepScaling, *, alarm: str, breach: float, situation: Situation) -> Vote | None:
    """What a step policy wants when its alarm is breached by ``breach`` (metric minus threshold)."""
    matching = next((one for one in policy.steps if one.holds(breach)), None)
    if matching is None:
        return None
    current = situation.current
    wanted = adjusted(policy, matching.adjustment, current)
    running = situation.history.cooling_out(situation.now, policy.cooldown)
    if wanted > current and running is not None:
        wanted = max(current, adjusted(policy, matching.adjustment, running.started_from))
    if wanted < current and situation.history.cooling_in(situation.now, policy.cooldown):
        wanted = current
    return Vote(policy=policy.name, alarm=alarm, capacity=wanted, cooldown=policy.cooldown)


def adjusted(policy: StepScaling, adjustment: int, current: int) -> int:
    """The capacity after an adjustment, never below zero."""
    if policy.adjustment_type == "ExactCapacity":
        return adjustment
    change = adjustment
    if policy.adjustment_type == "PercentChangeInCapacity":
        change = _percent_change(adjustment, current, policy.min_magnitude)
    return max(0, current + change)


def _percent_change(percent: int, current: int, min_magnitude: int) -> int:
    """Rounded towards zero, but never to nothing, and at least the minimum magnitude."""
    exact = current * percent / 100
    if not exact:
        return 0
    magnitude = max(math.floor(abs(exact)), 1, min_magnitude)
    return magnitude if exact > 0 else -magnitude


def aggregate(how: str, values: Sequence[float]) -> float:
    """A step policy's MetricAggregationType over the datapoints of its alarm."""
    if how == "Minimum":
        return min(values)
    if how == "Maximum":
        return max(values)
    return sum(values) / len(values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension:
    """A target's SuspendedState."""

    scale_in: bool = False
    scale_out: bool = False
    scheduled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The vote that won and the capacity it leads to. ``capacity == current``: the bounds leave no room."""

    vote: Vote
    capacity: int


def choose(
    current: int, bounds: Bounds, votes: Iterable[Vote], suspension: Suspension | None = None
) -> Decision | None:
    """Settle between the policies: the largest wins; trackers scale in only if all of them are ready to."""
    cast = list(votes)
    suspended = suspension or Suspension()
    outs = [vote for vote in cast if vote.capacity > current]
    if outs:
        return None if suspended.scale_out else _within(bounds, current, max(outs, key=_capacity))
    holding = any(vote.tracking and vote.capacity == current for vote in cast)
    ins = [vote for vote in cast if vote.capacity < current and not (vote.tracking and holding)]
    if not ins or suspended.scale_in:
        return None
    return _within(bounds, current, max(ins, key=_capacity))


def _capacity(vote: Vote) -> int:
    return vote.capacity


def _within(bounds: Bounds, current: int, vote: Vote) -> Decision:
    """A policy never moves the capacity against its own direction, even if the bounds would."""
    capacity = bounds.clamp(vote.capacity)
    against = (capacity - current) * (vote.capacity - current) < 0
    return Decision(vote=vote, capacity=current if against else capacity)

"""The loop that scales: it reads the metrics, lets :mod:`.decide` decide, and has SageMaker carry it out."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

from constructs_lib.local import emulator_cloudwatch as cloudwatch
from constructs_lib.local.autoscaling import (
    activities,
    fleet,
    metrics,
    neighbours,
    policies,
    policy_rules,
    scheduled,
    state,
    targets,
)
from constructs_lib.local.autoscaling.alarms import AlarmRule, State, Window, evaluate, newest
from constructs_lib.local.autoscaling.decide import (
    AlarmSide,
    Bounds,
    Decision,
    History,
    Situation,
    Vote,
    aggregate,
    choose,
    step,
    track,
)
from constructs_lib.local.autoscaling.errors import ApiError
from constructs_lib.local.autoscaling.fleet import Fleet
from constructs_lib.local.autoscaling.state import Change, Policy, ScheduledAction, Target
from constructs_lib.local.autoscaling.timing import Timing
from constructs_lib.local.emulator_cloudwatch import Alarm

#: AWS seconds to leave SageMaker alone after it refused a change.
_RETRY_AFTER = 60.0
_ENDED_BADLY = frozenset({"Failed", "UpdateRollbackFailed", "OutOfService"})

_log = logging.getLogger("autoscaling")


class ScalingLoop:
    """Looks after every scalable target, at regular intervals, on a thread of its own."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing

    def start(self) -> None:
        """Start looking after the targets."""
        threading.Thread(target=self._run, name="application-autoscaling", daemon=True).start()

    def _run(self) -> None:
        while True:
            time.sleep(self._timing.interval)
            self.look_after_all()

    def look_after_all(self) -> None:
        """One round. What goes wrong with one target is logged and does not keep the others from theirs."""
        for scope, target in state.everywhere():
            with scope.active():
                try:
                    self._look_after(target)
                except Exception:
                    _log.exception("scaling %s failed", target.key.resource_id)

    def _look_after(self, target: Target) -> None:
        try:
            present = fleet.describe(target.key)
        except fleet.MissingError:
            # Deleting an endpoint deregisters its variants.
            targets.forget(target)
            return
        now = self._timing.now()
        _run_due_actions(target)
        _settle(target, present, now)
        if target.change is not None or not present.in_service or now < target.retry_at:
            return
        if target.enforce:
            _enforce_bounds(target, present, now)
        else:
            self._follow_policies(target, present, now)

    def _follow_policies(self, target: Target, present: Fleet, now: float) -> None:
        situation = Situation(current=present.current, now=now, history=target.history)
        votes = list(self._votes(target, situation))
        decision = choose(present.current, target.bounds, votes, target.suspension)
        if decision is None:
            return
        cause = f"monitor alarm {decision.vote.alarm} in state ALARM triggered policy {decision.vote.policy}"
        if decision.capacity == present.current:
            activities.record_once(target.key, activities.not_scaled(decision, target.bounds, cause))
        else:
            _change(target, present.current, decision.capacity, cause, now, decision)

    def _votes(self, target: Target, situation: Situation) -> Iterator[Vote]:
        for policy in list(target.policies.values()):
            if policy.type == "TargetTrackingScaling":
                vote = self._tracking_vote(target, policy, situation)
                if vote is not None:
                    yield vote
            else:
                yield from self._step_votes(policy, situation)

    def _tracking_vote(self, target: Target, policy: Policy, situation: Situation) -> Vote | None:
        decided, query = policy_rules.tracking(target.key, policy)
        reach = max(decided.high.reach, decided.low.reach)
        window = metrics.read(query, reach, self._timing, situation.now)
        sides: tuple[tuple[AlarmSide, AlarmRule], ...] = (
            ("AlarmHigh", decided.high),
            ("AlarmLow", decided.low),
        )
        for side, rule in sides:
            alarm = neighbours.find_alarm(policies.alarm_name(target.key, policy, side))
            if alarm is not None:
                _show(alarm, rule, window[-rule.reach :])
        vote = track(decided, window, situation)
        return vote and replace(vote, alarm=policies.alarm_name(target.key, policy, vote.alarm))

    def _step_votes(self, policy: Policy, situation: Situation) -> Iterator[Vote]:
        """One vote for each alarm that calls the policy and is in ALARM."""
        how = policy.configuration.get("MetricAggregationType", "Average")
        for alarm in neighbours.alarms_that_call(policy.arn):
            rule = _rule(alarm)
            window = metrics.read(metrics.of_alarm(alarm), rule.reach, self._timing, situation.now)
            if _show(alarm, rule, window) is not State.ALARM or not alarm.get("ActionsEnabled", True):
                continue
            values = [point.value for point in window if point is not None][-rule.periods :]
            if not values:
                continue
            breach = aggregate(how, values) - rule.threshold
            vote = step(
                policy_rules.stepping(policy), alarm=alarm["AlarmName"], breach=breach, situation=situation
            )
            if vote is not None:
                yield vote


# --- alarms -------------------------------------------------------------------------------------


def _rule(alarm: Alarm) -> AlarmRule:
    """The rule of an alarm of the user's."""
    periods = int(alarm.get("EvaluationPeriods", 1))
    return AlarmRule(
        comparison=alarm["ComparisonOperator"],
        threshold=float(alarm["Threshold"]),
        period=int(alarm.get("Period", 60)),
        periods=periods,
        datapoints=int(alarm.get("DatapointsToAlarm") or periods),
        missing=alarm.get("TreatMissingData") or "missing",
    )


def _show(alarm: Alarm, rule: AlarmRule, window: Window) -> State:
    """Evaluate an alarm and let CloudWatch show its state."""
    result = evaluate(rule, window)
    value = newest(window)
    seen = "no datapoints" if value is None else f"the newest datapoint is {value.value:g}"
    cloudwatch.move_alarm(alarm, result.value, f"Threshold {rule.threshold:g}, {rule.comparison}: {seen}")
    return result


# --- changes ------------------------------------------------------------------------------------


def _enforce_bounds(target: Target, present: Fleet, now: float) -> None:
    """Bring the capacity within bounds that have changed."""
    target.enforce = False
    bounds = target.bounds
    capacity = bounds.clamp(present.current)
    if capacity > present.current:
        _change(target, present.current, capacity, f"minimum capacity was set to {capacity}", now)
    elif capacity < present.current:
        _change(target, present.current, capacity, f"maximum capacity was set to {capacity}", now)


def _change(
    target: Target, before: int, capacity: int, cause: str, now: float, decision: Decision | None = None
) -> None:
    """Ask SageMaker for a capacity. The outcome is seen in a later round, by :func:`_settle`."""
    if state.find(target.key) is not target:
        return
    activity = activities.starting(target.key, capacity, cause)
    try:
        fleet.set_capacity(target.key, capacity)
    except ApiError as error:
        activities.fail(target.key, activity, capacity, error.message)
        activities.record_once(target.key, activity)
        target.retry_at = now + _RETRY_AFTER
        target.enforce = target.enforce or decision is None
        return
    state.record(target.key, activity)
    cooldown = decision.vote.cooldown if decision else None
    target.change = Change(activity=activity, before=before, capacity=capacity, cooldown=cooldown)


def _settle(target: Target, present: Fleet, now: float) -> None:
    """See whether the change under way has come to its end. A cooldown starts when it has succeeded."""
    change = target.change
    if change is None:
        return
    if present.in_service and present.current == change.capacity:
        activities.succeed(target.key, change.activity, change.capacity)
        target.history = _history_after(target.history, change, now)
        target.change = None
    elif present.status in _ENDED_BADLY or (present.in_service and present.desired != change.capacity):
        reason = f"the capacity is {present.current} and the status is {present.status}"
        activities.fail(target.key, change.activity, change.capacity, reason)
        target.retry_at = now + _RETRY_AFTER
        target.change = None


def _history_after(history: History, change: Change, now: float) -> History:
    if change.cooldown is None:
        return History(last_out=history.last_out, last_in_at=history.last_in_at, changed_at=now)
    return history.after(before=change.before, capacity=change.capacity, now=now, cooldown=change.cooldown)


# --- scheduled actions --------------------------------------------------------------------------


def _run_due_actions(target: Target) -> None:
    """Run what has fallen due since the last round. What falls due while suspended is not made up for."""
    for action in list(target.scheduled.values()):
        after, action.checked = action.checked, state.now()
        if not target.suspension.scheduled and scheduled.is_due(action, after, action.checked):
            _run_action(target, action)


def _run_action(target: Target, action: ScheduledAction) -> None:
    given = action.members["ScalableTargetAction"]
    minimum = given.get("MinCapacity", target.bounds.minimum)
    maximum = given.get("MaxCapacity", target.bounds.maximum)
    problem = "Maximum capacity cannot be less than minimum capacity" if maximum < minimum else None
    state.record(target.key, activities.bounds_set(action.name, given, problem))
    if problem is None:
        with state.LOCK:
            target.bounds = Bounds(minimum=minimum, maximum=maximum)
            target.enforce = True

"""Each rule of auto scaling: the last value that passes, the first that does not, tokens, wrong types."""

from __future__ import annotations

from collections.abc import Callable

import aws_cdk as cdk
import pytest
from aws_cdk import aws_applicationautoscaling as appscaling
from aws_cdk import aws_cloudwatch as cloudwatch

from constructs_lib import (
    Adjustment,
    AutoScaling,
    MetricTarget,
    ScalingStep,
    ScheduledScaling,
    StepScaling,
    SuspendedScaling,
)
from tests.support.refusals import (
    INFINITY,
    WRONG_DURATIONS,
    WRONG_LISTS,
    WRONG_NUMBERS,
    WRONG_OBJECTS,
    WRONG_SWITCHES,
    WRONG_TEXTS,
    WRONG_WHOLE_NUMBERS,
    Refusal,
    WrongType,
    as_parameters,
    refused,
    wrong_types,
)

NIGHT = appscaling.Schedule.expression("cron(0 22 * * ? *)")


def metric() -> cloudwatch.Metric:
    return cloudwatch.Metric(namespace="Fraud", metric_name="Depth")


def scaling(**props: object) -> AutoScaling:
    return AutoScaling(**{"min_capacity": 1, "max_capacity": 4, "invocations_per_instance": 600, **props})


def target(**props: object) -> MetricTarget:
    return MetricTarget(**{"name": "Depth", "metric": metric(), "target": 10, **props})


def step(**props: object) -> StepScaling:
    defaults = {"name": "Out", "metric": metric(), "threshold": 10, "steps": [ScalingStep(change=1, lower=0)]}
    return StepScaling(**{**defaults, **props})


def steps(*bounds: tuple[float | None, float | None]) -> StepScaling:
    return step(steps=[ScalingStep(change=1, lower=lower, upper=upper) for lower, upper in bounds])


def scheduled(**props: object) -> ScheduledScaling:
    return ScheduledScaling(**{"name": "Night", "schedule": NIGHT, "min_capacity": 1, **props})


REFUSALS = [
    Refusal("SM-SCALING-001", lambda: scaling(min_capacity=-1), "min_capacity", -1, "from 0 to 10000"),
    Refusal("SM-SCALING-001", lambda: scaling(max_capacity=0), "max_capacity", 0, "from 1 to 10000"),
    Refusal("SM-SCALING-001", lambda: scaling(max_capacity=10_001), "max_capacity", 10_001, "to 10000"),
    Refusal("SM-SCALING-001", lambda: scaling(min_capacity=None), "min_capacity", None, "a whole number"),
    Refusal("SM-SCALING-001", lambda: scaling(max_capacity=None), "max_capacity", None, "a whole number"),
    Refusal("SM-SCALING-001", lambda: scaling(min_capacity=5), "min_capacity", 5, "at most max_capacity (4)"),
    Refusal(
        "SM-SCALING-002",
        lambda: AutoScaling(min_capacity=1, max_capacity=4),
        "invocations_per_instance",
        None,
        "at least one target, step or schedule",
    ),
    Refusal(
        "SM-SCALING-003",
        lambda: scaling(invocations_per_instance=0),
        "invocations_per_instance",
        0,
        "more than 0",
    ),
    Refusal(
        "SM-SCALING-003",
        lambda: scaling(concurrent_requests_per_model=-0.5),
        "concurrent_requests_per_model",
        -0.5,
        "more than 0",
    ),
    Refusal("SM-SCALING-003", lambda: scaling(cpu_utilization=0.0), "cpu_utilization", 0.0, "more than 0"),
    Refusal(
        "SM-SCALING-004",
        lambda: scaling(scale_in_cooldown=cdk.Duration.seconds(86_401)),
        "scale_in_cooldown",
        "1 day 1 second",
        "from 0 seconds to 1 day",
    ),
    Refusal(
        "SM-SCALING-004",
        lambda: scaling(scale_out_cooldown=cdk.Duration.millis(1500)),
        "scale_out_cooldown",
        "1 second 500 millis",
        "whole seconds",
    ),
    Refusal("SM-SCALING-005", lambda: scaling(metrics="Depth"), "metrics", "Depth", "a list of MetricTarget"),
    Refusal("SM-SCALING-005", lambda: scaling(steps=[5]), "steps[0]", 5, "a StepScaling"),
    Refusal("SM-SCALING-005", lambda: scaling(schedules=[1.5]), "schedules[0]", 1.5, "a ScheduledScaling"),
    Refusal("SM-SCALING-005", lambda: scaling(scale_in="no"), "scale_in", "no", "a bool"),
    Refusal("SM-SCALING-005", lambda: scaling(suspended=True), "suspended", True, "a SuspendedScaling"),
    Refusal(
        "SM-SCALING-006",
        lambda: scaling(metrics=[target(), target(target=20)]),
        "metrics",
        ["Depth", "Depth"],
        "a name of its own",
    ),
    Refusal("SM-SCALING-006", lambda: scaling(steps=[step(), step()]), "steps", ["Out", "Out"], "of its own"),
    Refusal(
        "SM-SCALING-006",
        lambda: scaling(schedules=[scheduled(), scheduled()]),
        "schedules",
        ["Night", "Night"],
        "a name of its own",
    ),
    Refusal("SM-SCALING-007", lambda: target(target=0), "target", 0, "more than 0"),
    Refusal("SM-SCALING-007", lambda: target(target=None), "target", None, "number"),
    Refusal("SM-SCALING-007", lambda: target(metric="Depth"), "metric", "Depth", "a CloudWatch metric"),
    Refusal("SM-SCALING-007", lambda: target(name="1st"), "name", "1st", "beginning with a letter"),
    Refusal("SM-SCALING-007", lambda: target(name="a" * 65), "name", "a" * 65, "letters, digits and hyphens"),
    Refusal("SM-SCALING-008", lambda: step(steps=[]), "steps", "0 steps", "1–20 steps"),
    Refusal("SM-SCALING-008", lambda: steps(*((i, i + 1) for i in range(21))), "steps", "21 steps", "1–20"),
    Refusal(
        "SM-SCALING-008", lambda: steps((0, 10), (20, None)), "steps", [(0, 10), (20, None)], "begin where"
    ),
    Refusal(
        "SM-SCALING-008", lambda: steps((0, 10), (5, None)), "steps", [(0, 10), (5, None)], "begin where"
    ),
    Refusal(
        "SM-SCALING-008", lambda: steps((None, 0), (None, 5)), "steps", [(None, 0), (None, 5)], "begin where"
    ),
    Refusal(
        "SM-SCALING-008", lambda: steps((0, None), (5, None)), "steps", [(0, None), (5, None)], "begin where"
    ),
    Refusal("SM-SCALING-011", lambda: steps((10, 10)), "lower", 10, "less than upper (10)"),
    Refusal("SM-SCALING-008", lambda: step(evaluation_periods=0), "evaluation_periods", 0, "from 1 to 1440"),
    Refusal(
        "SM-SCALING-008",
        lambda: step(adjustment="ChangeInCapacity"),
        "adjustment",
        "ChangeInCapacity",
        "Adjustment",
    ),
    Refusal(
        "SM-SCALING-009",
        lambda: scheduled(min_capacity=None),
        "min_capacity",
        None,
        "a minimum, a maximum or both",
    ),
    Refusal(
        "SM-SCALING-009",
        lambda: scheduled(min_capacity=3, max_capacity=2),
        "min_capacity",
        3,
        "at most max_capacity (2)",
    ),
    Refusal("SM-SCALING-009", lambda: scheduled(min_capacity=-1), "min_capacity", -1, "from 0 to 10000"),
    Refusal(
        "SM-SCALING-009", lambda: scheduled(schedule="rate(1 day)"), "schedule", "rate(1 day)", "a Schedule"
    ),
    Refusal(
        "SM-SCALING-009",
        lambda: scheduled(timezone="Europe/Berlin"),
        "timezone",
        "Europe/Berlin",
        "a TimeZone",
    ),
]


@pytest.mark.parametrize("refusal", as_parameters(REFUSALS))
def test_a_broken_rule_is_named_with_what_was_given_and_what_is_allowed(refusal: Refusal) -> None:
    refusal.check()


def token() -> int:
    return cdk.Token.as_number({"Ref": "Capacity"})


ACCEPTED: dict[str, Callable[[], object]] = {
    "minimum 0, which asynchronous endpoints use": lambda: scaling(min_capacity=0),
    "minimum equal to maximum": lambda: scaling(min_capacity=4),
    "the greatest capacity": lambda: scaling(max_capacity=10_000),
    "tokens for capacities": lambda: scaling(min_capacity=token(), max_capacity=token()),
    "a token beside a number": lambda: scaling(min_capacity=10, max_capacity=token()),
    "a token for a target": lambda: scaling(invocations_per_instance=token()),
    "the smallest target": lambda: scaling(invocations_per_instance=0.001),
    "a CPU target above 100": lambda: scaling(cpu_utilization=400),
    "no cooldown": lambda: scaling(scale_in_cooldown=cdk.Duration.seconds(0)),
    "a day of cooldown": lambda: scaling(scale_out_cooldown=cdk.Duration.days(1)),
    "a token for a cooldown": lambda: scaling(scale_in_cooldown=cdk.Duration.seconds(token())),
    "a tuple for a list": lambda: scaling(metrics=(target(),)),
    "a schedule alone": lambda: AutoScaling(min_capacity=1, max_capacity=2, schedules=[scheduled()]),
    "a step alone": lambda: AutoScaling(min_capacity=1, max_capacity=2, steps=[step()]),
    "a metric alone": lambda: AutoScaling(min_capacity=1, max_capacity=2, metrics=[target()]),
    "the same name for a metric and a step": lambda: scaling(
        metrics=[target(name="A")], steps=[step(name="A")]
    ),
    "metric math as a target": lambda: target(
        metric=cloudwatch.MathExpression(expression="a / 2", using_metrics={"a": metric()})
    ),
    "a name of 64 characters": lambda: target(name="a" * 64),
    "steps to both sides, unordered": lambda: steps((10, None), (None, 0), (0, 10)),
    "20 steps": lambda: steps(*((i, i + 1) for i in range(20))),
    "a threshold below 0": lambda: step(threshold=-5),
    "a day of evaluation": lambda: step(evaluation_periods=1440),
    "a token for a threshold": lambda: step(threshold=token()),
    "tokens for bounds of steps": lambda: steps((token(), token())),
    "a maximum of 0 by schedule": lambda: scheduled(min_capacity=0, max_capacity=0),
    "equal bounds by schedule": lambda: scheduled(min_capacity=3, max_capacity=3),
    "tokens for bounds by schedule": lambda: scheduled(min_capacity=token(), max_capacity=1),
}


@pytest.mark.parametrize("accepted", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_is_just_allowed_passes(accepted: Callable[[], object]) -> None:
    assert accepted() is not None


def bounded(**props: object) -> StepScaling:
    return step(steps=[ScalingStep(**{"change": 1, "lower": 0, "upper": 10, **props})])


def suspended(**props: object) -> AutoScaling:
    return scaling(suspended=SuspendedScaling(**props))


@pytest.mark.parametrize(
    "wrong",
    [
        *wrong_types(
            scaling,
            "scaling",
            min_capacity=WRONG_WHOLE_NUMBERS,
            max_capacity=WRONG_WHOLE_NUMBERS,
            invocations_per_instance=WRONG_NUMBERS,
            concurrent_requests_per_model=WRONG_NUMBERS,
            cpu_utilization=WRONG_NUMBERS,
            metrics=WRONG_LISTS,
            steps=WRONG_LISTS,
            schedules=WRONG_LISTS,
            scale_in_cooldown=WRONG_DURATIONS,
            scale_out_cooldown=WRONG_DURATIONS,
            scale_in=WRONG_SWITCHES,
            suspended=(None, *WRONG_OBJECTS),
        ),
        *wrong_types(
            target,
            "target",
            name=(None, "", *WRONG_TEXTS),
            metric=(None, *WRONG_OBJECTS),
            target=(None, *WRONG_NUMBERS),
        ),
        *wrong_types(
            step,
            "step",
            name=(None, "", *WRONG_TEXTS),
            metric=(None, *WRONG_OBJECTS),
            threshold=(None, *WRONG_NUMBERS),
            steps=WRONG_LISTS,
            comparison=(None, "GREATER", 5, True),
            adjustment=(None, *WRONG_OBJECTS),
            cooldown=WRONG_DURATIONS,
            evaluation_periods=(None, *WRONG_WHOLE_NUMBERS),
        ),
        *wrong_types(
            scheduled,
            "schedule",
            name=(None, "", *WRONG_TEXTS),
            schedule=(None, *WRONG_OBJECTS),
            min_capacity=WRONG_WHOLE_NUMBERS,
            max_capacity=WRONG_WHOLE_NUMBERS,
            timezone=WRONG_OBJECTS,
        ),
    ],
)
def test_a_wrong_type_is_refused_for_its_property(wrong: WrongType) -> None:
    wrong.check()


@pytest.mark.parametrize(
    ("property", "value"),
    [
        *(("change", value) for value in (None, *WRONG_WHOLE_NUMBERS)),
        *(("lower", value) for value in WRONG_NUMBERS if value != INFINITY),
        *(("upper", value) for value in WRONG_NUMBERS if value != INFINITY),
    ],
)
def test_a_step_with_a_wrong_type_is_refused(property: str, value: object) -> None:
    error = refused(lambda: bounded(**{property: value}))
    assert error.rules in (("SM-SCALING-011",), ("SM-TYPE-001",))
    assert error.violations[0].property == property


@pytest.mark.parametrize("switch", ["scale_in", "scale_out", "scheduled"])
@pytest.mark.parametrize("value", WRONG_SWITCHES)
def test_a_suspension_switch_with_a_wrong_type_is_refused(switch: str, value: object) -> None:
    refused(lambda: suspended(**{switch: value}))


def test_several_broken_rules_are_reported_together_in_order() -> None:
    error = refused(
        lambda: AutoScaling(min_capacity=3, max_capacity=2, cpu_utilization=-1, scale_in_cooldown=60)
    )
    assert error.rules == ("SM-SCALING-001", "SM-SCALING-003", "SM-SCALING-004")
    assert error.path == "AutoScaling"


def test_the_adjustments_are_those_of_application_auto_scaling() -> None:
    assert [each.value for each in Adjustment] == [
        "ChangeInCapacity",
        "ExactCapacity",
        "PercentChangeInCapacity",
    ]

"""Each rule of rollouts: the last value that passes, the first that does not, tokens, wrong types."""

from __future__ import annotations

from collections.abc import Callable

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch

from constructs_lib import Rollback, Rollout
from tests.support.refusals import (
    NAN,
    WRONG_DURATIONS,
    WRONG_LISTS,
    WRONG_NUMBERS,
    WRONG_OBJECTS,
    WRONG_SWITCHES,
    WRONG_WHOLE_NUMBERS,
    Refusal,
    WrongType,
    as_parameters,
    refused,
    wrong_types,
)

minutes, seconds, hours = cdk.Duration.minutes, cdk.Duration.seconds, cdk.Duration.hours


def canary(**props: object) -> Rollout:
    return Rollout.canary(**{"size_percent": 10, "wait": minutes(5), **props})


def linear(**props: object) -> Rollout:
    return Rollout.linear(**{"step_percent": 10, "wait": minutes(5), **props})


def rolling(**props: object) -> Rollout:
    return Rollout.rolling(**{"batch_percent": 10, "wait": minutes(5), **props})


at_once = Rollout.all_at_once

REFUSALS = [
    Refusal("SM-ROLLOUT-001", lambda: canary(size_percent=0), "size_percent", 0, "from 1 to 50"),
    Refusal("SM-ROLLOUT-001", lambda: canary(size_percent=51), "size_percent", 51, "from 1 to 50"),
    Refusal("SM-ROLLOUT-001", lambda: linear(step_percent=9), "step_percent", 9, "from 10 to 50"),
    Refusal("SM-ROLLOUT-001", lambda: linear(step_percent=51), "step_percent", 51, "from 10 to 50"),
    Refusal("SM-ROLLOUT-001", lambda: rolling(batch_percent=4), "batch_percent", 4, "from 5 to 50"),
    Refusal("SM-ROLLOUT-001", lambda: rolling(batch_percent=51), "batch_percent", 51, "from 5 to 50"),
    Refusal(
        "SM-ROLLOUT-001",
        lambda: canary(size_instances=1),
        "size_percent",
        10,
        "exactly one of size_percent and size_instances",
    ),
    Refusal("SM-ROLLOUT-001", lambda: canary(size_percent=None), "size_percent", None, "exactly one of"),
    Refusal(
        "SM-ROLLOUT-001",
        lambda: linear(step_percent=None, step_instances=0),
        "step_instances",
        0,
        "from 1 to 10000",
    ),
    Refusal("SM-ROLLOUT-002", lambda: canary(wait=None), "wait", None, "a Duration"),
    Refusal(
        "SM-ROLLOUT-002", lambda: linear(wait=seconds(3601)), "wait", "1 hour 1 second", "0 seconds to 1 hour"
    ),
    Refusal(
        "SM-ROLLOUT-002",
        lambda: at_once(termination_wait=seconds(3601)),
        "termination_wait",
        "1 hour 1 second",
        "from 0 seconds to 1 hour",
    ),
    Refusal(
        "SM-ROLLOUT-003",
        lambda: at_once(maximum_execution=seconds(599)),
        "maximum_execution",
        "9 minutes 59 seconds",
        "from 10 minutes to 8 hours",
    ),
    Refusal(
        "SM-ROLLOUT-003",
        lambda: at_once(maximum_execution=seconds(28_801)),
        "maximum_execution",
        "8 hours 1 second",
        "from 10 minutes to 8 hours",
    ),
    Refusal(
        "SM-ROLLOUT-003",
        lambda: canary(wait=minutes(10), maximum_execution=minutes(15)),  # and 5 minutes of termination wait
        "maximum_execution",
        "15 minutes",
        "more than the waits, 900 seconds in all",
    ),
    Refusal(
        "SM-ROLLOUT-003",
        lambda: linear(
            step_percent=30, termination_wait=minutes(0), maximum_execution=minutes(20)
        ),  # 4 steps
        "maximum_execution",
        "20 minutes",
        "more than the waits, 1200 seconds in all",
    ),
    Refusal(
        "SM-ROLLOUT-003",
        lambda: rolling(batch_percent=50, maximum_execution=minutes(10)),
        "maximum_execution",
        "10 minutes",
        "more than the waits, 600 seconds in all",
    ),
    Refusal("SM-ROLLOUT-004", lambda: rolling(rollback_percent=0), "rollback_percent", 0, "from 1 to 100"),
    Refusal("SM-ROLLOUT-004", lambda: rolling(rollback_percent=101), "rollback_percent", 101, "1 to 100"),
    Refusal("SM-TYPE-001", lambda: canary(rollback=[]), "rollback", [], "a Rollback"),
    Refusal("SM-ROLLOUT-006", lambda: Rollback(error_rate_percent=0), "error_rate_percent", 0, "more than 0"),
    Refusal(
        "SM-ROLLOUT-006",
        lambda: Rollback(error_rate_percent=100.1),
        "error_rate_percent",
        100.1,
        "at most 100",
    ),
    Refusal(
        "SM-ROLLOUT-006", lambda: Rollback(latency=seconds(0)), "latency", "0 seconds", "from 1 millisecond"
    ),
    Refusal(
        "SM-ROLLOUT-006", lambda: Rollback(latency=seconds(61)), "latency", "1 minute 1 second", "to 1 minute"
    ),
    Refusal(
        "SM-ROLLOUT-006", lambda: Rollback(alarms=["Errors"]), "alarms[0]", "Errors", "a CloudWatch alarm"
    ),
    Refusal("SM-ROLLOUT-006", lambda: Rollback(latency_alarm=None), "latency_alarm", None, "a bool"),
]


@pytest.mark.parametrize("refusal", as_parameters(REFUSALS))
def test_a_broken_rule_is_named_with_what_was_given_and_what_is_allowed(refusal: Refusal) -> None:
    refusal.check()


def token() -> int:
    return cdk.Token.as_number({"Ref": "Number"})


ACCEPTED: dict[str, Callable[[], Rollout]] = {
    "the smallest canary": lambda: canary(size_percent=1),
    "the greatest canary": lambda: canary(size_percent=50),
    "a canary of instances": lambda: canary(size_percent=None, size_instances=1),
    "the smallest linear step": lambda: linear(step_percent=10),
    "the greatest linear step": lambda: linear(step_percent=50),
    "the smallest batch": lambda: rolling(batch_percent=5),
    "the greatest batch": lambda: rolling(batch_percent=50),
    "no wait": lambda: canary(wait=seconds(0)),
    "an hour's wait": lambda: canary(wait=hours(1)),
    "an hour's termination wait": lambda: at_once(termination_wait=hours(1)),
    "the shortest execution": lambda: at_once(maximum_execution=minutes(10)),
    "the longest execution": lambda: at_once(maximum_execution=hours(8)),
    "a second more than the waits": lambda: canary(wait=minutes(10), maximum_execution=seconds(901)),
    "the slowest way back": lambda: rolling(rollback_percent=1),
    "the fastest way back": lambda: rolling(rollback_percent=100),
    "tokens for percentages": lambda: canary(size_percent=token()),
    "a token for instances": lambda: linear(step_percent=None, step_instances=token()),
    "tokens for waits": lambda: canary(wait=seconds(token()), maximum_execution=minutes(10)),
    "a token for the execution": lambda: canary(maximum_execution=seconds(token())),
    "a token for a step beside an execution": lambda: linear(
        step_percent=token(), maximum_execution=minutes(10)
    ),
    "every error": lambda: at_once(rollback=Rollback(error_rate_percent=100)),
    "hardly an error": lambda: at_once(rollback=Rollback(error_rate_percent=0.01)),
    "no built-in alarm": lambda: at_once(rollback=Rollback(error_rate_percent=None, latency_alarm=False)),
    "a millisecond of latency": lambda: at_once(rollback=Rollback(latency=cdk.Duration.millis(1))),
    "a minute of latency": lambda: at_once(rollback=Rollback(latency=seconds(60))),
    "a token for a rate": lambda: at_once(rollback=Rollback(error_rate_percent=token())),
    "an imported alarm": lambda: at_once(
        rollback=Rollback(
            alarms=[cloudwatch.Alarm.from_alarm_name(cdk.Stack(cdk.App(), "Alarms"), "Alarm", "drift")]
        )
    ),
}


@pytest.mark.parametrize("accepted", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_is_just_allowed_passes(accepted: Callable[[], Rollout]) -> None:
    assert accepted() is not None


def canary_of_instances(**props: object) -> Rollout:
    return canary(size_percent=None, **props)


@pytest.mark.parametrize(
    "wrong",
    [
        *wrong_types(
            canary,
            "canary",
            size_percent=WRONG_WHOLE_NUMBERS,
            wait=(None, *WRONG_DURATIONS),
            termination_wait=WRONG_DURATIONS,
            maximum_execution=WRONG_DURATIONS,
            rollback=WRONG_OBJECTS,
        ),
        *wrong_types(canary_of_instances, "canary", size_instances=WRONG_WHOLE_NUMBERS),
        *wrong_types(linear, "linear", step_percent=WRONG_WHOLE_NUMBERS, wait=(None, *WRONG_DURATIONS)),
        *wrong_types(
            rolling,
            "rolling",
            batch_percent=WRONG_WHOLE_NUMBERS,
            rollback_percent=WRONG_WHOLE_NUMBERS,
            wait=(None, *WRONG_DURATIONS),
        ),
        *wrong_types(
            at_once,
            "at once",
            termination_wait=WRONG_DURATIONS,
            maximum_execution=WRONG_DURATIONS,
            rollback=WRONG_OBJECTS,
        ),
        *wrong_types(
            Rollback,
            "rollback",
            error_rate_percent=WRONG_NUMBERS,
            latency=WRONG_DURATIONS,
            latency_alarm=WRONG_SWITCHES,
            alarms=WRONG_LISTS,
        ),
    ],
)
def test_a_wrong_type_is_refused_for_its_property(wrong: WrongType) -> None:
    wrong.check()


def test_several_broken_rules_are_reported_together_and_name_the_strategy() -> None:
    error = refused(lambda: Rollout.canary(size_percent=60, wait=hours(2), maximum_execution=minutes(1)))
    assert error.path == "Rollout.canary"
    assert error.rules == ("SM-ROLLOUT-001", "SM-ROLLOUT-002", "SM-ROLLOUT-003")


def test_a_percentage_that_is_no_number_leaves_the_sum_of_waits_alone() -> None:
    error = refused(lambda: linear(step_percent=NAN, maximum_execution=minutes(10)))
    assert error.rules == ("SM-ROLLOUT-001",)


@pytest.mark.parametrize("percent", [0, -10])
def test_a_percentage_that_is_none_leaves_the_sum_of_waits_alone(percent: int) -> None:
    error = refused(lambda: linear(step_percent=percent, maximum_execution=minutes(10)))
    assert error.rules == ("SM-ROLLOUT-001",)

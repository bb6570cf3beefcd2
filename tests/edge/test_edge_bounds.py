"""Every number, time and size of a fleet: taken at its bounds, refused beyond them; wrong types are named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest

from constructs_lib import EdgeProgram, EdgeRollout, EdgeTelemetry, ExponentialRate
from tests.support.refusals import (
    INFINITY,
    NAN,
    WRONG_DURATIONS,
    WRONG_LISTS,
    WRONG_NUMBERS,
    WRONG_OBJECTS,
    WRONG_SWITCHES,
    WRONG_WHOLE_NUMBERS,
    WrongType,
    assert_refused_for,
    sole_violation,
    wrong_types,
)

Seconds, MiB = cdk.Duration.seconds, cdk.Size.mebibytes
MINUTE, HOUR, DAY = 60, 3600, 86_400
A_YEAR = 365 * DAY


def rate(**props: Any) -> ExponentialRate:
    return ExponentialRate(**{"base": 10, **props})


def telemetry(**props: Any) -> EdgeTelemetry:
    """A summary every ten seconds, so that silence may be as short as it ever may."""
    return EdgeTelemetry(**{"summary_every": Seconds(10), **props})


Made = Callable[..., object]
NUMBERS: list[tuple[Made, str, float, float, float]] = [
    (EdgeRollout, "canary_percent", 0.01, 50, 0.005),
    (EdgeRollout, "canary_min_devices", 1, 1000, 1),
    (EdgeRollout, "max_per_minute", 1, 1000, 1),
    (EdgeRollout, "abort_percent", 1, 100, 0.5),
    (EdgeRollout, "abort_min_devices", 1, 1000, 1),
    (rate, "base", 1, 1000, 1),
    (rate, "factor", 1.1, 5.0, 0.1),
    (rate, "succeeded", 1, 100_000, 1),
    (telemetry, "sample_percent", 0, 100, 0.1),
    (telemetry, "silent_devices", 1, 100_000, 1),
    (EdgeProgram, "http_port", 1024, 65_535, 1),
    (EdgeProgram, "threads", 1, 64, 1),
    (EdgeProgram, "max_concurrent", 1, 256, 1),
]
DURATIONS: list[tuple[Made, str, int, int]] = [
    (EdgeRollout, "soak", MINUTE, 14 * DAY),
    (EdgeRollout, "device_timeout", MINUTE, 7 * DAY),
    (EdgeRollout, "canary_timeout", MINUTE, 14 * DAY),
    (EdgeRollout, "fleet_timeout", MINUTE, 30 * DAY),
    (telemetry, "silent_after", MINUTE, 7 * DAY),
    (telemetry, "retention", DAY, 3660 * DAY),
]


@pytest.mark.parametrize(("made", "name", "low", "high", "step"), NUMBERS, ids=[each[1] for each in NUMBERS])
def test_numbers(made: Made, name: str, low: float, high: float, step: float) -> None:
    for taken in (low, high):
        made(**{name: taken})
    for beyond in (low - step, high + step, -high, NAN, INFINITY):
        assert_refused_for(lambda beyond=beyond: made(**{name: beyond}), name)  # type: ignore[misc]


@pytest.mark.parametrize(("made", "name", "low", "high"), DURATIONS, ids=[each[1] for each in DURATIONS])
def test_times(made: Made, name: str, low: int, high: int) -> None:
    for taken in (low, high):
        made(**{name: Seconds(taken)})
    for beyond in (low - 1, high + 1, high + A_YEAR, 0):
        assert_refused_for(lambda beyond=beyond: made(**{name: Seconds(beyond)}), name)  # type: ignore[misc]
    assert_refused_for(lambda: made(**{name: cdk.Duration.millis(1000 * low + 500)}), name)


def test_a_share_of_errors_is_above_nothing() -> None:
    telemetry(error_percent=0.001)
    telemetry(error_percent=100)
    for beyond in (0, -1, 100.1):
        assert_refused_for(lambda beyond=beyond: telemetry(error_percent=beyond), "error_percent")  # type: ignore[misc]


def test_a_look_is_as_often_as_a_history_has_room_for() -> None:
    """The longest rollout with the default times is looked at each 83 seconds; short ones each ten."""
    short = {name: Seconds(MINUTE) for name in ("soak", "canary_timeout", "fleet_timeout")}
    EdgeRollout(look_every=Seconds(10), **short)
    EdgeRollout(look_every=Seconds(HOUR))
    EdgeRollout(look_every=Seconds(83))
    violation = sole_violation(lambda: EdgeRollout(look_every=Seconds(82)))
    assert (violation.rule, violation.given) == ("SM-EDGE-033", "1 minute 22 seconds")
    for beyond in (9, HOUR + 1):
        assert_refused_for(
            lambda beyond=beyond: EdgeRollout(look_every=Seconds(beyond), **short), "look_every"
        )  # type: ignore[misc]


def test_without_a_look_of_ones_own_it_fits_whatever_the_times() -> None:
    for days in (1, 7, 14):
        rollout = EdgeRollout(soak=Seconds(days * DAY), canary_timeout=Seconds(days * DAY))
        assert rollout.longest_seconds / rollout.look_seconds <= 2500
    assert EdgeRollout(fleet_timeout=Seconds(MINUTE)).look_seconds == MINUTE


def test_a_summary_is_told_every_ten_seconds_to_an_hour() -> None:
    for seconds in (10, HOUR):
        EdgeTelemetry(summary_every=Seconds(seconds), silent_after=Seconds(3 * HOUR))
    for beyond in (9, HOUR + 1):
        attempt = {"summary_every": Seconds(beyond), "silent_after": Seconds(DAY)}
        assert_refused_for(lambda attempt=attempt: EdgeTelemetry(**attempt), "summary_every")  # type: ignore[misc]


@pytest.mark.parametrize("name", ["soak", "canary_timeout", "fleet_timeout", "look_every"])
def test_half_a_second_is_refused_in_words_whatever_else_is_given(name: str) -> None:
    given = {"look_every": Seconds(120), name: cdk.Duration.millis(120_500)}
    assert_refused_for(lambda: EdgeRollout(**given), name)
    half = {"silent_after": Seconds(DAY), "summary_every": cdk.Duration.millis(10_500)}
    assert_refused_for(lambda: EdgeTelemetry(**half), "summary_every")


@pytest.mark.parametrize(("every", "after"), [(60, 180), (1200, 3600)])
def test_silence_is_three_summaries(every: int, after: int) -> None:
    EdgeTelemetry(summary_every=Seconds(every), silent_after=Seconds(after))
    attempt = {"summary_every": Seconds(every), "silent_after": Seconds(after - 1)}
    violation = sole_violation(lambda: EdgeTelemetry(**attempt))
    assert (violation.rule, violation.given) == ("SM-EDGE-051", f"{after - 1} seconds")
    assert violation.allowed == f"at least {after} seconds: three times summary_every"


@pytest.mark.parametrize(
    ("made", "name", "low", "high"),
    [(telemetry, "buffer", 1, 65_536), (EdgeProgram, "memory", 64, 65_536)],
)
def test_sizes(made: Made, name: str, low: int, high: int) -> None:
    for taken in (MiB(low), MiB(high), cdk.Size.gibibytes(high // 1024)):
        made(**{name: taken})
    for beyond in (MiB(low - 1), MiB(high + 1), cdk.Size.kibibytes(1024 * low + 1)):
        assert_refused_for(lambda beyond=beyond: made(**{name: beyond}), name)  # type: ignore[misc]


@pytest.mark.parametrize("milliseconds", [1, 60_000])
def test_the_latency_of_an_alarm(milliseconds: int) -> None:
    telemetry(latency_p99=cdk.Duration.millis(milliseconds))


@pytest.mark.parametrize("milliseconds", [0, 60_001])
def test_a_latency_beyond(milliseconds: int) -> None:
    assert_refused_for(lambda: telemetry(latency_p99=cdk.Duration.millis(milliseconds)), "latency_p99")


NUMBER, WHOLE = WRONG_NUMBERS, WRONG_WHOLE_NUMBERS
TIME, SIZE = WRONG_DURATIONS, (64, "64", True, [64], NAN)


@pytest.mark.parametrize(
    "wrong",
    [
        *wrong_types(
            EdgeRollout,
            "rollout",
            canary_percent=NUMBER,
            canary_min_devices=WHOLE,
            soak=TIME,
            max_per_minute=WHOLE,
            exponential=WRONG_OBJECTS,
            abort_percent=NUMBER,
            abort_min_devices=WHOLE,
            device_timeout=TIME,
            canary_timeout=TIME,
            fleet_timeout=TIME,
            look_every=TIME,
            alarms=WRONG_LISTS,
            on_empty_canary=("skip", 1, True, []),
            start_on_deploy=WRONG_SWITCHES,
        ),
        *wrong_types(rate, "rate", base=WHOLE, factor=NUMBER, succeeded=WHOLE),
        *wrong_types(
            EdgeTelemetry,
            "telemetry",
            sample_percent=NUMBER,
            inputs=WRONG_SWITCHES,
            bucket=WRONG_OBJECTS,
            key=WRONG_OBJECTS,
            summary_every=TIME,
            silent_after=TIME,
            silent_devices=WHOLE,
            error_percent=NUMBER,
            latency_p99=TIME,
            buffer=SIZE,
            retention=TIME,
        ),
        *wrong_types(
            EdgeProgram,
            "program",
            http_port=WHOLE,
            socket=(5, True, [], "", "relative", "/" + "s" * 101, "/é'", "/a b"),
            memory=SIZE,
            threads=WHOLE,
            max_concurrent=WHOLE,
            python=(5, True, [], "", "a b", "$(id)", "p" * 201),
            wheels=(5, True, [], "", "nowhere"),
        ),
    ],
)
def test_wrong_types_are_named(wrong: WrongType) -> None:
    wrong.check()


def test_a_rate_that_does_not_grow_beside_one_that_is_wrong_is_still_one_error() -> None:
    assert_refused_for(lambda: EdgeRollout(exponential=rate(), max_per_minute="x"), "max_per_minute")  # type: ignore[arg-type]

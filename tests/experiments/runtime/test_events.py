"""Reading one line: an event, or why it is none."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from constructs_lib.experiments.runtime.events import Exposure, Parser, Refused, Reward, lines
from constructs_lib.experiments.runtime.experiment import Reward as RewardKind
from tests.support.experiment_events import EXPERIMENT, NOON, NUMERIC, exposure, line, reward

DAY = 86400.0


def parsed(data: bytes, *, arrived: float = NOON) -> Any:
    return Parser(EXPERIMENT).parse(data, arrived=arrived)


def test_an_exposure_and_a_reward_are_read() -> None:
    assert parsed(exposure("a-1", arm="bold")) == Exposure("a-1", NOON, "bold")
    assert parsed(reward("a-1", at=NOON)) == Reward("a-1", NOON, 10**11)


def test_members_for_others_do_no_harm() -> None:
    more = {"unit": "ü", "epoch": 3, "propensity": 0.5, "diverted": "bold", "total": [{}]}
    assert parsed(exposure("a", **more)) == parsed(exposure("a"))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"{", "NotJson"),
        (b"\xff\xfe{}", "NotJson"),
        ("{}".encode("utf-16"), "NotJson"),
        (b"[" * 8000, "NotJson"),
        (b'{"at": ' + b"9" * 5000 + b"}", "NotJson"),
        (exposure("a", note="x" * 9000), "TooLarge"),
        (b"[]", "NotAnEvent"),
        (b'"exposure"', "NotAnEvent"),
        (line(type=["exposure"]), "NotAnEvent"),
        (line(type="exposure"), "OtherExperiment"),
        (exposure("a").replace(b"pricing", b"prizing"), "OtherExperiment"),
        (exposure(""), "BadId"),
        (exposure("a" * 65), "BadId"),
        (exposure("a b"), "BadId"),
        (exposure("ä"), "BadId"),
        (exposure("a\n"), "BadId"),
        (line(type="exposure", experiment="pricing", id=1, at=NOON, arm="control"), "BadId"),
        (line(type="exposure", experiment="pricing", id="a", arm="control"), "BadTime"),
        (line(type="exposure", experiment="pricing", id="a", arm="control", at=str(NOON)), "BadTime"),
        (line(type="exposure", experiment="pricing", id="a", arm="control", at=True), "BadTime"),
        (line(type="exposure", experiment="pricing", id="a", arm="control", at=float("nan")), "BadTime"),
        (line(type="exposure", experiment="pricing", id="a", arm="control", at=10**400), "BadTime"),
        (exposure("a", at=NOON + 301), "Future"),
        (exposure("a", at=NOON - 2 * DAY - 1), "Stale"),
        (exposure("a", arm="Control"), "UnknownArm"),
        (exposure("a", arm="\ud800"), "UnknownArm"),
        (line(type="exposure", experiment="pricing", id="a", at=NOON), "UnknownArm"),
        (reward("a", value=0.5), "BadValue"),
        (reward("a", value=2), "BadValue"),
        (reward("a", value=True), "BadValue"),
        (reward("a", value=None), "BadValue"),
        (reward("a", value=float("inf")), "BadValue"),
        (reward("a", value="1"), "BadValue"),
    ],
)
def test_what_is_no_event_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    assert parsed(data) == Refused(reason)


def test_the_times_that_are_just_allowed_are() -> None:
    for at in (NOON + 300, NOON - 2 * DAY):
        assert isinstance(parsed(exposure("a", at=at)), Exposure)
        assert isinstance(parsed(reward("a", at=at)), Reward)


def test_numeric_rewards_lie_between_their_bounds() -> None:
    parse = Parser(NUMERIC).parse
    for value in (-5, -5.0, 250, 0.125):
        assert isinstance(parse(reward("a", value=value, at=NOON), arrived=NOON), Reward)
    for value in (-5.001, 250.001):
        assert parse(reward("a", value=value, at=NOON), arrived=NOON) == Refused("BadValue")


def test_a_reward_too_small_to_see_is_nothing_and_never_a_number_that_no_table_holds() -> None:
    parse = Parser(NUMERIC).parse
    assert parse(reward("a", value=5e-324, at=NOON), arrived=NOON) == Reward("a", NOON, 0)
    assert parse(reward("a", value=-0.0, at=NOON), arrived=NOON) == Reward("a", NOON, 0)


def test_rewards_are_as_fine_as_the_largest_allows() -> None:
    wide = replace(NUMERIC, reward=RewardKind(kind="numeric", window=1.0, low=0.0, high=9e9))
    assert Parser(wide).parse(reward("a", value=1.23456, at=NOON), arrived=NOON) == Reward("a", NOON, 123)


def test_a_record_is_as_many_events_as_it_has_lines() -> None:
    assert list(lines(b"\n a \r\n\nb\xe2\x80\xa8c")) == [b" a \r", b"b\xe2\x80\xa8c"]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=4,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.sampled_from(["type", "experiment", "id", "arm", "at", "value"]), anything),
    st.sampled_from(["exposure", "reward"]),
)
def test_nothing_makes_it_raise(given: dict[str, Any], kind: str) -> None:
    parsed(json.dumps(given).encode())
    parsed(json.dumps({"type": kind, "experiment": "pricing", "id": "a", "at": NOON} | given).encode())


@given(st.binary())
def test_no_bytes_make_it_raise(data: bytes) -> None:
    assert isinstance(parsed(data), Refused)

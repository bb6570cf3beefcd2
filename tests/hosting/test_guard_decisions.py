"""The deploy guard's decisions: pure functions, by table and by generated cases."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import guard

decide = guard.module()
NOW = 1_800_000_000.0
DAY = 24 * 3600
VARIANTS = st.dictionaries(st.sampled_from("ABCD"), st.sampled_from(["ml.m5.large", "ml.c5.large", ""]))


@pytest.mark.parametrize(
    ("current", "wanted", "released"),
    [
        ({}, {}, []),
        ({"A": "ml.m5.large"}, {"A": "ml.m5.large"}, []),
        ({"A": "ml.m5.large"}, {"A": "ml.m5.xlarge"}, ["A"]),
        ({"A": "ml.m5.large"}, {}, ["A"]),
        ({"A": "ml.m5.large"}, {"A": "ml.m5.large", "B": "ml.m5.large"}, []),
        ({"B": "ml.m5.large", "A": "ml.m5.large"}, {"C": "ml.m5.large"}, ["A", "B"]),
        ({"A": ""}, {"A": "ml.m5.large"}, ["A"]),
    ],
)
def test_released_is_what_changes_its_type_or_goes(
    current: dict[str, str], wanted: dict[str, str], released: list[str]
) -> None:
    assert decide.variants_to_release(current, wanted) == released


@given(current=VARIANTS, wanted=VARIANTS)
def test_what_is_not_released_is_wanted_as_it_is(current: dict[str, str], wanted: dict[str, str]) -> None:
    released = decide.variants_to_release(current, wanted)
    assert set(released) <= set(current)
    for name in set(current) - set(released):
        assert wanted[name] == current[name]
    assert all(wanted.get(name) != current[name] for name in released)


def an_endpoint(config: str, status: str, **more: str) -> dict[str, Any]:
    return {"EndpointName": "fraud", "EndpointConfigName": config, "EndpointStatus": status, **more}


@pytest.mark.parametrize("status", ["InService", "Updating", "SystemUpdating"])
def test_the_wanted_configuration_in_service_is_fine(status: str) -> None:
    assert decide.verdict("new", an_endpoint("new", status)) is None


@pytest.mark.parametrize("status", ["InService", "Updating", "RollingBack", "Failed", "UpdateRollbackFailed"])
def test_another_configuration_never_is(status: str) -> None:
    told = decide.verdict("new", an_endpoint("old", status, FailureReason="ping failed"))
    assert f"fraud is {status} on configuration old, not on new" in told
    assert "rolled the deployment back" in told
    assert told.endswith("ping failed")


@pytest.mark.parametrize("status", ["Failed", "UpdateRollbackFailed"])
def test_the_wanted_configuration_that_failed_is_not_said_to_be_another(status: str) -> None:
    told = decide.verdict("new", an_endpoint("new", status, FailureReason="no capacity"))
    assert status in told
    assert "no capacity" in told
    assert "not on new" not in told


def test_without_a_reason_it_is_said_where_to_look() -> None:
    assert "CloudWatch logs" in decide.verdict("new", an_endpoint("old", "InService"))


@pytest.mark.parametrize(
    ("age", "fresh"), [(0, True), (DAY - 1, True), (DAY, False), (DAY + 1, False), (-5, True)]
)
def test_a_snapshot_is_fresh_for_a_day(age: float, fresh: bool) -> None:
    assert decide.is_fresh({"taken_at": NOW - age}, NOW) is fresh


@pytest.mark.parametrize(
    ("schedule", "over"),
    [
        ("cron(0 22 * * ? *)", False),
        ("rate(1 day)", False),
        ("at(2027-01-15T08:00:00)", False),  # now
        ("at(2027-01-14T09:00:00)", False),  # within the leeway for time zones
        ("at(2027-01-14T07:59:59)", True),
        ("at(2020-01-01T00:00:00)", True),
        ("at(2030-01-01T00:00:00)", False),
    ],
)
def test_an_action_for_one_time_is_over_a_day_after_it(schedule: str, over: bool) -> None:
    assert decide.is_over({"Schedule": schedule}, NOW) is over

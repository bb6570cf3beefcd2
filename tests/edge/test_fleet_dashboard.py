"""The dashboard of a fleet."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest

from tests.support.fleet_telemetry import FLEET, alarms, made, widgets
from tests.support.synth import Template


@pytest.fixture(scope="module")
def template() -> Template:
    return made(dashboard=True, latency_p99=cdk.Duration.millis(250))


@pytest.fixture(scope="module")
def by_title(template: Template) -> dict[str, dict[str, Any]]:
    return {each["title"]: each for each in widgets(template) if "title" in each}


def test_it_shows_what_one_asks_first(by_title: dict[str, Any]) -> None:
    assert set(by_title) == {
        "Alarms",
        "devices by version of the model",
        "devices",
        "requests",
        "latency on devices, milliseconds",
        "models",
        "telemetry on devices",
        "waiting on devices",
        "rollouts",
        "what could not be taken",
        "devices that may not join",
    }


def test_versions_are_searched_for_since_nobody_knows_them_yet(by_title: dict[str, Any]) -> None:
    ((line,),) = by_title["devices by version of the model"]["metrics"]
    assert line["expression"] == (
        'SEARCH(\'{ConstructsLib/Edge,Fleet,ModelVersion} MetricName="DevicesByVersion" '
        f"Fleet=\"{FLEET}\"', 'Maximum', 300)"
    )


def test_latency_has_its_percentiles(by_title: dict[str, Any]) -> None:
    lines = by_title["latency on devices, milliseconds"]["metrics"]
    assert [line[-1]["stat"] for line in lines] == ["p50", "p99", "p99"]


def test_every_alarm_is_on_it(template: Template, by_title: dict[str, Any]) -> None:
    assert len(by_title["Alarms"]["alarms"]) == len(alarms(template)) == 12


def test_what_rules_could_not_hand_over_is_on_it(by_title: dict[str, Any]) -> None:
    search, waiting, dead = by_title["what could not be taken"]["metrics"]
    assert '"press_cams_results" OR "press_cams_summaries"' in search[0]["expression"]
    assert waiting[1] == dead[1] == "ApproximateNumberOfMessagesVisible"


def test_widgets_stand_beside_each_other_and_on_nothing(template: Template) -> None:
    assert len(widgets(template)) == 12

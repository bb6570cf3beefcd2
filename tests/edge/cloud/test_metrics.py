"""What alarms look at and the dashboard shows is what the functions tell: no name is misspelt, none is forgotten."""

from __future__ import annotations

import json

import aws_cdk as cdk
import pytest

from constructs_lib.edge.runtime.cloud import census, hook, meter
from constructs_lib.edge.runtime.cloud.rollout import tell
from tests.support.edge_aws import EdgeAws
from tests.support.fleet_telemetry import Looked, looked_at_by_alarms, made, shown
from tests.support.rollouts import Rollouts, settings, versions
from tests.support.synth import Template
from tests.support.telemetry import NOW, SETTINGS, TelemetryAws, a_summary, message


@pytest.fixture(scope="module")
def template() -> Template:
    return made(dashboard=True, latency_p99=cdk.Duration.millis(100))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> set[Looked]:
    """Every metric that a function of ours tells, told by it."""
    aws = TelemetryAws(members={"canary": ["cam-1"], "fleet": ["cam-2"]})
    monkeypatch.setattr("boto3.client", lambda service, **_: aws.client(service))
    monkeypatch.setattr("time.time", lambda: NOW)
    monkeypatch.setenv("EDGE", json.dumps(SETTINGS))
    full = a_summary(fallbacks=1, dropped_records=1, swaps=1, rejected_models=1)
    meter.handle({"Records": [message(full), message(b"")]}, None)
    census.handle({}, None)
    monkeypatch.setenv(
        "EDGE",
        json.dumps(
            {
                "fleet": "cameras",
                "devices": {"kind": "listed", "serials": []},
                "canary_percent": 5,
                "canary_group": "c",
                "fleet_group": "f",
            }
        ),
    )
    hook.handle({"parameters": {"SerialNumber": "stranger"}}, None)
    return aws.named() | _of_rollouts(monkeypatch)


def _of_rollouts(monkeypatch: pytest.MonkeyPatch) -> set[Looked]:
    aws = EdgeAws(members={"canary": ["c1"], "fleet": ["f1"]})
    assert not Rollouts(aws=aws).run(components=versions(1)).error
    monkeypatch.setattr("boto3.client", lambda service, **_: aws.client(service))
    monkeypatch.setattr(tell, "client", lambda service: aws.client(service))
    monkeypatch.setattr(tell.Settings, "from_environment", settings)
    for status, error in (("FAILED", "CanaryFailed"), ("ABORTED", tell.SUPERSEDED)):
        tell.handle({"detail": {"name": "r1", "status": status, "error": error}}, None)
    return {
        (each["MetricName"], frozenset(dimension["Name"] for dimension in each["Dimensions"]))
        for each in aws.metrics
    }


def test_alarms_look_at_what_is_told(template: Template, told: set[Looked]) -> None:
    looked = looked_at_by_alarms(template)
    assert len(looked) > 10
    assert looked <= told, looked - told


def test_the_dashboard_shows_what_is_told(template: Template, told: set[Looked]) -> None:
    found = shown(template)
    assert len(found) > 15
    assert found <= told, found - told


def test_nothing_is_told_for_nobody(template: Template, told: set[Looked]) -> None:
    """Each metric is billed: of each, an alarm or the dashboard has at least one breakdown."""
    seen = {name for name, _ in shown(template) | looked_at_by_alarms(template)}
    assert {name for name, _ in told} == seen

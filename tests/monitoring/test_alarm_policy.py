"""Alarms and dashboards of every kind of endpoint under the policy packs and CloudFormation Validate."""

from __future__ import annotations

import json
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns

from constructs_lib import (
    EndpointAlarms,
    EndpointMonitoring,
    ErrorThreshold,
    MonitoringDashboard,
    RealtimeEndpoint,
    UtilizationThreshold,
)
from tests.policy.audit import audited, strict_context
from tests.property import api


def app_with_everything(folder: Path) -> cdk.App:
    app = cdk.App(outdir=str(folder), context=json.loads(strict_context()))
    stack = cdk.Stack(app, "Alarms")
    topic = sns.Topic(
        stack, "Topic", master_key=kms.Key(stack, "Key", enable_key_rotation=True), enforce_ssl=True
    )
    silent, telling, together = (
        RealtimeEndpoint.from_endpoint_name(stack, name, name.lower(), variant_names=["A", "B"])
        for name in ("Silent", "Telling", "Together")
    )
    alarms = EndpointAlarms(
        error_rate={"Critical": ErrorThreshold(percent=5, datapoints=2)},
        memory={"Shown": UtilizationThreshold(percent=90, actions_enabled=False)},
    )
    monitorings = [
        EndpointMonitoring(stack, "SilentMonitoring", endpoint=silent),
        EndpointMonitoring(stack, "TellingMonitoring", endpoint=telling, alarms=alarms, notify=[topic]),
        EndpointMonitoring(stack, "TogetherMonitoring", endpoint=together, notify=[topic], composite=True),
    ]
    MonitoringDashboard(stack, "Dashboard", monitorings=monitorings)
    return app


def test_nothing_is_unacknowledged(tmp_path: Path) -> None:
    audit = audited(app_with_everything(tmp_path / "out"))
    assert audit.findings == []
    assert api.faults(audit.templates["Alarms"]) == []
    muted = {each.construct for each in audit.acknowledged if "CloudWatchAlarmAction" in each.rule}
    assert any("SilentMonitoring" in each for each in muted)
    assert any("TellingMonitoring" in each and "Memory-Shown" in each for each in muted)
    assert not any("TellingMonitoring" in each and "ErrorRate" in each for each in muted), "it acts"
    assert all(each.reason.endswith(".") for each in audit.acknowledged)

"""Endpoints in the MonitoringFacade of cdk-monitoring-constructs: the package itself, not a stand-in."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import aws_cdk as cdk
import cdk_monitoring_constructs as cmc
import pytest
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns

from constructs_lib import (
    EndpointAlarms,
    EndpointBase,
    EndpointMonitoring,
    ErrorThreshold,
    LatencyThreshold,
    RealtimeEndpoint,
    UtilizationThreshold,
)
from tests.support.alarms import ALARM, breaches, dashboard_body
from tests.support.refusals import refused
from tests.support.synth import a_variant, an_endpoint, flat, resources, synthesized

ALARMS = EndpointAlarms(
    error_rate={"Warning": ErrorThreshold(percent=1), "Critical": ErrorThreshold(percent=5, min_requests=20)},
    memory={"Critical": UtilizationThreshold(percent=90)},
)


def fraud(stack: cdk.Stack) -> EndpointBase:
    return RealtimeEndpoint.from_endpoint_name(stack, "Fraud", "fraud", variant_names=["A"])


def facade(stack: cdk.Stack, **defaults: Any) -> cmc.MonitoringFacade:
    """A facade with a prefix, and what else there may be by default."""
    given = {"alarm_name_prefix": "Team", "actions_enabled": True, **defaults}
    return cmc.MonitoringFacade(stack, "Facade", alarm_factory_defaults=cmc.AlarmFactoryDefaults(**given))


def by_name(stack: cdk.Stack) -> dict[str, dict[str, Any]]:
    alarms = [each["Properties"] for each in resources(synthesized(stack), ALARM).values()]
    return {alarm["AlarmName"]: alarm for alarm in alarms if "AlarmName" in alarm}


def texts(stack: cdk.Stack, part: str = "") -> list[str]:
    """Texts and titles on the dashboards with `part` in their names."""
    return [
        each["properties"].get("markdown", each["properties"].get("title"))
        for id, dashboard in resources(synthesized(stack), "AWS::CloudWatch::Dashboard").items()
        if part in id
        for each in dashboard_body(dashboard)["widgets"]
    ]


def test_the_facade_names_the_alarms(stack: cdk.Stack) -> None:
    EndpointMonitoring.in_facade(facade(stack), fraud(stack), alarms=ALARMS)
    alarms = by_name(stack)
    assert set(alarms) == {
        f"Team-Fraud-{each}" for each in ("ErrorRate-Warning", "ErrorRate-Critical", "Memory-Critical")
    }
    critical = alarms["Team-Fraud-ErrorRate-Critical"]
    assert breaches(critical, {"Invocations": 20, "Invocation5XXErrors": 2}) is True
    assert breaches(critical, {"Invocations": 19, "Invocation5XXErrors": 2}) is None
    assert critical["TreatMissingData"] == "notBreaching"
    assert critical["AlarmDescription"].startswith(
        "Critical: endpoint fraud, variant A: 5xx answers above 5 %"
    )


def test_a_name_of_yours_leads(stack: cdk.Stack) -> None:
    EndpointMonitoring.in_facade(facade(stack), fraud(stack), alarms=ALARMS, name="Scoring")
    assert "Team-Scoring-Memory-Critical" in by_name(stack)


def test_several_variants_are_in_the_names(stack: cdk.Stack) -> None:
    endpoint = an_endpoint(stack, variants=[a_variant(stack, "A"), a_variant(stack, "B")])
    EndpointMonitoring.in_facade(facade(stack), endpoint, alarms=ALARMS, variants=["A", "B"])
    names = {name for name in by_name(stack) if "Memory" in name}
    assert names == {"Team-Endpoint-A-Memory-Critical", "Team-Endpoint-B-Memory-Critical"}


def test_what_a_threshold_leaves_open_is_the_facade_s(stack: cdk.Stack) -> None:
    topic = sns.Topic(stack, "Pager")
    monitored = facade(
        stack,
        evaluation_periods=10,
        datapoints_to_alarm=7,
        action=cmc.SnsAlarmActionStrategy(on_alarm_topic=topic),
        actions_enabled={"Critical": True, "Warning": False},
        runbook_link="https://runbooks.example.com",
    )
    EndpointMonitoring.in_facade(monitored, fraud(stack), alarms=ALARMS)
    warning, critical = (by_name(stack)[f"Team-Fraud-ErrorRate-{each}"] for each in ("Warning", "Critical"))
    assert (critical["EvaluationPeriods"], critical["DatapointsToAlarm"]) == (10, 7)
    assert (critical["ActionsEnabled"], warning["ActionsEnabled"]) == (True, False)
    assert [flat(each)[:6] for each in critical["AlarmActions"]] == ["<Pager"]
    assert "Runbook: https://runbooks.example.com" in critical["AlarmDescription"]


def test_what_a_threshold_says_is_the_threshold_s(stack: cdk.Stack) -> None:
    pager = sns.Topic(stack, "Pager")
    own = ErrorThreshold(
        percent=5,
        evaluation_periods=15,
        period=cdk.Duration.minutes(5),
        actions_enabled=False,
        runbook="https://runbooks.example.com/5xx",
        documentation="https://wiki.example.com",
        notify=[actions.SnsAction(pager)],
    )
    monitored = facade(stack, action=cmc.SnsAlarmActionStrategy(on_alarm_topic=sns.Topic(stack, "Team")))
    EndpointMonitoring.in_facade(monitored, fraud(stack), alarms=EndpointAlarms(error_rate={"Critical": own}))
    (alarm,) = by_name(stack).values()
    assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (15, 15), (
        "all, not the facade's 3 of 15"
    )
    assert {query["MetricStat"]["Period"] for query in alarm["Metrics"] if "MetricStat" in query} == {300}
    assert alarm["ActionsEnabled"] is False
    assert [flat(each)[:6] for each in alarm["AlarmActions"]] == ["<Pager"], "in place of the facade's"
    assert "Runbook: https://runbooks.example.com/5xx" in alarm["AlarmDescription"]
    assert "Documentation: https://wiki.example.com" in alarm["AlarmDescription"]


def test_datapoints_alone_reach_as_far_back_as_they_must(stack: cdk.Stack) -> None:
    monitored = facade(stack, evaluation_periods=2, datapoints_to_alarm=2)
    alarms = EndpointAlarms(error_rate={"Critical": ErrorThreshold(percent=5, datapoints=5)})
    EndpointMonitoring.in_facade(monitored, fraud(stack), alarms=alarms)
    (alarm,) = by_name(stack).values()
    assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (5, 5)


def test_the_facade_knows_the_alarms(stack: cdk.Stack) -> None:
    monitored = facade(stack)
    monitoring = EndpointMonitoring.in_facade(monitored, fraud(stack), alarms=ALARMS)
    assert len(monitored.created_alarms()) == len(monitoring.created_alarms()) == 3
    assert len(monitored.created_alarms_with_disambiguator("Critical")) == 2
    monitored.create_composite_alarm_using_disambiguator("Critical", disambiguator="Critical")
    (composite,) = resources(synthesized(stack), "AWS::CloudWatch::CompositeAlarm").values()
    assert flat(composite["Properties"]["AlarmRule"]).count("ALARM(") == 2


def test_the_facade_s_dashboards_show_the_endpoint(stack: cdk.Stack) -> None:
    dashboards = cmc.DefaultDashboardFactory(
        stack,
        "Dashboards",
        dashboard_name_prefix="Team",
        create_summary_dashboard=True,
        create_alarm_dashboard=True,
    )
    monitored = cmc.MonitoringFacade(stack, "Facade", dashboard_factory=dashboards)
    EndpointMonitoring.in_facade(monitored, fraud(stack), alarms=ALARMS)
    shown = texts(stack)
    assert shown.count("# Endpoint fraud") == 2, "on the detailed one and the summary"
    assert "Overhead of SageMaker, ms" in shown
    assert "Latency of the model, p99, ms" in shown
    assert len([each for each in shown if "ErrorRate" in str(each)]) == 2, "an alarm each on that of alarms"


def test_a_segment_shows_alarms_made_here(stack: cdk.Stack) -> None:
    dashboards = cmc.DefaultDashboardFactory(
        stack,
        "Dashboards",
        dashboard_name_prefix="Team",
        create_summary_dashboard=True,
        create_alarm_dashboard=True,
    )
    monitored = cmc.MonitoringFacade(stack, "Facade", dashboard_factory=dashboards)
    monitoring = EndpointMonitoring(stack, "Monitoring", endpoint=fraud(stack), alarms=ALARMS)
    monitored.add_large_header("Fraud").add_segment(monitoring.segment())
    shown = texts(stack)
    assert by_name(stack) == {}, "the facade makes none"
    assert {"# Endpoint fraud", "Endpoint fraud", "Requests a minute"} <= set(shown)


def test_the_rules_are_the_same(stack: cdk.Stack) -> None:
    alarms = EndpointAlarms(concurrency={"Warning": UtilizationThreshold(percent=80)})
    monitored = facade(stack)
    error = refused(lambda: EndpointMonitoring.in_facade(monitored, fraud(stack), alarms=alarms))
    assert error.rules == ("SM-ALARM-015",)
    assert error.path == "Test/Facade"
    assert by_name(stack) == {}


@pytest.mark.parametrize("name", ["Kritisch über 5", "重大"])
def test_disambiguators_of_any_language(stack: cdk.Stack, name: str) -> None:
    slow = LatencyThreshold(at_most=cdk.Duration.seconds(1))
    EndpointMonitoring.in_facade(facade(stack), fraud(stack), alarms=EndpointAlarms(latency_p99={name: slow}))
    assert set(by_name(stack)) == {f"Team-Fraud-LatencyP99-{name}"}


def test_the_package_is_loaded_by_nobody_else() -> None:
    script = (
        "import sys, constructs_lib; [getattr(constructs_lib, name) for name in constructs_lib.__all__];"
        "import constructs_lib.monitoring.facade; print('cdk_monitoring_constructs' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"

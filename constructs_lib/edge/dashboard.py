"""The dashboard of a fleet."""

from __future__ import annotations

import aws_cdk as cdk
import constructs
from aws_cdk import aws_cloudwatch as cloudwatch

from .fleet_telemetry import FleetTelemetry
from .functions import METRIC_NAMESPACE
from .metrics import metric
from .names import CANARY, FLEET

_WIDTH, _HEIGHT = 8, 6
_SUMS = {
    "requests": (("Requests", "requests"), ("Inferences", "answers"), ("Errors", "errors")),
    "telemetry on devices": (
        ("DeliveredRecords", "delivered"),
        ("DroppedRecords", "dropped, for lack of room"),
        ("MalformedSummaries", "summaries that could not be read"),
    ),
    "models": (
        ("Swaps", "changes of model"),
        ("RejectedModels", "models turned down"),
        ("Fallbacks", "back to the one before"),
    ),
    "devices that may not join": (("ProvisioningRefused", "refused"),),
    "rollouts": (
        ("RolloutsStarted", "started"),
        ("RolloutsSucceeded", "succeeded"),
        ("RolloutsFailed", "failed"),
        ("RolloutsSuperseded", "superseded"),
    ),
}


def fleet_dashboard(
    scope: constructs.Construct, *, fleet_name: str, telemetry: FleetTelemetry
) -> cloudwatch.Dashboard:
    """Devices by version, inferences, latency, errors, silent devices, rollouts, and the alarms."""
    dashboard = cloudwatch.Dashboard(scope, "Dashboard", default_interval=cdk.Duration.days(1))
    dashboard.add_widgets(
        cloudwatch.TextWidget(
            markdown=f"# {fleet_name}\n\nResults lie below `{telemetry.results.uri}`. Which devices there are, and "
            f"what each runs, is in the table `{telemetry.devices.table_name}`.",
            width=24,
            height=3,
        )
    )
    dashboard.add_widgets(
        cloudwatch.AlarmStatusWidget(
            title="Alarms",
            alarms=[*telemetry.alarms.all, *telemetry.alarms.canary],
            width=_WIDTH,
            height=_HEIGHT,
        ),
        _by_version(fleet_name),
        _graph(
            "devices",
            [
                metric(fleet_name, "Devices", statistic="Maximum", label="all"),
                metric(fleet_name, "SilentDevices", statistic="Maximum", label="silent"),
                *(
                    metric(
                        fleet_name, "SilentDevices", statistic="Maximum", group=each, label=f"silent: {each}"
                    )
                    for each in (CANARY, FLEET)
                ),
            ],
        ),
    )
    dashboard.add_widgets(_sums("requests", fleet_name), _latency(fleet_name), _sums("models", fleet_name))
    dashboard.add_widgets(
        _sums("telemetry on devices", fleet_name),
        _graph(
            "waiting on devices",
            [
                metric(
                    fleet_name, "BufferedRecords", statistic="Maximum", label="records, of the fullest device"
                )
            ],
        ),
        _sums("rollouts", fleet_name),
    )
    dashboard.add_widgets(_not_taken(telemetry), _sums("devices that may not join", fleet_name))
    return dashboard


def _by_version(fleet: str) -> cloudwatch.GraphWidget:
    search = (
        f'SEARCH(\'{{{METRIC_NAMESPACE},Fleet,ModelVersion}} MetricName="DevicesByVersion" Fleet="{fleet}"\', '
        "'Maximum', 300)"
    )
    return cloudwatch.GraphWidget(
        title="devices by version of the model",
        left=[cloudwatch.MathExpression(expression=search, label="", using_metrics={})],
        stacked=True,
        width=_WIDTH,
        height=_HEIGHT,
    )


def _not_taken(telemetry: FleetTelemetry) -> cloudwatch.GraphWidget:
    """What AWS IoT could not hand over, and what could not be counted.

    Source: https://docs.aws.amazon.com/iot/latest/developerguide/metrics_dimensions.html
    """
    names = (telemetry.delivery.cfn_rule.rule_name, telemetry.meter.cfn_rule.rule_name)
    rules = " OR ".join(f'"{each}"' for each in names)
    search = (
        f'SEARCH(\'{{AWS/IoT,ActionType,RuleName}} MetricName=("Failure" OR "ErrorActionFailure") '
        f"RuleName=({rules})', 'Sum', 300)"
    )
    return cloudwatch.GraphWidget(
        title="what could not be taken",
        left=[
            cloudwatch.MathExpression(expression=search, label="rule", using_metrics={}),
            telemetry.meter.summaries.metric_approximate_number_of_messages_visible(
                statistic="Maximum", label="summaries that wait"
            ),
            telemetry.meter.dead_letters.metric_approximate_number_of_messages_visible(
                statistic="Maximum", label="summaries that are dead letters"
            ),
        ],
        width=_WIDTH,
        height=_HEIGHT,
    )


def _latency(fleet: str) -> cloudwatch.GraphWidget:
    return _graph(
        "latency on devices, milliseconds",
        [metric(fleet, "Latency", statistic=each, label=each) for each in ("p50", "p99")]
        + [metric(fleet, "Latency", statistic="p99", group=CANARY, label="p99 of the canary")],
    )


def _sums(title: str, fleet: str) -> cloudwatch.GraphWidget:
    return _graph(title, [metric(fleet, name, label=label) for name, label in _SUMS[title]])


def _graph(title: str, shown: list[cloudwatch.Metric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=shown, width=_WIDTH, height=_HEIGHT)

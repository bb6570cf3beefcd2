"""The dashboard of a batch transform."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from .metrics import metric

if TYPE_CHECKING:
    from .batch_transform import BatchTransform

_WIDTH, _HEIGHT = 8, 6
_GRAPHS = {
    "runs": (("RunsStarted", "started"), ("RunsSucceeded", "succeeded"), ("RunsFailed", "failed")),
    "requests that started no run": (
        ("Duplicates", "ran already"),
        ("EmptyInputs", "nothing to score"),
        ("RequestsRejected", "refused"),
    ),
    "records": (("RecordsIn", "in"), ("RecordsOut", "out"), ("Nulls", "empty fields")),
    "retried jobs": (("Retries", "retries"),),
}
_LONGEST = {
    "duration, seconds": (("DurationSeconds", "the run"), ("TransformSeconds", "its transform job")),
    "instance seconds, which are billed": (("InstanceSeconds", "instance seconds"),),
}


def batch_dashboard(batch: BatchTransform) -> cloudwatch.Dashboard:
    """Runs, durations, records, failures, dead letters, and what the bill calls them."""
    dashboard = cloudwatch.Dashboard(batch, "Dashboard", default_interval=cdk.Duration.days(14))
    name = batch.transform_name
    dashboard.add_widgets(_about(batch))
    dashboard.add_widgets(
        cloudwatch.AlarmStatusWidget(
            title="Alarms", alarms=list(batch.alarms.all), width=_WIDTH, height=_HEIGHT
        ),
        _graph("runs", name, "Sum"),
        _graph("duration, seconds", name, "Maximum"),
    )
    dashboard.add_widgets(*(_graph(title, name, "Sum") for title in list(_GRAPHS)[1:]))
    dashboard.add_widgets(
        _graph("instance seconds, which are billed", name, "Sum"),
        *_sinks(batch),
        cloudwatch.GraphWidget(
            title="requests waiting, and dead letters",
            left=[
                batch.requests.queue.metric_approximate_number_of_messages_visible(label="waiting"),
                batch.requests.dead_letters.metric_approximate_number_of_messages_visible(
                    label="dead letters"
                ),
            ],
            width=_WIDTH,
            height=_HEIGHT,
        ),
    )
    return dashboard


def _about(batch: BatchTransform) -> cloudwatch.TextWidget:
    tags = ", ".join(f"`{key}={value}`" for key, value in batch.cost_tags.items())
    return cloudwatch.TextWidget(
        markdown=f"# {batch.transform_name}\n\nRuns lie below `{batch.output.uri}`. In Cost Explorer its jobs are "
        f"those with the tags {tags}, once these are active as cost allocation tags.",
        width=24,
        height=3,
    )


def _graph(title: str, transform: str, statistic: str) -> cloudwatch.GraphWidget:
    shown = {**_GRAPHS, **_LONGEST}[title]
    return cloudwatch.GraphWidget(
        title=title,
        left=[metric(transform, name, statistic=statistic, label=label) for name, label in shown],
        width=_WIDTH,
        height=_HEIGHT,
    )


def _sinks(batch: BatchTransform) -> list[cloudwatch.IWidget]:
    names = batch.sink_names
    if not names:
        return []
    told = {"RecordsWritten": "written", "StaleRecords": "held by a later run"}
    return [
        cloudwatch.GraphWidget(
            title="records by sink",
            left=[
                metric(batch.transform_name, name, sink=sink, label=f"{sink}: {label}")
                for sink in names
                for name, label in told.items()
            ],
            width=_WIDTH,
            height=_HEIGHT,
        )
    ]

"""The alarms of a batch transform."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
import constructs
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from ..core.alarms import notify
from ..core.roles import acknowledge, both_packs

_EVERY = cdk.Duration.minutes(5)


class BatchAlarms(constructs.Construct):
    """Two alarms: on requests that came to nothing, and on failures that nobody was told of."""

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        transform: str,
        dead_letters: sqs.IQueue,
        failures: lambda_.IFunction,
        topics: Sequence[sns.ITopic],
    ) -> None:
        super().__init__(scope, id)
        self.dead_letters = self._alarm(
            "DeadLetters",
            dead_letters.metric_approximate_number_of_messages_visible(period=_EVERY, statistic="Maximum"),
            f"Batch transform {transform}: a request came to nothing. Its reason is in the queue "
            f"{dead_letters.queue_name}; move it back when the cause is mended.",
        )
        """While there is a dead letter."""
        self.untold = self._alarm(
            "Untold",
            failures.metric_errors(period=_EVERY, statistic="Sum"),
            f"Batch transform {transform}: a run failed, and what tells of it failed too. See its log.",
        )
        """While the function that tells of failures fails itself."""
        for topic in topics:
            for alarm in self.all:
                notify(alarm, topic)
        if not topics:
            reason = "Without a topic, the dashboard shows it; EventBridge is told anyway."
            acknowledge(self, dict.fromkeys(both_packs("CloudWatchAlarmAction"), reason))

    @property
    def all(self) -> tuple[cloudwatch.Alarm, ...]:
        """Both."""
        return (self.dead_letters, self.untold)

    def _alarm(self, id: str, metric: cloudwatch.IMetric, description: str) -> cloudwatch.Alarm:
        return cloudwatch.Alarm(
            self,
            id,
            alarm_description=description,
            metric=metric,
            threshold=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )

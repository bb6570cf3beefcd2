"""The alarm of an API."""

from __future__ import annotations

from collections.abc import Sequence

import constructs
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns

from ..core.alarms import notify
from ..core.roles import acknowledge, both_packs


class ApiAlarms(constructs.Construct):
    """One alarm: on requests that failed, and not through the caller's fault."""

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        api: str,
        errors: cloudwatch.MathExpression,
        percent: float,
        topics: Sequence[sns.ITopic],
    ) -> None:
        super().__init__(scope, id)
        self.errors = cloudwatch.Alarm(
            self,
            "Errors",
            alarm_description=f"Inference API {api}: more than {percent:g} % of its requests fail. Its log says "
            "with which codes; of those that the model failed, the endpoint's own log says why.",
            metric=errors,
            threshold=percent,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=5,
            datapoints_to_alarm=3,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        """While more than so many percent fail, in 3 of 5 minutes."""
        for topic in topics:
            notify(self.errors, topic)
        if not topics:
            reason = "Without a topic, the console shows it; EventBridge is told anyway."
            acknowledge(self, dict.fromkeys(both_packs("CloudWatchAlarmAction"), reason))

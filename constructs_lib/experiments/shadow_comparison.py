"""The scheduled function behind a shadow test: reads what was captured, writes reports and metrics."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import constructs
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3

from ..core.buckets import attributes_of
from ..core.place import stack_of
from ..core.roles import acknowledge_wildcard
from ..hosting.capture import DataCapture
from .comparison import Comparison
from .functions import runtime_function

_MEMORY_MEGABYTES = 1024
_LONGEST_MINUTES = 15


class ShadowComparison(constructs.Construct):
    """The comparison of one shadow test."""

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        endpoint_name: str,
        production: str,
        challenger: str,
        bucket: s3.IBucket,
        capture: DataCapture,
        comparison: Comparison,
    ) -> None:
        """Compare what the variants `production` and `challenger` answer."""
        super().__init__(scope, id)
        self.reports_prefix = f"{comparison.reports_prefix}/{endpoint_name}"
        described = {
            "name": endpoint_name,
            "production": production,
            "challenger": challenger,
            "bucket": attributes_of(bucket).name,
            "captured": capture.prefix,
            "reports": self.reports_prefix,
            "every": comparison.every_seconds,
            "settle": comparison.settle_seconds,
            "selection": {"label": comparison.label, "number": comparison.number},
            "criteria": _criteria(comparison),
        }
        self.function = self._function(described)
        """Looks at what was captured; ``{"at": "2026-11-22T14:00:00Z"}`` asks for one window."""
        self._let_read_and_report(bucket, capture, f"{capture.prefix}/{endpoint_name}")
        self.rule = events.Rule(
            self,
            "Schedule",
            description=f"Compares the answers of the shadow test on {endpoint_name}",
            schedule=events.Schedule.rate(cdk.Duration.minutes(comparison.every_seconds // 60)),
            targets=[targets.LambdaFunction(self.function, retry_attempts=2)],
        )
        """The schedule."""

    def _function(self, described: dict[str, Any]) -> lambda_.Function:
        return runtime_function(
            self,
            "Look",
            module="shadow",
            description="Compares the answers of a shadow test",
            environment={"SHADOW_TEST": stack_of(self).to_json_string(described)},
            timeout=cdk.Duration.minutes(_LONGEST_MINUTES),
            memory_mb=_MEMORY_MEGABYTES,
            puts_metrics=True,
            packages=(),
            alone="Calls AWS's public endpoints only. A look that fails is tried again, and the next one compares the "
            "same window once more.",
        )

    def _let_read_and_report(self, bucket: s3.IBucket, capture: DataCapture, captured: str) -> None:
        arn = attributes_of(bucket).arn
        read, reports = f"{arn}/{captured}/*", f"{arn}/{self.reports_prefix}/*"
        for statement in (
            iam.PolicyStatement(actions=["s3:GetObject"], resources=[read]),
            iam.PolicyStatement(actions=["s3:GetObject", "s3:PutObject"], resources=[reports]),
            # Without it, a report that is not there yet would be a denied one.
            iam.PolicyStatement(
                actions=["s3:ListBucket"],
                resources=[arn],
                conditions={"StringLike": {"s3:prefix": [f"{captured}/*", f"{self.reports_prefix}/*"]}},
            ),
            iam.PolicyStatement(actions=["cloudwatch:GetMetricData"], resources=["*"]),
        ):
            self.function.add_to_role_policy(statement)
        for key in dict.fromkeys((attributes_of(bucket).key, capture.encryption_key)):
            if key is not None:
                key.grant(self.function, "kms:Decrypt", "kms:GenerateDataKey")
        for objects in (read, reports):
            acknowledge_wildcard(
                self, objects, "Captured objects and reports are named by time; prefixes bound them."
            )
        acknowledge_wildcard(self, "*", "CloudWatch offers no resource for reading metrics.")


def _criteria(comparison: Comparison) -> dict[str, float | int | None]:
    names = ("tolerance", "minimum_pairs", "least_agreement", "most_difference", "most_slowdown")
    return {name: getattr(comparison, name) for name in names}

"""All that becomes of what devices tell."""

from __future__ import annotations

from collections.abc import Sequence

import constructs
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_sns as sns

from ..core.s3_prefix import S3Prefix
from .alarms import FleetAlarms
from .delivery import ResultDelivery
from .meter import FleetMeter
from .names import FleetNames
from .telemetry import EdgeTelemetry


class FleetTelemetry(constructs.Construct):
    """Results to S3, counts to CloudWatch, and alarms on them."""

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        names: FleetNames,
        telemetry: EdgeTelemetry,
        notify: Sequence[sns.ITopic],
    ) -> None:
        """Take what a fleet tells."""
        super().__init__(scope, id)
        self.delivery = ResultDelivery(self, "Delivery", names=names, telemetry=telemetry)
        """Results, on their way to S3."""
        self.meter = FleetMeter(self, "Meter", names=names, telemetry=telemetry)
        """Counts, on their way to CloudWatch."""
        self.alarms = FleetAlarms(
            self,
            "Alarms",
            fleet=names.fleet,
            telemetry=telemetry,
            dead_letters=self.meter.dead_letters,
            topics=notify,
        )
        """What people are told of, and what stops a rollout."""

    @property
    def results(self) -> S3Prefix:
        """Where results lie."""
        return self.delivery.results

    @property
    def devices(self) -> dynamodb.Table:
        """An item a device."""
        return self.meter.devices

"""MonitoredEndpoint: a real-time endpoint that says when it stops being right."""

from __future__ import annotations

from collections.abc import Sequence

import constructs
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk.interfaces import aws_sagemaker as references

from ..core.place import construct_path
from ..core.rules import enforce_together
from ..hosting.auto_scaling import AutoScaling
from ..hosting.capture import DataCapture
from ..hosting.metrics import MetricsPublishing
from ..hosting.realtime import RealtimeEndpoint
from ..hosting.realtime_rules import RealtimeProps, realtime_rules
from ..hosting.rollout import Rollout
from ..hosting.variant import DEFAULT_VARIANT_NAME, Variant
from .endpoint_alarms import EndpointAlarms
from .engine import MonitorCompute, MonitorEngine
from .monitor_set import DEFAULT_PREFIX
from .monitoring import Monitoring
from .monitoring_rules import MonitoringProps, monitoring_rules
from .monitors import Monitor


class MonitoredEndpoint(RealtimeEndpoint):
    """A `RealtimeEndpoint` with data capture, monitors, alarms and a dashboard.

    Costs: those of the endpoint; a look is a Lambda function that runs for seconds, or a processing job; about
    six metrics a monitor, and its two alarms. See docs/monitoring.md.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor.html

    Example::

        fraud = MonitoredEndpoint(self, "Fraud", model=model, instance_type="ml.m5.large",
            scaling=AutoScaling(min_capacity=2, max_capacity=10, invocations_per_instance=600),
            monitors=[DataQuality(baseline=Baseline.from_bucket(bucket, "training/fraud.csv"))],
            notify=[topic])
        fraud.monitoring.metric_violations("DataQuality")
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        model: references.IModelRef | None = None,
        variants: Sequence[Variant] | None = None,
        instance_type: str | None = None,
        instance_count: int | None = None,
        scaling: AutoScaling | None = None,
        endpoint_name: str | None = None,
        rollout: Rollout | None = None,
        capture: DataCapture | None = None,
        encryption_key: kms.IKey | None = None,
        metrics: MetricsPublishing | None = None,
        weights_managed_elsewhere: bool = False,
        check_deployments: bool = True,
        parameter_name: str | None = None,
        monitors: Sequence[Monitor] = (),
        alarms: EndpointAlarms | None = None,
        results: s3.IBucket | None = None,
        results_prefix: str = DEFAULT_PREFIX,
        engine: MonitorEngine = MonitorEngine.OWNED,
        compute: MonitorCompute | None = None,
        notify: Sequence[sns.ITopic] = (),
        dashboard: bool = True,
    ) -> None:
        """Make the endpoint, and what watches it.

        What is not listed here is the same as in `RealtimeEndpoint`.

        :param capture: default: all requests and answers, in a bucket of its own.
        :param monitors: each with a name of its own.
        :param alarms: on the endpoint itself. Default: `EndpointAlarms.default`; ``EndpointAlarms()``: none.
        :param results: the bucket of baselines and results. Default: that of the captured data.
        :param results_prefix: below it lie ``<endpoint>/<monitor>/``.
        :param engine: who computes.
        :param compute: what the owned engine runs on. Default: ``MonitorCompute.function()``.
        :param notify: told of every alarm, and when it is over.
        :param dashboard: whether to make a CloudWatch dashboard. An account has three for free.
        :raises ConstraintError: SM-MONITOR-…, and those of `RealtimeEndpoint`.
        """
        capture = capture if capture is not None else DataCapture()
        compute = compute if compute is not None else MonitorCompute.function()
        hosted = RealtimeProps(
            model=model,
            variants=variants,
            instance_type=instance_type,
            instance_count=instance_count,
            scaling=scaling,
            endpoint_name=endpoint_name,
            rollout=rollout if rollout is not None else Rollout.all_at_once(),
            capture=capture,
            metrics=metrics,
            parameter_name=parameter_name,
            encryption_key=encryption_key,
            weights_managed_elsewhere=weights_managed_elsewhere,
            check_deployments=check_deployments,
        )
        watched = MonitoringProps(
            monitors=monitors,
            captured=capture,
            variant_names=[each.name for each in hosted.well_formed_variants] or [DEFAULT_VARIANT_NAME],
            shadow_variant_names=(),
            alarms=alarms,
            results=results,
            prefix=results_prefix,
            prefix_name="results_prefix",
            engine=engine,
            compute=compute,
            notify=notify,
            dashboard=dashboard,
        )
        # Together, before anything is made: a wrong monitor leaves no endpoint behind.
        enforce_together(
            realtime_rules.violations(hosted),
            monitoring_rules.violations(watched),
            path=lambda: construct_path(scope, id),
        )
        super().__init__(
            scope,
            id,
            model=model,
            variants=variants,
            instance_type=instance_type,
            instance_count=instance_count,
            scaling=scaling,
            endpoint_name=endpoint_name,
            rollout=rollout,
            capture=capture,
            encryption_key=encryption_key,
            metrics=metrics,
            weights_managed_elsewhere=weights_managed_elsewhere,
            check_deployments=check_deployments,
            parameter_name=parameter_name,
        )
        self.monitoring = Monitoring.of(
            self,
            monitors=monitors,
            alarms=alarms,
            results=results,
            prefix=results_prefix,
            engine=engine,
            compute=compute,
            notify=notify,
            dashboard=dashboard,
        )
        """Monitors, alarms and dashboard."""

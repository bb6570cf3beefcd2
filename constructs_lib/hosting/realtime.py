"""RealtimeEndpoint: models that answer at once, on instances that are always there."""

from __future__ import annotations

from collections.abc import Sequence

import constructs
from aws_cdk import aws_kms as kms
from aws_cdk.interfaces import aws_sagemaker as references

from ..core.place import construct_path
from ..core.rules import enforce_together, violations_of
from .auto_scaling import AutoScaling
from .capture import DataCapture
from .endpoint import ImportedEndpoint
from .hosted import HostedEndpoint, Particulars
from .metrics import MetricsPublishing
from .realtime_rules import RealtimeProps, realtime_rules
from .rollout import Rollout
from .variant import Variant


class RealtimeEndpoint(HostedEndpoint):
    """A real-time endpoint: one model, or up to ten variants sharing the traffic.

    A deploy that changes a model makes a new endpoint configuration and lets SageMaker move to it as
    `rollout` says, rolling back on the alarms; the stack fails when the endpoint does not end up on the
    new configuration. Costs by the instance-hour, whether requests come or not.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/realtime-endpoints.html

    Example::

        endpoint = RealtimeEndpoint(self, "Endpoint", model=model, instance_type="ml.m5.large",
            scaling=AutoScaling(min_capacity=2, max_capacity=10, invocations_per_instance=600),
            rollout=Rollout.canary(size_percent=10, wait=Duration.minutes(10)))
        endpoint.grants.invoke(function)
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
    ) -> None:
        """Make the endpoint.

        :param model: the one model; it becomes variant ``AllTraffic``. Either this or `variants`.
        :param variants: 1–10 of them, with names of their own.
        :param instance_type: with `model`: for example ``ml.m5.large``.
        :param instance_count: with `model`: instances at first. Default: the scaling's minimum, else 2.
        :param scaling: with `model`: default none, the count stays.
        :param endpoint_name: default: derived from stack name and path, the same on every synthesis.
            Changing it replaces the endpoint.
        :param rollout: default: all at once, rolling back on the built-in alarms.
        :param capture: default: nothing is captured.
        :param encryption_key: encrypts the instances' storage volumes (not local NVMe). Default: AWS's own key.
        :param metrics: default: every minute, per variant only.
        :param weights_managed_elsewhere: a controller (a bandit) owns the weights: a deploy keeps them.
            Otherwise a deploy sets the weights of the variants as given here.
        :param check_deployments: fail the stack when SageMaker silently rolled back, and let go of auto
            scaling while an instance type changes or a variant goes (see docs/realtime.md). Adds one
            Lambda function a stack.
        :param parameter_name: SSM parameter that holds the endpoint's name.
            Default: ``/sagemaker/endpoints/<endpoint name>``.
        :raises ConstraintError: SM-ENDPOINT-…, SM-VARIANT-…, SM-ROLLOUT-…, SM-SCALING-…
        """
        props = RealtimeProps(
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
        enforce_together(
            realtime_rules.violations(props),
            violations_of(props.resolved_variants),
            path=lambda: construct_path(scope, id),
        )
        super().__init__(scope, id, props=props)
        self.variants: tuple[Variant, ...] = props.resolved_variants()
        """The production variants, with their defaults applied."""
        self._host(props, self.variants, Particulars(weights_managed_elsewhere=weights_managed_elsewhere))

    @staticmethod
    def from_endpoint_name(
        scope: constructs.Construct, id: str, endpoint_name: str, *, variant_names: Sequence[str] = ()
    ) -> ImportedEndpoint:
        """An endpoint that exists already in this account and region, to grant on and to watch."""
        return ImportedEndpoint(scope, id, endpoint_name=endpoint_name, variant_names=variant_names)

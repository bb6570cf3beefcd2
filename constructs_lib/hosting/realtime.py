"""RealtimeEndpoint: models that answer at once, on instances that are always there."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
import constructs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_ssm as ssm
from aws_cdk.interfaces import aws_sagemaker as references

from ..core.naming import physical_name
from ..core.place import construct_path, path_of
from ..model.model import ModelBase
from .auto_scaling import AutoScaling
from .capture import DataCapture
from .deploy_guard import DeployGuard
from .endpoint import EndpointBase, ImportedEndpoint
from .metrics import MetricsPublishing
from .realtime_rules import RealtimeProps, checked_variants, warn_about
from .rollback_alarms import RollbackAlarms
from .rollout import Rollout
from .scaling import VariantScaling
from .variant import Variant


class RealtimeEndpoint(EndpointBase):
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
        self.variants: tuple[Variant, ...] = checked_variants(props, path=lambda: construct_path(scope, id))
        """The production variants, with their defaults applied."""
        super().__init__(scope, id, endpoint_name="", variant_names=[each.name for each in self.variants])
        self._endpoint_name = endpoint_name if endpoint_name is not None else physical_name(self)
        self.capture_bucket: s3.IBucket | None = None
        """Where captured data lands, if any is."""
        self.rollback_alarms = RollbackAlarms(
            self,
            "RollbackAlarms",
            endpoint_name=self._endpoint_name,
            variant_names=self.variant_names,
            rollback=props.rollout.rollback,
        )
        """Alarms that roll a deployment back."""
        self.cfn_endpoint_config = self._config(encryption_key, capture, metrics)
        config_name = self.cfn_endpoint_config.attr_endpoint_config_name
        self.cfn_endpoint = self._endpoint(config_name, props.rollout, weights_managed_elsewhere)
        self.scalings: dict[str, VariantScaling] = self._scalings()
        """Auto scaling by variant name, for those that scale."""
        if check_deployments:
            DeployGuard.of(self).watch(
                self,
                self.cfn_endpoint,
                config_name=config_name,
                instance_types={variant.name: variant.instance_type for variant in self.variants},
                scalings=self.scalings.values(),
            )
        self._publish_name(parameter_name)
        warn_about(self, self.variants, props.rollout, encryption_key)

    @staticmethod
    def from_endpoint_name(
        scope: constructs.Construct, id: str, endpoint_name: str, *, variant_names: Sequence[str] = ()
    ) -> ImportedEndpoint:
        """An endpoint that exists already in this account and region, to grant on and to watch."""
        return ImportedEndpoint(scope, id, endpoint_name=endpoint_name, variant_names=variant_names)

    @property
    def role(self) -> iam.IRole | None:
        """The role of the first variant's model; none where that model is imported without one."""
        return _role(self.variants[0])

    def _config(
        self, key: kms.IKey | None, capture: DataCapture | None, metrics: MetricsPublishing | None
    ) -> sagemaker.CfnEndpointConfig:
        roles = [role for role in map(_role, self.variants) if role is not None]
        captured = None
        if capture is not None:
            self.capture_bucket, captured = capture.bind(self, roles)
        if key is not None:
            for role in roles:
                _let_use_for_volumes(role, key)
        return sagemaker.CfnEndpointConfig(
            self,
            "Config",
            production_variants=[variant.bind() for variant in self.variants],
            data_capture_config=captured,
            kms_key_id=key.key_arn if key is not None else None,
            metrics_config=_metrics_config(metrics),
        )

    def _endpoint(
        self, config_name: str, rollout: Rollout, weights_managed_elsewhere: bool
    ) -> sagemaker.CfnEndpoint:
        scaled = any(variant.scaling is not None for variant in self.variants)
        retained = scaled or weights_managed_elsewhere
        weight = sagemaker.CfnEndpoint.VariantPropertyProperty(variant_property_type="DesiredWeight")
        count = sagemaker.CfnEndpoint.VariantPropertyProperty(variant_property_type="DesiredInstanceCount")
        overridden = [*([] if weights_managed_elsewhere else [weight]), *([] if scaled else [count])]
        return sagemaker.CfnEndpoint(
            self,
            "Resource",
            endpoint_name=self._endpoint_name,
            endpoint_config_name=config_name,
            deployment_config=rollout.bind(self.rollback_alarms.names),
            # AWS's default resets counts and weights with every new configuration: an endpoint that had
            # scaled out would come back at its initial size, under full load.
            retain_all_variant_properties=retained or None,
            exclude_retained_variant_properties=overridden if retained and overridden else None,
        )

    def _scalings(self) -> dict[str, VariantScaling]:
        made = {}
        for variant in self.variants:
            if variant.scaling is not None:
                made[variant.name] = VariantScaling(
                    self,
                    f"Scaling{variant.name}",
                    endpoint_name=self._endpoint_name,
                    variant_name=variant.name,
                    scaling=variant.scaling,
                )
                made[variant.name].node.add_dependency(self.cfn_endpoint)
        return made

    def _publish_name(self, parameter_name: str | None) -> None:
        parameter = ssm.StringParameter(
            self,
            "NameParameter",
            parameter_name=parameter_name or f"/sagemaker/endpoints/{self._endpoint_name}",
            string_value=self._endpoint_name,
            description=f"Name of the endpoint {path_of(self)}",
        )
        # Who finds the parameter finds an endpoint that answers.
        parameter.node.add_dependency(self.cfn_endpoint)
        cdk.CfnOutput(self, "EndpointName", value=self._endpoint_name, description="Name to invoke")
        cdk.CfnOutput(self, "EndpointArn", value=self.cfn_endpoint.ref, description="ARN to grant on")


def _role(variant: Variant) -> iam.IRole | None:
    return variant.model.role if isinstance(variant.model, ModelBase) else None


def _let_use_for_volumes(role: iam.IRole, key: kms.IKey) -> None:
    """What EBS needs to encrypt volumes under the role's name; grants only for AWS resources."""
    key.grant(role, "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext")
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["kms:CreateGrant"],
            resources=[key.key_arn],
            conditions={"Bool": {"kms:GrantIsForAWSResource": True}},
        )
    )


def _metrics_config(
    metrics: MetricsPublishing | None,
) -> sagemaker.CfnEndpointConfig.MetricsConfigProperty | None:
    if metrics is None:
        return None
    return sagemaker.CfnEndpointConfig.MetricsConfigProperty(
        enable_enhanced_metrics=metrics.enhanced,
        metric_publish_frequency_in_seconds=None if metrics.every is None else metrics.every.to_seconds(),
    )

"""What every kind of endpoint made here consists of: configuration, endpoint, alarms, scaling, guard."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
import constructs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_ssm as ssm

from ..core.naming import physical_name
from ..core.place import path_of
from ..core.roles import Permissions, allow_volumes
from .capture import DataCapture
from .deploy_guard import DeployGuard
from .endpoint import EndpointBase, ImportedEndpoint
from .hosting_rules import HostedVariant, HostingProps, warn_about
from .metrics import EndpointMetric, MetricsPublishing
from .rollback_alarms import RollbackAlarms, Watched
from .rollout import Rollout
from .rollout_analysis import RolloutAnalysis
from .scaling import CapacityScaling
from .variant import DEFAULT_VARIANT_NAME

_Config = sagemaker.CfnEndpointConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Particulars:
    """What one kind of endpoint has and others have not."""

    asynchronous: _Config.AsyncInferenceConfigProperty | None = None
    execution_role: iam.IRole | None = None
    """Of the configuration: for endpoints whose variants name no model."""
    vpc: _Config.VpcConfigProperty | None = None
    network_isolation: bool = False
    requests: EndpointMetric = EndpointMetric.INVOCATIONS
    """What the rate of errors is a share of."""
    weights_managed_elsewhere: bool = False
    shadow: HostedVariant | None = None
    """Gets copies of the requests, and answers nobody."""
    allow: Callable[[Permissions], None] | None = None
    """Adds what the roles may do beyond serving, for this kind."""


class HostedEndpoint(EndpointBase):
    """An endpoint made here, of any kind: a base class, of no use by itself."""

    def __init__(self, scope: constructs.Construct, id: str, *, props: HostingProps) -> None:
        super().__init__(scope, id, endpoint_name="", variant_names=())
        given = props.endpoint_name
        self._endpoint_name = given if given is not None else physical_name(self)
        self.capture_bucket: s3.IBucket | None = None
        """Where captured data lands, if any is."""
        self.capture = props.capture
        """What is captured, if anything is."""

    @staticmethod
    def from_endpoint_name(scope: constructs.Construct, id: str, endpoint_name: str) -> ImportedEndpoint:
        """An endpoint of this kind that exists already in this account and region, to grant on and to watch."""
        return ImportedEndpoint(scope, id, endpoint_name=endpoint_name, variant_names=(DEFAULT_VARIANT_NAME,))

    def _host(self, props: HostingProps, variants: Sequence[HostedVariant], particulars: Particulars) -> None:
        """Make the resources, once the variants and what they need are there."""
        rollout = props.rollout if props.rollout is not None else Rollout.unguarded()
        shadows = () if particulars.shadow is None else (particulars.shadow,)
        everyone = (*variants, *shadows)
        self.hosted_variants: dict[str, HostedVariant] = {variant.name: variant for variant in everyone}
        """What serves under each variant's name, shadows among them."""
        self.variant_names = tuple(variant.name for variant in variants)
        self.shadow_variant_names = tuple(shadow.name for shadow in shadows)
        self.role: iam.IRole | None = particulars.execution_role or variants[0].role
        """The role of the first variant's model; none where that model is imported without one."""
        self.rollback_alarms = RollbackAlarms(
            self,
            "RollbackAlarms",
            watched=Watched(
                subject=f"endpoint {self._endpoint_name}",
                sources=lambda metric: metric.sources(self._endpoint_name, self.variant_names),
                requests=particulars.requests,
            ),
            rollback=rollout.rollback,
        )
        """Alarms that roll a deployment back."""
        self.rollout_analysis = RolloutAnalysis.of(self, rollout)
        """What looks at metrics while a rollout bakes, if anything does."""
        self.cfn_endpoint_config = self._config(props, variants, particulars)
        config_name = self.cfn_endpoint_config.attr_endpoint_config_name
        self.cfn_endpoint = self._endpoint(
            config_name, rollout, everyone, particulars.weights_managed_elsewhere
        )
        self.scalings: dict[str, CapacityScaling] = self._scalings(everyone)
        """Auto scaling by variant name, for those that scale."""
        if props.check_deployments:
            DeployGuard.of(self).watch(
                self,
                self.cfn_endpoint,
                config_name=config_name,
                instance_types={variant.name: variant.instance_type or "" for variant in everyone},
                scalings=self.scalings.values(),
            )
        self._publish_name(props.parameter_name)
        warn_about(self, variants, shadows, rollout, props.encryption_key)

    def _config(
        self, props: HostingProps, variants: Sequence[HostedVariant], particulars: Particulars
    ) -> _Config:
        serving = [Permissions(role) for role in _distinct_roles(variants, particulars)]
        captured = self._captured(props.capture, serving)
        key = props.encryption_key
        for permissions in serving:
            allow_volumes(permissions, key)
            if particulars.allow is not None:
                particulars.allow(permissions)
        execution_role, shadow = particulars.execution_role, particulars.shadow
        config = _Config(
            self,
            "Config",
            production_variants=[variant.bind() for variant in variants],
            shadow_production_variants=None if shadow is None else [shadow.bind()],
            async_inference_config=particulars.asynchronous,
            data_capture_config=captured,
            kms_key_id=key.key_arn if key is not None else None,
            metrics_config=_metrics_config(props.metrics),
            execution_role_arn=execution_role.role_arn if execution_role is not None else None,
            vpc_config=particulars.vpc,
            enable_network_isolation=particulars.network_isolation or None,
        )
        for index, permissions in enumerate(serving):
            if permissions:
                # Policies of the endpoint's own: a role may stand in another stack, with its model, and
                # that stack must not refer back to this one.
                policy = permissions.attach(
                    self, "ServingPolicy" if index == 0 else f"ServingPolicy{index + 1}"
                )
                config.node.add_dependency(policy)
        return config

    def _captured(
        self, capture: DataCapture | None, serving: Sequence[Permissions]
    ) -> _Config.DataCaptureConfigProperty | None:
        if capture is None:
            return None
        self.capture_bucket, captured = capture.bind(self, serving)
        return captured

    def _endpoint(
        self,
        config_name: str,
        rollout: Rollout,
        variants: Sequence[HostedVariant],
        weights_managed_elsewhere: bool,
    ) -> sagemaker.CfnEndpoint:
        # Provisioned concurrency is none of the properties that can be retained.
        scaled = any(
            variant.scaling is not None and variant.instance_type is not None for variant in variants
        )
        retained = scaled or weights_managed_elsewhere
        weight = sagemaker.CfnEndpoint.VariantPropertyProperty(variant_property_type="DesiredWeight")
        count = sagemaker.CfnEndpoint.VariantPropertyProperty(variant_property_type="DesiredInstanceCount")
        overridden = [*([] if weights_managed_elsewhere else [weight]), *([] if scaled else [count])]
        analysis = self.rollout_analysis
        analysed = [] if analysis is None else [alarm.ref for alarm in analysis.cfn_alarms]
        alarms = [*self.rollback_alarms.names, *analysed]
        endpoint = sagemaker.CfnEndpoint(
            self,
            "Resource",
            endpoint_name=self._endpoint_name,
            endpoint_config_name=config_name,
            deployment_config=rollout.bind(alarms),
            # AWS's default resets counts and weights with every new configuration: an endpoint that had
            # scaled out would come back at its initial size, under full load.
            retain_all_variant_properties=retained or None,
            exclude_retained_variant_properties=overridden if retained and overridden else None,
        )
        if analysis is not None:
            # It looks at the rollout by the rules of the template that starts it.
            endpoint.node.add_dependency(analysis)
        return endpoint

    def _scalings(self, variants: Sequence[HostedVariant]) -> dict[str, CapacityScaling]:
        made = {}
        for variant in variants:
            if variant.scaling is not None:
                made[variant.name] = CapacityScaling(
                    self,
                    f"Scaling{variant.name}",
                    scalable=variant.scalable(self._endpoint_name),
                    scaling=variant.scaling,
                )
                made[variant.name].node.add_dependency(self.cfn_endpoint)
        return made

    def _publish_name(self, parameter_name: str | None) -> None:
        parameter = ssm.StringParameter(
            self,
            "NameParameter",
            parameter_name=parameter_name or f"/sagemaker/endpoints/{self._endpoint_name}",
            # A path, which the CDK cannot see in a name that only the deployment knows.
            simple_name=False if parameter_name is None else None,
            string_value=self._endpoint_name,
            description=f"Name of the endpoint {path_of(self)}",
        )
        # Who finds the parameter finds an endpoint that answers.
        parameter.node.add_dependency(self.cfn_endpoint)
        cdk.CfnOutput(self, "EndpointName", value=self._endpoint_name, description="Name to invoke")
        cdk.CfnOutput(self, "EndpointArn", value=self.cfn_endpoint.ref, description="ARN to grant on")


def without_latency_alarm(rollout: Rollout) -> Rollout:
    """`rollout`, for endpoints whose answers take as long as they take; what is none is left to the rules."""
    if not isinstance(rollout, Rollout):
        return rollout
    return dataclasses.replace(rollout, rollback=dataclasses.replace(rollout.rollback, latency_alarm=False))


def _distinct_roles(variants: Sequence[HostedVariant], particulars: Particulars) -> list[iam.IRole]:
    shadow = particulars.shadow
    roles = [
        particulars.execution_role,
        *(variant.role for variant in variants),
        None if shadow is None else shadow.role,
    ]
    return list(dict.fromkeys(role for role in roles if role is not None))


def _metrics_config(metrics: MetricsPublishing | None) -> _Config.MetricsConfigProperty | None:
    if metrics is None:
        return None
    return _Config.MetricsConfigProperty(
        enable_enhanced_metrics=metrics.enhanced,
        metric_publish_frequency_in_seconds=None if metrics.every is None else metrics.every.to_seconds(),
    )

"""ComponentEndpoint: a fleet that several models share, each with its own share of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
import constructs
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk.interfaces import aws_sagemaker as references

from ..core.checks import bounds, kind, within
from ..core.limits import MAX_CAPACITY
from ..core.place import construct_path
from ..core.roles import Permissions, RolePolicies, allow_network, allow_telemetry, execution_role
from ..core.rules import API_REFERENCE, DEVELOPER_GUIDE, Broken, Rules, enforce_together, violations_of
from ..core.tokens import is_token
from ..model.network import bound_network, network_props_go_together
from .auto_scaling import AutoScaling
from .capture import DataCapture
from .component_advice import FleetAdvice
from .component_rules import Placement
from .hosted import HostedEndpoint, Particulars
from .hosting_rules import HostingProps, hosting_rules
from .inference_component import InferenceComponent
from .metrics import MetricsPublishing
from .rollout import Rollout
from .scaling import Scalable
from .variant import (
    DEFAULT_INSTANCE_COUNT,
    DEFAULT_VARIANT_NAME,
    PENDING_MODEL,
    RoutingStrategy,
    Variant,
)

_Config = sagemaker.CfnEndpointConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedInstanceScaling:
    """Let SageMaker add instances when copies find no room, and release those that stand empty.

    Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariantManagedInstanceScaling.html

    :raises ConstraintError: SM-COMPONENT-001.
    """

    min_count: int
    """0 lets the whole fleet go while no component has a copy."""
    max_count: int

    def __post_init__(self) -> None:
        """Check."""
        managed_rules.enforce(self, path="ManagedInstanceScaling")

    def bind(self) -> _Config.ManagedInstanceScalingProperty:
        """As the variant carries it."""
        return _Config.ManagedInstanceScalingProperty(
            status="ENABLED", min_instance_count=self.min_count, max_instance_count=self.max_count
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentEndpointProps(HostingProps):
    """The props of a `ComponentEndpoint`, for its rules."""

    instance_type: str
    instance_count: int | None
    managed_scaling: ManagedInstanceScaling | None
    routing: RoutingStrategy | None
    volume_size: cdk.Size | None
    role: iam.IRole | None
    vpc: ec2.IVpc | None
    vpc_subnets: ec2.SubnetSelection | None
    security_groups: Sequence[ec2.ISecurityGroup] | None
    network_isolation: bool

    @property
    def initial_instance_count(self) -> int:
        """As given, else the least that is managed, else 2. A fleet never starts with none."""
        if self.instance_count is not None:
            return self.instance_count
        managed = self.managed_scaling
        return max(1, managed.min_count) if managed is not None else DEFAULT_INSTANCE_COUNT

    def as_variant(self) -> Variant:
        """The fleet as a variant with a model, whose rules hold for it too.

        :raises ConstraintError: where they do not.
        """
        return Variant(
            name=DEFAULT_VARIANT_NAME,
            model=PENDING_MODEL,
            instance_type=self.instance_type,
            instance_count=self.instance_count,
            volume_size=self.volume_size,
            routing=self.routing,
        )


@dataclass(frozen=True, slots=True)
class _Fleet:
    """The one variant of a component endpoint: instances without a model of their own."""

    props: ComponentEndpointProps
    name: str = DEFAULT_VARIANT_NAME
    role: iam.IRole | None = None
    scaling: AutoScaling | None = None

    @property
    def instance_type(self) -> str:
        return self.props.instance_type

    @property
    def smallest_count(self) -> int:
        managed = self.props.managed_scaling
        return managed.min_count if managed is not None else self.props.initial_instance_count

    def scalable(self, endpoint_name: str) -> Scalable:
        return Scalable.instances(endpoint_name, self.name)

    def bind(self) -> _Config.ProductionVariantProperty:
        managed, routing, volume = self.props.managed_scaling, self.props.routing, self.props.volume_size
        return _Config.ProductionVariantProperty(
            variant_name=self.name,
            instance_type=self.instance_type,
            initial_instance_count=self.props.initial_instance_count,
            initial_variant_weight=1,
            managed_instance_scaling=managed.bind() if managed is not None else None,
            volume_size_in_gb=volume.to_gibibytes() if volume is not None else None,
            routing_config=_Config.RoutingConfigProperty(routing_strategy=routing.value)
            if routing is not None
            else None,
        )


class ComponentEndpoint(HostedEndpoint):
    """An endpoint of inference components: several models share one fleet, each with copies of its own.

    A component says how much memory, CPU and accelerators a copy needs; SageMaker finds room for it. With
    `managed_scaling` the fleet follows the copies, down to no instance at all. Requests name their
    component (``InferenceComponentName``), and are counted and timed for it: `InferenceComponent.metric`;
    the endpoint's own metrics tell of instances only. Costs by the instance-hour.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/realtime-endpoints-deploy-models.html

    Example::

        endpoint = ComponentEndpoint(self, "Endpoint", instance_type="ml.m5.2xlarge",
            managed_scaling=ManagedInstanceScaling(min_count=0, max_count=4))
        fraud = endpoint.add_component("Fraud", model=model, memory=Size.gibibytes(2), cpu_cores=1,
            scaling=AutoScaling(min_capacity=0, max_capacity=6, invocations_per_copy=600))
        fraud.grants.invoke(function)
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        instance_type: str,
        instance_count: int | None = None,
        managed_scaling: ManagedInstanceScaling | None = None,
        routing: RoutingStrategy | None = None,
        role: iam.IRole | None = None,
        vpc: ec2.IVpc | None = None,
        vpc_subnets: ec2.SubnetSelection | None = None,
        security_groups: Sequence[ec2.ISecurityGroup] | None = None,
        network_isolation: bool = False,
        volume_size: cdk.Size | None = None,
        endpoint_name: str | None = None,
        capture: DataCapture | None = None,
        encryption_key: kms.IKey | None = None,
        metrics: MetricsPublishing | None = None,
        check_deployments: bool = True,
        parameter_name: str | None = None,
    ) -> None:
        """Make the endpoint; give it models with `add_component`.

        :param instance_type: for example ``ml.g5.2xlarge``.
        :param instance_count: instances at first, at least 1.
            Default: the least of `managed_scaling` or 1, else 2.
        :param managed_scaling: default: the count stays.
        :param routing: how requests find a copy. Default: SageMaker's own, random.
        :param role: fetches images and data of all components. Default: a new role that gets what each
            component's model needs.
        :param vpc: for all components. Default: none; SageMaker's own network.
        :param vpc_subnets: default: CDK's choice.
        :param security_groups: default: one new group, all outbound traffic allowed.
        :param network_isolation: no outbound calls at all from any component.
        :param volume_size: 1–512 GiB. Default: what the instance type brings.
        :param endpoint_name: default: derived from stack name and path, the same on every synthesis.
            Changing it replaces the endpoint.
        :param capture: default: nothing is captured.
        :param encryption_key: encrypts the instances' storage volumes (not local NVMe). Default: AWS's own key.
        :param metrics: default: every minute, per component only.
        :param check_deployments: fail the stack when SageMaker silently rolled back (see docs/realtime.md).
        :param parameter_name: SSM parameter that holds the endpoint's name.
            Default: ``/sagemaker/endpoints/<endpoint name>``.
        :raises ConstraintError: SM-COMPONENT-…, SM-ENDPOINT-…, SM-VARIANT-…
        """
        props = ComponentEndpointProps(
            instance_type=instance_type,
            instance_count=instance_count,
            managed_scaling=managed_scaling,
            routing=routing,
            volume_size=volume_size,
            role=role,
            vpc=vpc,
            vpc_subnets=vpc_subnets,
            security_groups=security_groups,
            network_isolation=network_isolation,
            endpoint_name=endpoint_name,
            rollout=None,
            scaling=None,
            capture=capture,
            encryption_key=encryption_key,
            metrics=metrics,
            check_deployments=check_deployments,
            parameter_name=parameter_name,
        )
        enforce_together(
            component_endpoint_rules.violations(props),
            violations_of(props.as_variant),
            path=lambda: construct_path(scope, id),
        )
        super().__init__(scope, id, props=props)
        self.instance_type = instance_type
        self.components: dict[str, InferenceComponent] = {}
        """The components, by id."""
        self.node.add_validation(FleetAdvice(self, self.components, managed_scaling))
        execution = role if role is not None else execution_role(self)
        network = bound_network(self, props)
        self.connections = network.connections if network is not None else None
        """Who may talk to the containers, when they are in a VPC."""
        permissions = Permissions(execution)
        allow_telemetry(permissions, self)
        if network is not None:
            allow_network(permissions)
        self.role_policies = RolePolicies(execution)
        policies = self.role_policies.attach(self, permissions)
        particulars = Particulars(
            execution_role=execution,
            vpc=network.config(_Config.VpcConfigProperty) if network is not None else None,
            network_isolation=network_isolation,
        )
        self._host(props, [_Fleet(props)], particulars)
        self.cfn_endpoint_config.node.add_dependency(execution, *policies)

    def add_component(
        self,
        id: str,
        *,
        model: references.IModelRef,
        memory: cdk.Size,
        max_memory: cdk.Size | None = None,
        cpu_cores: float | None = None,
        accelerators: int | None = None,
        copies: int | None = None,
        scaling: AutoScaling | None = None,
        rollout: Rollout | None = None,
        placement: Placement | None = None,
        cache_artefacts: bool | None = None,
        download_timeout: cdk.Duration | None = None,
        startup_timeout: cdk.Duration | None = None,
        component_name: str | None = None,
    ) -> InferenceComponent:
        """Serve a model on this fleet.

        :param model: one container with one model. The endpoint's role may then fetch its image and data;
            of an imported model these are not known, and `role` of the endpoint must be one that may.
        :param memory: at least 128 MiB that a copy needs to be placed.
        :param max_memory: at most what a copy may take. Default: what the instance has left.
        :param cpu_cores: at least 0.25 for a copy. Default: what is left.
        :param accelerators: GPUs or Neuron chips for a copy. Default: none.
        :param copies: at first. Default: the scaling's minimum, and at least 1.
        :param scaling: of the copies, with targets per copy. With ``min_capacity=0`` a policy is added
            that wakes the component up when a request finds no copy. Default: the count stays.
        :param rollout: ``Rollout.rolling(…)`` of new versions, its ``batch_instances`` being copies; a batch
            needs room beside the old copies. Default: one copy after the other, or 5 % of them at a time
            where there may be more than 20, rolling back on the built-in alarms.
        :param placement: default: SageMaker's own.
        :param cache_artefacts: keep image and data on each instance, so that copies start sooner.
            Default: SageMaker's own.
        :param download_timeout: 1–60 minutes to fetch the model data. Default: 10 minutes.
        :param startup_timeout: 1–60 minutes until the container is healthy. Default: 10 minutes.
        :param component_name: default: derived from stack name and path, the same on every synthesis.
        :raises ConstraintError: SM-COMPONENT-…, SM-ROLLOUT-…, SM-SCALING-…
        """
        component = InferenceComponent(
            self,
            id,
            endpoint=self,
            model=model,
            memory=memory,
            max_memory=max_memory,
            cpu_cores=cpu_cores,
            accelerators=accelerators,
            copies=copies,
            scaling=scaling,
            rollout=rollout,
            placement=placement,
            cache_artefacts=cache_artefacts,
            download_timeout=download_timeout,
            startup_timeout=startup_timeout,
            component_name=component_name,
        )
        self.components[id] = component
        return component


managed_rules = Rules[ManagedInstanceScaling]()
component_endpoint_rules = Rules[ComponentEndpointProps](including=hosting_rules)

_MANAGED = API_REFERENCE + "API_ProductionVariantManagedInstanceScaling.html"


@managed_rules.rule("SM-COMPONENT-001", source=_MANAGED)
def managed_bounds(scaling: ManagedInstanceScaling) -> Iterator[Broken]:
    """Managed instance scaling has a minimum of at least 0, not above a maximum of at least 1."""
    low, high = ("min_count", scaling.min_count), ("max_count", scaling.max_count)
    yield from bounds(low, high, MAX_CAPACITY, least_high=1)


@component_endpoint_rules.rule("SM-COMPONENT-002", source=_MANAGED)
def first_count_is_managed(props: ComponentEndpointProps) -> Iterator[Broken]:
    """The instances at first lie within the bounds of managed scaling."""
    managed, count = props.managed_scaling, props.instance_count
    if not isinstance(managed, ManagedInstanceScaling):
        return
    low, high = managed.min_count, managed.max_count
    if count is None and is_token(low):
        yield Broken(
            "instance_count", None, "a number of at least 1, since only the deployment knows min_count"
        )
    yield from within("instance_count", count, low, high, "the bounds of managed_scaling", "leave it out")


@component_endpoint_rules.rule("SM-COMPONENT-003", source=DEVELOPER_GUIDE + "host-vpc.html")
def fleet_network_fits(props: ComponentEndpointProps) -> Iterator[Broken]:
    """Subnets and security groups (1–5) of a fleet go with a VPC."""
    yield from kind("network_isolation", props.network_isolation, bool, optional=False)
    yield from network_props_go_together(props)

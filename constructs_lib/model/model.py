"""The model: what an endpoint, a batch job or a device loads."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
import constructs
import jsii
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk.interfaces import aws_sagemaker as references

from ..core.checks import items_of, kind
from ..core.limits import MAX_CONTAINERS
from ..core.place import construct_path, note_place
from ..core.roles import Permissions, allow_network, allow_telemetry, execution_role
from ..core.rules import API_REFERENCE, DEVELOPER_GUIDE, Broken, Rules
from .container import Container
from .network import bound_network, network_props_go_together


@jsii.implements(references.IModelRef)
class ModelBase(cdk.Resource):
    """What is common to models made here and imported ones."""

    model_name: str
    """Name of the model; CloudFormation chooses it, so that replacing a model never collides."""
    role: iam.IRole | None
    """The role its containers run under; none for an imported model without one."""

    def __init__(self, scope: constructs.Construct, id: str) -> None:
        super().__init__(scope, id)
        note_place(self, scope, id)

    @property
    def model_arn(self) -> str:
        """ARN of the model."""
        return self.stack.format_arn(service="sagemaker", resource="model", resource_name=self.model_name)

    @property
    def model_ref(self) -> references.ModelReference:
        """The model as other constructs refer to it."""
        return references.ModelReference(model_arn=self.model_arn)


class ImportedModel(ModelBase):
    """A model that exists already; made by `Model.from_model_name`."""

    def __init__(
        self, scope: constructs.Construct, id: str, *, model_name: str, role: iam.IRole | None
    ) -> None:
        super().__init__(scope, id)
        self.model_name = model_name
        self.role = role


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelProps:
    """The props of a `Model`, for its rules."""

    container: Container | None
    containers: Sequence[Container] | None
    role: iam.IRole | None
    vpc: ec2.IVpc | None
    vpc_subnets: ec2.SubnetSelection | None
    security_groups: Sequence[ec2.ISecurityGroup] | None
    network_isolation: bool
    direct_invocation: bool


@jsii.implements(iam.IGrantable)
class Model(ModelBase):
    """A model, from one container or a serial pipeline of them, with a role of its own.

    The role may pull exactly the bound images, read exactly the bound data, and write its logs and
    metrics. The model is made after the role's policies, so that its first start can already read.
    It is never named: every property is create-only, and a named model cannot be replaced.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-sagemaker-model.html

    Example::

        Model(self, "Fraud", container=Container(
            image=ContainerImage.framework("sklearn", version="1.2-1"),
            data=ModelData.from_asset("models/fraud", code="inference"),
        ))
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        container: Container | None = None,
        containers: Sequence[Container] | None = None,
        role: iam.IRole | None = None,
        vpc: ec2.IVpc | None = None,
        vpc_subnets: ec2.SubnetSelection | None = None,
        security_groups: Sequence[ec2.ISecurityGroup] | None = None,
        network_isolation: bool = False,
        direct_invocation: bool = False,
    ) -> None:
        """Make the model.

        :param container: the one container. Either this or `containers`.
        :param containers: 2–15 containers that answer one after the other.
        :param role: default: a new role with just the grants it needs. One of yours gets the same grants;
            an imported one (immutable) must have them already.
        :param vpc: default: none; SageMaker's own network. In a VPC, S3 and ECR must be reachable from
            the subnets (gateway and interface endpoints, or NAT).
        :param vpc_subnets: default: CDK's choice: private subnets with egress, else isolated, else public ones.
        :param security_groups: default: one new group, all outbound traffic allowed.
        :param network_isolation: no outbound calls at all from the container, not even to AWS.
        :param direct_invocation: each request names the one container that answers it
            (``TargetContainerHostname``), instead of passing through all of them.
        :raises ConstraintError: SM-MODEL-001 … SM-MODEL-004.
        """
        props = ModelProps(
            container=container,
            containers=containers,
            role=role,
            vpc=vpc,
            vpc_subnets=vpc_subnets,
            security_groups=security_groups,
            network_isolation=network_isolation,
            direct_invocation=direct_invocation,
        )
        model_rules.enforce(props, path=lambda: construct_path(scope, id))
        super().__init__(scope, id)
        self.role: iam.IRole = role if role is not None else execution_role(self)
        self.connections: ec2.Connections | None
        """Who may talk to the containers, when they are in a VPC."""
        self.containers: tuple[Container, ...] = tuple(containers) if containers is not None else (container,)  # type: ignore[assignment]
        self.network_isolation = network_isolation
        """Whether the containers can call nobody."""
        self.direct_invocation = direct_invocation
        """Whether a request is answered by one of several containers, which it names."""
        self.cfn_model = self._cfn_model(props)
        self.model_name = self.cfn_model.attr_model_name

    @staticmethod
    def of_props(scope: constructs.Construct, id: str, props: ModelProps) -> Model:
        """The model of gathered props, for constructs that make one of their own."""
        return Model(
            scope, id, **{each.name: getattr(props, each.name) for each in dataclasses.fields(props)}
        )

    @staticmethod
    def from_model_name(
        scope: constructs.Construct, id: str, model_name: str, *, role: iam.IRole | None = None
    ) -> ModelBase:
        """A model that exists already, by name. `role`: the one it runs under, if it shall get grants."""
        return ImportedModel(scope, id, model_name=model_name, role=role)

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """The principal the containers act as, so that ``bucket.grant_read(model)`` works."""
        return self.role.grant_principal

    @property
    def permissions(self) -> Permissions:
        """What its role may do to serve it, for roles that shall be able to do the same."""
        return self._permissions

    def _cfn_model(self, props: ModelProps) -> sagemaker.CfnModel:
        permissions = Permissions(self.role)
        allow_telemetry(permissions, self)
        if props.vpc is not None:
            allow_network(permissions)
        definitions = [
            container.bind(self, "" if len(self.containers) == 1 else f"Container{index}", permissions)
            for index, container in enumerate(self.containers, start=1)
        ]
        network = bound_network(self, props)
        self.connections = network.connections if network is not None else None
        self._permissions = permissions
        model = sagemaker.CfnModel(
            self,
            "Resource",
            execution_role_arn=self.role.role_arn,
            primary_container=definitions[0] if props.containers is None else None,
            containers=definitions if props.containers is not None else None,
            inference_execution_config=_execution(props),
            enable_network_isolation=props.network_isolation or None,
            vpc_config=network.config(sagemaker.CfnModel.VpcConfigProperty) if network is not None else None,
        )
        # The role's policies, not only the role: SageMaker reads the artefact as soon as the endpoint
        # starts, and a policy that comes later makes that fail.
        model.node.add_dependency(self.role, permissions.attach(self))
        return model


def _execution(props: ModelProps) -> sagemaker.CfnModel.InferenceExecutionConfigProperty | None:
    # Serial is SageMaker's default.
    return (
        sagemaker.CfnModel.InferenceExecutionConfigProperty(mode="Direct")
        if props.direct_invocation
        else None
    )


model_rules = Rules[ModelProps]()


@model_rules.rule("SM-MODEL-001", source=API_REFERENCE + "API_CreateModel.html")
def one_container_or_a_pipeline(props: ModelProps) -> Iterator[Broken]:
    """A model has one container, or a pipeline of 2–15."""
    if (props.container is None) == (props.containers is None):
        yield Broken("container", props.container, "exactly one of container and containers")
        return
    yield from kind("container", props.container, Container, fix="Container(image=…, data=…)")
    if props.containers is None:
        return
    yield from items_of("containers", props.containers, Container)
    if not 2 <= len(props.containers) <= MAX_CONTAINERS:
        yield Broken(
            "containers",
            f"{len(props.containers)} containers",
            f"2–{MAX_CONTAINERS}",
            "a single one: Model(container=…)",
        )


@model_rules.rule("SM-MODEL-002", source=DEVELOPER_GUIDE + "inference-pipelines.html")
def hostnames_all_or_none(props: ModelProps) -> Iterator[Broken]:
    """In a pipeline every container has a hostname, each its own, or none has."""
    if not isinstance(props.containers, list | tuple):
        return
    names = [each.hostname for each in props.containers if isinstance(each, Container)]
    given = [name for name in names if name is not None]
    if given and (len(given) < len(names) or len(set(given)) < len(given)):
        yield Broken("containers", names, "a hostname of its own for every container, or for none")


@model_rules.rule("SM-MODEL-004", source=DEVELOPER_GUIDE + "multi-container-direct.html")
def direct_invocation_names_containers(props: ModelProps) -> Iterator[Broken]:
    """Direct invocation is for several containers, each with a hostname."""
    if not props.direct_invocation:
        return
    given = props.containers if isinstance(props.containers, list | tuple) else ()
    if props.containers is None:
        yield Broken("direct_invocation", True, "False for a single container", "containers=[…]")
    elif any(isinstance(each, Container) and each.hostname is None for each in given):
        yield Broken("containers", [each.hostname for each in given], "a hostname for every container")


@model_rules.rule("SM-MODEL-003", source=DEVELOPER_GUIDE + "host-vpc.html")
def network_props_fit(props: ModelProps) -> Iterator[Broken]:
    """Subnets (1–16) and security groups (1–5) go with a VPC."""
    yield from kind("network_isolation", props.network_isolation, bool, optional=False)
    yield from network_props_go_together(props)

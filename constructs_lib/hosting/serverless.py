"""ServerlessEndpoint: a model that answers when it is asked, and costs nothing while it is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
import constructs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk.interfaces import aws_sagemaker as references

from ..core.checks import known, size, whole_number, within
from ..core.limits import SERVERLESS_CONCURRENCY, SERVERLESS_GIB
from ..core.place import construct_path
from ..core.roles import acknowledge, both_packs
from ..core.rules import DEVELOPER_GUIDE, Broken, enforce_together
from ..model.model import ModelBase
from ..model.reference import is_model, model_name
from .auto_scaling import AutoScaling
from .endpoint import AnyMetric
from .hosted import HostedEndpoint, Particulars
from .hosting_rules import HostingProps, hosting_rules
from .metrics import EndpointMetric
from .scaling import Scalable
from .support import Kind, support_rules
from .variant import DEFAULT_VARIANT_NAME, Variant

DEFAULT_MAX_CONCURRENCY = 20

_VOLUME_KEY = "SageMakerEndpointConfigurationKMSKeyConfigured"
_NO_VOLUME = "A serverless endpoint has no storage volume of its own that a key could encrypt."


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerlessProps(HostingProps):
    """The props of a `ServerlessEndpoint`, for its rules."""

    model: references.IModelRef
    memory: cdk.Size
    max_concurrency: int
    provisioned_concurrency: int | None
    variants: Sequence[Variant] | None = None

    @property
    def initial_provisioned_concurrency(self) -> int | None:
        """As given, else the scaling's minimum."""
        if self.provisioned_concurrency is None and self.scaling is not None:
            return self.scaling.min_capacity
        return self.provisioned_concurrency


@dataclass(frozen=True, slots=True)
class _ServerlessVariant:
    """The one variant of a serverless endpoint."""

    props: ServerlessProps
    name: str = DEFAULT_VARIANT_NAME
    instance_type: str | None = None
    smallest_count: int = 0

    @property
    def scaling(self) -> AutoScaling | None:
        return self.props.scaling

    @property
    def role(self) -> iam.IRole | None:
        model = self.props.model
        return model.role if isinstance(model, ModelBase) else None

    def scalable(self, endpoint_name: str) -> Scalable:
        return Scalable.provisioned_concurrency(endpoint_name, self.name)

    def bind(self) -> sagemaker.CfnEndpointConfig.ProductionVariantProperty:
        return sagemaker.CfnEndpointConfig.ProductionVariantProperty(
            variant_name=self.name,
            model_name=model_name(self.props.model),
            initial_variant_weight=1,
            serverless_config=sagemaker.CfnEndpointConfig.ServerlessConfigProperty(
                memory_size_in_mb=self.props.memory.to_mebibytes(),
                max_concurrency=self.props.max_concurrency,
                provisioned_concurrency=self.props.initial_provisioned_concurrency,
            ),
        )


class ServerlessEndpoint(HostedEndpoint):
    """A serverless endpoint: starts containers when requests come, and stops them when none do.

    Costs by the millisecond of compute and the data, plus provisioned concurrency by the hour. The first
    request after a pause waits for a container (a cold start of seconds to a minute), unless concurrency
    is provisioned. Requests beyond `max_concurrency` are throttled.

    What serverless endpoints do not offer is a parameter of type ``None`` here, so that type checkers
    and the error that names the reason find it: docs/support.md.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html

    Example::

        ServerlessEndpoint(self, "Endpoint", model=model, memory=Size.gibibytes(2), max_concurrency=20)
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        model: references.IModelRef,
        memory: cdk.Size | None = None,
        max_concurrency: int = DEFAULT_MAX_CONCURRENCY,
        provisioned_concurrency: int | None = None,
        scaling: AutoScaling | None = None,
        endpoint_name: str | None = None,
        parameter_name: str | None = None,
        check_deployments: bool = True,
        variants: None = None,
        rollout: None = None,
        capture: None = None,
        encryption_key: None = None,
        metrics: None = None,
    ) -> None:
        """Make the endpoint.

        :param model: one container with one archive, in SageMaker's network.
        :param memory: 1–6 GiB in whole GiB, which brings CPU in proportion. Default: 2 GiB.
        :param max_concurrency: 1–200 requests at once; the account's quota bounds the sum.
        :param provisioned_concurrency: containers kept warm, at most `max_concurrency`.
            Default: the scaling's minimum, else none.
        :param scaling: of the provisioned concurrency; its target is
            ``provisioned_concurrency_utilization``. Default: it stays.
        :param endpoint_name: default: derived from stack name and path, the same on every synthesis.
            Changing it replaces the endpoint.
        :param parameter_name: SSM parameter that holds the endpoint's name.
            Default: ``/sagemaker/endpoints/<endpoint name>``.
        :param check_deployments: fail the stack when the endpoint does not end up on the new configuration.
        :param variants: not offered: SM-SERVERLESS-011.
        :param rollout: not offered: SM-SERVERLESS-012.
        :param capture: not offered: SM-SERVERLESS-014.
        :param encryption_key: not offered: SM-SERVERLESS-015.
        :param metrics: not offered: SM-SERVERLESS-016.
        :raises ConstraintError: SM-SERVERLESS-…, SM-ENDPOINT-…, SM-SCALING-…
        """
        props = ServerlessProps(
            model=model,
            memory=cdk.Size.gibibytes(2) if memory is None else memory,
            max_concurrency=max_concurrency,
            provisioned_concurrency=provisioned_concurrency,
            scaling=scaling,
            endpoint_name=endpoint_name,
            parameter_name=parameter_name,
            check_deployments=check_deployments,
            variants=variants,
            rollout=rollout,
            capture=capture,
            encryption_key=encryption_key,
            metrics=metrics,
        )
        enforce_together(serverless_rules.violations(props), path=lambda: construct_path(scope, id))
        super().__init__(scope, id, props=props)
        self._host(props, [_ServerlessVariant(props)], Particulars())
        acknowledge(self.cfn_endpoint_config, dict.fromkeys(both_packs(_VOLUME_KEY), _NO_VOLUME))

    def metric_model_setup_time(self) -> AnyMetric:
        """Microseconds of the cold starts, p99."""
        return self.metric(EndpointMetric.MODEL_SETUP_TIME)

    def metric_concurrent_executions_utilization(self) -> AnyMetric:
        """Share of `max_concurrency` in use, 0–1; at 1 requests are throttled."""
        return self.metric(EndpointMetric.CONCURRENT_EXECUTIONS_UTILIZATION)

    def metric_provisioned_concurrency_utilization(self) -> AnyMetric:
        """Share of the provisioned concurrency in use, 0–1."""
        return self.metric(EndpointMetric.PROVISIONED_CONCURRENCY_UTILIZATION)

    def metric_provisioned_concurrency_spillover(self) -> AnyMetric:
        """Requests per minute that found the provisioned concurrency taken."""
        return self.metric(EndpointMetric.PROVISIONED_CONCURRENCY_SPILLOVER)


serverless_rules = support_rules(Kind.SERVERLESS, including=hosting_rules)

_SOURCE = DEVELOPER_GUIDE + "serverless-endpoints-create-config.html"
_PROVISIONED = DEVELOPER_GUIDE + "serverless-endpoints-provisioned-concurrency.html"


@serverless_rules.rule("SM-SERVERLESS-001", source=_SOURCE)
def memory_is_offered(props: ServerlessProps) -> Iterator[Broken]:
    """The memory is 1, 2, 3, 4, 5 or 6 GiB."""
    yield from size("memory", props.memory, *SERVERLESS_GIB)


@serverless_rules.rule("SM-SERVERLESS-002", source=_SOURCE)
def concurrency_is_bounded(props: ServerlessProps) -> Iterator[Broken]:
    """The maximum concurrency is 1–200."""
    yield from whole_number("max_concurrency", props.max_concurrency, *SERVERLESS_CONCURRENCY)


@serverless_rules.rule("SM-SERVERLESS-003", source=_PROVISIONED)
def provisioned_within_maximum(props: ServerlessProps) -> Iterator[Broken]:
    """The provisioned concurrency, scaled or not, is at least 1 and at most the maximum concurrency."""
    most = props.max_concurrency
    if not known(most) or not isinstance(most, int):
        return
    yield from whole_number("provisioned_concurrency", props.provisioned_concurrency, 1, most)
    if not isinstance(props.scaling, AutoScaling):
        return
    yield from whole_number("scaling.max_capacity", props.scaling.max_capacity, 1, most)
    for each in props.scaling.schedules:
        property = f"scaling.schedules[{each.name}]"
        if each.min_capacity != 0:  # refused for itself: SM-SERVERLESS-013
            yield from whole_number(f"{property}.min_capacity", each.min_capacity, 1, most)
        yield from whole_number(f"{property}.max_capacity", each.max_capacity, 1, most)


@serverless_rules.rule("SM-SERVERLESS-004", source=_PROVISIONED)
def provisioned_within_bounds(props: ServerlessProps) -> Iterator[Broken]:
    """The provisioned concurrency at first lies within the scaling's bounds."""
    scaling, given = props.scaling, props.provisioned_concurrency
    if not isinstance(scaling, AutoScaling):
        return
    low, high, fix = scaling.min_capacity, scaling.max_capacity, "leave it out for the minimum"
    yield from within("provisioned_concurrency", given, low, high, "the scaling's bounds", fix)


@serverless_rules.rule("SM-SERVERLESS-005", source=DEVELOPER_GUIDE + "serverless-endpoints-create-model.html")
def serverless_serves_a_model(props: ServerlessProps) -> Iterator[Broken]:
    """A serverless endpoint serves a model."""
    if not is_model(props.model):
        yield Broken("model", props.model, "a Model", "Model(…) or Model.from_model_name(…)")

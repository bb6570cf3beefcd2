"""What is common to every endpoint, made here or imported: names, grants, metrics."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
import constructs
import jsii
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk.interfaces import aws_sagemaker as references

from ..core.errors import ConstraintError
from ..core.place import note_place
from ..core.rules import DEVELOPER_GUIDE, Broken, listed
from .grants import EndpointGrants, ImportedGrants
from .metrics import EndpointMetric

AnyMetric = cloudwatch.Metric | cloudwatch.MathExpression

KNOWN_VARIANT = listed(
    id="SM-ENDPOINT-010",
    summary="A metric names a variant that the endpoint has.",
    source=DEVELOPER_GUIDE + "monitoring-cloudwatch.html",
)


@jsii.implements(sagemaker.IEndpoint)
class EndpointBase(cdk.Resource):
    """An endpoint: something that answers InvokeEndpoint. Satisfies ``aws_sagemaker.IEndpoint``."""

    def __init__(
        self, scope: constructs.Construct, id: str, *, endpoint_name: str, variant_names: Sequence[str]
    ) -> None:
        super().__init__(scope, id)
        note_place(self, scope, id)
        self._endpoint_name = endpoint_name
        self.variant_names: tuple[str, ...] = tuple(variant_names)
        """Names of the production variants; empty where an imported endpoint did not tell."""
        self.shadow_variant_names: tuple[str, ...] = ()
        """Names of variants that get copies of requests: metrics of theirs are to be asked for by name."""
        self.grants = EndpointGrants(self)
        """Who may use the endpoint: ``endpoint.grants.invoke(function)``."""

    @property
    def endpoint_name(self) -> str:
        """The name, known at synth: using it neither orders nor couples stacks."""
        return self._endpoint_name

    @property
    def endpoint_arn(self) -> str:
        """The ARN, made from the name."""
        return self.stack.format_arn(
            service="sagemaker", resource="endpoint", resource_name=self._endpoint_name
        )

    @property
    def endpoint_ref(self) -> references.EndpointReference:
        """The endpoint as other constructs refer to it."""
        return references.EndpointReference(endpoint_arn=self.endpoint_arn)

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` call InvokeEndpoint; the same as ``grants.invoke``, for ``IEndpoint``."""
        return self.grants.invoke(grantee)

    def metric(
        self,
        metric: EndpointMetric,
        *,
        variant: str | None = None,
        statistic: str | None = None,
        period: cdk.Duration | None = None,
    ) -> AnyMetric:
        """A metric of one `variant`, or of all in production: counts are added up, of others the worst is taken.

        :param statistic: default: what suits the metric, for example ``Sum`` or ``p99``.
        :param period: default: 1 minute.
        :raises ConstraintError: SM-ENDPOINT-010 for a variant the endpoint has not.
        """
        names = self.variant_names if variant is None else (variant,)
        if not metric.per_variant and variant is None:
            return metric.of(self._endpoint_name, (), statistic=statistic, period=period)
        known = {*self.variant_names, *self.shadow_variant_names}
        if not names or (self.variant_names and not set(names) <= known):
            raise self._unknown_variant(variant)
        return metric.of(self._endpoint_name, names, statistic=statistic, period=period)

    def _unknown_variant(self, variant: str | None) -> ConstraintError:
        known = ", ".join((*self.variant_names, *self.shadow_variant_names))
        return KNOWN_VARIANT.error(
            self.node.path,
            Broken(
                "variant",
                variant,
                f"one of {known}" if known else "a name, since the imported endpoint tells none",
            ),
        )

    def metric_invocations(self, *, variant: str | None = None) -> AnyMetric:
        """Requests per minute."""
        return self.metric(EndpointMetric.INVOCATIONS, variant=variant)

    def metric_invocations_per_instance(self, *, variant: str | None = None) -> AnyMetric:
        """Requests per minute and instance: what `AutoScaling.invocations_per_instance` tracks."""
        return self.metric(EndpointMetric.INVOCATIONS_PER_INSTANCE, variant=variant)

    def metric_invocation_4xx_errors(self, *, variant: str | None = None) -> AnyMetric:
        """Requests per minute that were the caller's fault."""
        return self.metric(EndpointMetric.INVOCATION_4XX_ERRORS, variant=variant)

    def metric_invocation_5xx_errors(self, *, variant: str | None = None) -> AnyMetric:
        """Requests per minute that failed in the model or in SageMaker."""
        return self.metric(EndpointMetric.INVOCATION_5XX_ERRORS, variant=variant)

    def metric_model_latency(self, *, variant: str | None = None, statistic: str | None = None) -> AnyMetric:
        """Microseconds the containers took; p99 unless told otherwise."""
        return self.metric(EndpointMetric.MODEL_LATENCY, variant=variant, statistic=statistic)

    def metric_overhead_latency(
        self, *, variant: str | None = None, statistic: str | None = None
    ) -> AnyMetric:
        """Microseconds SageMaker added; p99 unless told otherwise."""
        return self.metric(EndpointMetric.OVERHEAD_LATENCY, variant=variant, statistic=statistic)

    def metric_cpu_utilization(self, *, variant: str | None = None) -> AnyMetric:
        """Percent of one vCPU, so above 100 on several."""
        return self.metric(EndpointMetric.CPU_UTILIZATION, variant=variant)

    def metric_memory_utilization(self, *, variant: str | None = None) -> AnyMetric:
        """Percent of the memory."""
        return self.metric(EndpointMetric.MEMORY_UTILIZATION, variant=variant)

    def metric_disk_utilization(self, *, variant: str | None = None) -> AnyMetric:
        """Percent of the disk; capture stops above 75."""
        return self.metric(EndpointMetric.DISK_UTILIZATION, variant=variant)

    def metric_gpu_utilization(self, *, variant: str | None = None) -> AnyMetric:
        """Percent of one GPU, so above 100 on several."""
        return self.metric(EndpointMetric.GPU_UTILIZATION, variant=variant)


class ImportedEndpoint(EndpointBase):
    """An endpoint that exists already; made by the `from_…` methods of the endpoint constructs."""

    grants: ImportedGrants

    def __init__(
        self, scope: constructs.Construct, id: str, *, endpoint_name: str, variant_names: Sequence[str]
    ) -> None:
        super().__init__(scope, id, endpoint_name=endpoint_name, variant_names=variant_names)
        self.grants = ImportedGrants(self)

"""InferencePipeline: containers that answer one after the other, behind one endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import aws_cdk as cdk
import constructs
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from ..core.place import construct_path, path_of
from ..core.rules import DEVELOPER_GUIDE, Broken, enforce_together, listed, violations_of
from ..model.container import Container
from ..model.model import Model, ModelProps, model_rules
from .auto_scaling import AutoScaling
from .capture import DataCapture
from .fleet import FleetProps
from .grants import PipelineGrants
from .hosted import HostedEndpoint, Particulars
from .hosting_rules import hosting_rules
from .metrics import EndpointMetric, MetricsPublishing
from .rollout import Rollout
from .support import Kind, support_rules
from .variant import DEFAULT_VARIANT_NAME


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineProps(FleetProps):
    """The props of an `InferencePipeline`, for its rules."""

    containers: Sequence[Container]
    direct_invocation: bool


class InferencePipeline(HostedEndpoint):
    """An inference pipeline: the answer of each container is the request of the next, on one instance.

    Pre-processing, prediction and post-processing travel together, so they are replaced, rolled back and
    scaled together. With `direct_invocation` each request names the one container that answers it instead.
    Costs by the instance-hour; all containers share each instance.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/inference-pipelines.html

    Example::

        InferencePipeline(self, "Endpoint", containers=[scale, classify, label], instance_type="ml.m5.large")
    """

    grants: PipelineGrants

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        containers: Sequence[Container],
        instance_type: str,
        direct_invocation: bool = False,
        instance_count: int | None = None,
        scaling: AutoScaling | None = None,
        role: iam.IRole | None = None,
        vpc: ec2.IVpc | None = None,
        vpc_subnets: ec2.SubnetSelection | None = None,
        security_groups: Sequence[ec2.ISecurityGroup] | None = None,
        network_isolation: bool = False,
        volume_size: cdk.Size | None = None,
        download_timeout: cdk.Duration | None = None,
        startup_timeout: cdk.Duration | None = None,
        endpoint_name: str | None = None,
        rollout: Rollout | None = None,
        capture: DataCapture | None = None,
        encryption_key: kms.IKey | None = None,
        metrics: MetricsPublishing | None = None,
        check_deployments: bool = True,
        parameter_name: str | None = None,
    ) -> None:
        """Make the endpoint.

        :param containers: 2–15, in the order they answer.
        :param instance_type: for example ``ml.m5.large``; each instance runs all containers.
        :param direct_invocation: each request names its container by hostname (``TargetContainerHostname``).
        :param instance_count: instances at first. Default: the scaling's minimum, else 2.
        :param scaling: default none, the count stays.
        :param role: default: a new role with just the grants it needs.
        :param vpc: default: none; SageMaker's own network.
        :param vpc_subnets: default: CDK's choice.
        :param security_groups: default: one new group, all outbound traffic allowed.
        :param network_isolation: no outbound calls at all from the containers.
        :param volume_size: 1–512 GiB. Default: what the instance type brings.
        :param download_timeout: 1–60 minutes to fetch the models' data. Default: 10 minutes.
        :param startup_timeout: 1–60 minutes until all containers are healthy. Default: 10 minutes.
        :param endpoint_name: default: derived from stack name and path, the same on every synthesis.
            Changing it replaces the endpoint.
        :param rollout: default: all at once, rolling back on the built-in alarms.
        :param capture: of the pipeline as a whole: what came in first and went out last.
            Default: nothing is captured.
        :param encryption_key: encrypts the instances' storage volumes (not local NVMe). Default: AWS's own key.
        :param metrics: default: every minute, per variant only.
        :param check_deployments: fail the stack when SageMaker silently rolled back, and let go of auto
            scaling while an instance type changes (see docs/realtime.md).
        :param parameter_name: SSM parameter that holds the endpoint's name.
            Default: ``/sagemaker/endpoints/<endpoint name>``.
        :raises ConstraintError: SM-MODEL-…, SM-ENDPOINT-…, SM-VARIANT-…, SM-ROLLOUT-…, SM-SCALING-…
        """
        props = PipelineProps(
            containers=containers,
            direct_invocation=direct_invocation,
            instance_type=instance_type,
            instance_count=instance_count,
            scaling=scaling,
            volume_size=volume_size,
            download_timeout=download_timeout,
            startup_timeout=startup_timeout,
            endpoint_name=endpoint_name,
            rollout=Rollout.all_at_once() if rollout is None else rollout,
            capture=capture,
            encryption_key=encryption_key,
            metrics=metrics,
            check_deployments=check_deployments,
            parameter_name=parameter_name,
        )
        made_of = ModelProps(
            container=None,
            containers=containers,
            role=role,
            vpc=vpc,
            vpc_subnets=vpc_subnets,
            security_groups=security_groups,
            network_isolation=network_isolation,
            direct_invocation=direct_invocation,
        )
        enforce_together(
            pipeline_rules.violations(props),
            # Without containers the model's rules would ask for a `container`, which a pipeline has not.
            model_rules.violations(made_of) if containers is not None else (),
            violations_of(props.variant),
            path=lambda: construct_path(scope, id),
        )
        super().__init__(scope, id, props=props)
        self.model = Model.of_props(self, "Model", made_of)
        """The SageMaker model of all containers."""
        self.direct_invocation = direct_invocation
        """Whether each request names the one container that answers it."""
        self._host(props, [props.variant(self.model)], Particulars())
        self.grants = PipelineGrants(self, direct_invocation=direct_invocation)

    def metric_container_latency(self, container: str, *, statistic: str = "p99") -> cloudwatch.Metric:
        """Microseconds that one container took, by its hostname.

        :raises ConstraintError: SM-PIPELINE-001 for a hostname that no container has.
        """
        hostnames = [each.hostname for each in self.model.containers]
        if container not in hostnames:
            known = ", ".join(name for name in hostnames if name is not None)
            allowed = f"one of {known}" if known else "a hostname: give each container one"
            raise NAMED_CONTAINER.error(path_of(self), Broken("container", container, allowed))
        return cloudwatch.Metric(
            namespace=EndpointMetric.MODEL_LATENCY.namespace,
            metric_name="ContainerLatency",
            dimensions_map={
                "EndpointName": self.endpoint_name,
                "VariantName": DEFAULT_VARIANT_NAME,
                "ContainerName": container,
            },
            statistic=statistic,
            period=cdk.Duration.minutes(1),
        )


NAMED_CONTAINER = listed(
    id="SM-PIPELINE-001",
    summary="A metric names a container by the hostname it has.",
    source=DEVELOPER_GUIDE + "multi-container-metrics.html",
)

pipeline_rules = support_rules(Kind.PIPELINE, including=hosting_rules)

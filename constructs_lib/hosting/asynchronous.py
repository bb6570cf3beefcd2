"""AsyncEndpoint: requests wait in a queue for a model that takes its time, and may sleep."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import aws_cdk as cdk
import constructs
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk.interfaces import aws_sagemaker as references

from ..core.checks import whole_number
from ..core.limits import ASYNC_CONCURRENCY
from ..core.place import construct_path
from ..core.rules import (
    API_REFERENCE,
    DEVELOPER_GUIDE,
    Broken,
    enforce_together,
    violations_of,
)
from .async_data import AsyncInput, AsyncLocations, AsyncOutput
from .auto_scaling import AutoScaling, is_moved
from .capture import DataCapture
from .endpoint import AnyMetric
from .fleet import FleetProps
from .grants import AsyncGrants
from .hosted import HostedEndpoint, Particulars, without_latency_alarm
from .hosting_rules import hosting_rules
from .metrics import EndpointMetric, MetricsPublishing
from .rollout import Rollout
from .support import Kind, support_rules
from .variant import Variant
from .waking import may_sleep, wake_up, wake_up_name_is_free

DEFAULT_BACKLOG_PER_INSTANCE = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncProps(FleetProps):
    """The props of an `AsyncEndpoint`, for its rules."""

    model: references.IModelRef
    input: AsyncInput
    output: AsyncOutput
    max_concurrent_invocations_per_instance: int | None


class AsyncEndpoint(HostedEndpoint):
    """An asynchronous endpoint: takes requests of up to 1 GB from S3, queues them, and writes the answers to S3.

    Costs by the instance-hour; with ``AutoScaling(min_capacity=0, …)`` nothing runs while nothing waits,
    and the first request after that waits for an instance to start. A request may take up to an hour.
    SageMaker reports no invocations and no overhead of it, but the metrics that have methods here.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html

    Example::

        endpoint = AsyncEndpoint(self, "Endpoint", model=model, instance_type="ml.m5.large",
            scaling=AutoScaling(min_capacity=0, max_capacity=3))
        endpoint.grants.invoke_async(function)
        endpoint.grants.write_input(function)
        endpoint.grants.read_results(function)
    """

    grants: AsyncGrants

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        model: references.IModelRef,
        instance_type: str,
        instance_count: int | None = None,
        scaling: AutoScaling | None = None,
        input: AsyncInput | None = None,
        output: AsyncOutput | None = None,
        max_concurrent_invocations_per_instance: int | None = None,
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

        :param model: one container with one model.
        :param instance_type: for example ``ml.m5.large``.
        :param instance_count: instances at first, at least 1. Default: the scaling's minimum or 1, else 2.
        :param scaling: default none, the count stays. With ``min_capacity=0`` a policy is added that wakes
            the endpoint up, and where no target is given, 5 requests are kept waiting per instance.
        :param input: where callers put requests. Default: ``async-input/`` in the bucket of the output.
        :param output: where answers go, and who is told. Default: a new, encrypted bucket; nobody.
        :param max_concurrent_invocations_per_instance: 1–1,000. Default: SageMaker chooses.
        :param volume_size: 1–512 GiB. Default: what the instance type brings.
        :param download_timeout: 1–60 minutes to fetch the model data. Default: 10 minutes.
        :param startup_timeout: 1–60 minutes until the container is healthy. Default: 10 minutes.
        :param endpoint_name: default: derived from stack name and path, the same on every synthesis.
            Changing it replaces the endpoint.
        :param rollout: default: all at once, rolling back when the model answers 5xx (what expires, or
            cannot be read, does not count). No latency alarm: answers take as long as they take.
        :param capture: default: nothing is captured.
        :param encryption_key: encrypts the instances' storage volumes (not local NVMe). Default: AWS's own key.
        :param metrics: default: every minute, per variant only.
        :param check_deployments: fail the stack when SageMaker silently rolled back, and let go of auto
            scaling while an instance type changes (see docs/realtime.md).
        :param parameter_name: SSM parameter that holds the endpoint's name.
            Default: ``/sagemaker/endpoints/<endpoint name>``.
        :raises ConstraintError: SM-ASYNC-…, SM-ENDPOINT-…, SM-VARIANT-…, SM-ROLLOUT-…, SM-SCALING-…
        """
        props = AsyncProps(
            model=model,
            instance_type=instance_type,
            instance_count=instance_count,
            scaling=scaling,
            input=AsyncInput() if input is None else input,
            output=AsyncOutput() if output is None else output,
            max_concurrent_invocations_per_instance=max_concurrent_invocations_per_instance,
            volume_size=volume_size,
            download_timeout=download_timeout,
            startup_timeout=startup_timeout,
            endpoint_name=endpoint_name,
            rollout=without_latency_alarm(Rollout.all_at_once() if rollout is None else rollout),
            capture=capture,
            encryption_key=encryption_key,
            metrics=metrics,
            check_deployments=check_deployments,
            parameter_name=parameter_name,
        )
        enforce_together(
            # First what knows models and instance types best; of wrong types these say more.
            violations_of(lambda: props.variant(model)),
            async_rules.violations(props),
            path=lambda: construct_path(scope, id),
        )
        super().__init__(scope, id, props=props)
        self.locations = AsyncLocations.bound(self, props.input, props.output)
        """Where requests, answers and failures lie: ``locations.input.bucket``, ``.prefix``, ``.uri``."""
        variant = _scaled_on_backlog(props.variant(model), self._endpoint_name)
        self.grants = AsyncGrants(self, self.locations)
        particulars = Particulars(
            asynchronous=sagemaker.CfnEndpointConfig.AsyncInferenceConfigProperty(
                output_config=self.locations.config(props.output),
                client_config=_client(max_concurrent_invocations_per_instance),
            ),
            requests=EndpointMetric.INVOCATIONS_PROCESSED,
            allow=lambda permissions: self.locations.allow_serving(permissions, props.output),
        )
        self._host(props, [variant], particulars)

    def metric_backlog_size(self) -> AnyMetric:
        """Requests waiting or in work."""
        return self.metric(EndpointMetric.BACKLOG_SIZE)

    def metric_backlog_size_per_instance(self) -> AnyMetric:
        """Requests waiting or in work, per instance: what `AutoScaling.backlog_per_instance` tracks."""
        return self.metric(EndpointMetric.BACKLOG_SIZE_PER_INSTANCE)

    def metric_age_of_oldest_request(self) -> AnyMetric:
        """Seconds that the oldest request has waited."""
        return self.metric(EndpointMetric.AGE_OF_OLDEST_REQUEST)

    def metric_invocations_processed(self) -> AnyMetric:
        """Requests per minute that came to an end."""
        return self.metric(EndpointMetric.INVOCATIONS_PROCESSED)

    def metric_invocation_failures(self) -> AnyMetric:
        """Requests per minute that failed, for whatever reason."""
        return self.metric(EndpointMetric.INVOCATION_FAILURES)

    def metric_expired_requests(self) -> AnyMetric:
        """Requests per minute that waited beyond their time to live."""
        return self.metric(EndpointMetric.EXPIRED_REQUESTS)


def _client(most: int | None) -> sagemaker.CfnEndpointConfig.AsyncInferenceClientConfigProperty | None:
    if most is None:
        return None
    return sagemaker.CfnEndpointConfig.AsyncInferenceClientConfigProperty(
        max_concurrent_invocations_per_instance=most
    )


def _scaled_on_backlog(variant: Variant, endpoint_name: str) -> Variant:
    """`variant` with what its scaling lacks: a target, and a policy that wakes it up."""
    scaling = variant.scaling
    if scaling is None:
        return variant
    if not is_moved(scaling):
        scaling = dataclasses.replace(scaling, backlog_per_instance=DEFAULT_BACKLOG_PER_INSTANCE)
    if may_sleep(scaling):
        # Target tracking cannot: a share per instance says nothing where there is no instance.
        waiting = EndpointMetric.BACKLOG_WITHOUT_CAPACITY.of(endpoint_name, ())
        scaling = dataclasses.replace(scaling, steps=[*scaling.steps, wake_up(waiting)])
    return dataclasses.replace(variant, scaling=scaling)


async_rules = support_rules(Kind.ASYNC, including=hosting_rules)


@async_rules.rule("SM-ASYNC-004", source=API_REFERENCE + "API_AsyncInferenceClientConfig.html")
def concurrency_per_instance(props: AsyncProps) -> Iterator[Broken]:
    """An instance works on 1–1,000 requests at once."""
    name = "max_concurrent_invocations_per_instance"
    yield from whole_number(name, props.max_concurrent_invocations_per_instance, *ASYNC_CONCURRENCY)


@async_rules.rule("SM-ASYNC-005", source=DEVELOPER_GUIDE + "async-inference-monitor.html")
def no_latency_alarm(props: AsyncProps) -> Iterator[Broken]:
    """No built-in latency alarm watches an asynchronous endpoint."""
    if isinstance(props.rollout, Rollout) and props.rollout.rollback.latency is not None:
        yield Broken(
            "rollout.rollback.latency",
            props.rollout.rollback.latency.to_human_string(),
            "nothing: answers may take up to an hour",
            "an alarm of your own, for example on metric_age_of_oldest_request(), in rollback.alarms",
        )


@async_rules.rule("SM-ASYNC-006", source=DEVELOPER_GUIDE + "async-inference-autoscale.html")
def waking_up_is_ours(props: AsyncProps) -> Iterator[Broken]:
    """The name of the step policy that wakes an endpoint up is taken."""
    yield from wake_up_name_is_free(props.scaling)

"""Grants: who may do what with an endpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam

from ..core.place import path_of
from ..core.rules import DEVELOPER_GUIDE, Broken, listed
from ..core.tokens import is_token

if TYPE_CHECKING:
    from .async_data import AsyncLocations
    from .endpoint import EndpointBase


NAMED_TARGET = listed(
    id="SM-ENDPOINT-011",
    summary="A grant on some models or containers names at least one.",
    source=DEVELOPER_GUIDE + "multi-container-security.html",
)

DIRECT = listed(
    id="SM-PIPELINE-002",
    summary="A grant on some containers is for a pipeline with direct invocation.",
    source=DEVELOPER_GUIDE + "multi-container-security.html",
)

Conditions = Mapping[str, Mapping[str, Sequence[str]]]


def _conditions(endpoint: EndpointBase, property: str, targets: object) -> Conditions | None:
    """On the models, or the containers, that requests name: SageMaker has one key for both.

    For containers AWS's page names another key in its text, sagemaker:TargetContainerHostname, and this one
    in its example; the service authorization reference lists this one only.
    """
    if targets is None:
        return None
    patterns = [targets] if isinstance(targets, str) else targets
    # A condition on no value is none of IAM's, and would fail the deployment.
    if not isinstance(patterns, list | tuple) or not patterns or not all(map(_is_pattern, patterns)):
        allowed = "at least one pattern that is not empty, or None for all"
        raise NAMED_TARGET.error(path_of(endpoint), Broken(property, targets, allowed))
    return {"StringLike": {"sagemaker:TargetModel": list(patterns)}}


def _is_pattern(value: object) -> bool:
    return isinstance(value, str) and value != ""


class EndpointGrants:
    """Permissions on one endpoint; each call allows exactly one kind of use.

    Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
    """

    def __init__(self, endpoint: EndpointBase) -> None:
        """Grant on `endpoint`."""
        self._endpoint = endpoint

    def invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` call InvokeEndpoint."""
        return self._grant(grantee, "sagemaker:InvokeEndpoint")

    def invoke_with_response_stream(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` call InvokeEndpointWithResponseStream: an action of its own."""
        return self._grant(grantee, "sagemaker:InvokeEndpointWithResponseStream")

    def read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` call DescribeEndpoint, which tells status, variants, weights and counts."""
        return self._grant(grantee, "sagemaker:DescribeEndpoint")

    def shift_traffic(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` change weights and instance counts (UpdateEndpointWeightsAndCapacities)."""
        return self._grant(
            grantee, "sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities"
        )

    def _grant(
        self, grantee: iam.IGrantable, *actions: str, conditions: Conditions | None = None
    ) -> iam.Grant:
        return iam.Grant.add_to_principal(
            grantee=grantee, actions=list(actions), resource_arns=self._arns(), conditions=conditions
        )

    def _arns(self) -> list[str]:
        """The ARN as the name is written and, where that differs, in the lower case SageMaker checks."""
        exact, name = self._endpoint.endpoint_arn, self._endpoint.endpoint_name
        if is_token(name) or name == name.lower():
            return [exact]
        stack = self._endpoint.stack
        return [exact, stack.format_arn(service="sagemaker", resource="endpoint", resource_name=name.lower())]


class ImportedGrants(EndpointGrants):
    """Permissions on an endpoint of any kind that exists already: of which kind it is, its user knows."""

    def invoke(
        self, grantee: iam.IGrantable, *, target_model: str | Sequence[str] | None = None
    ) -> iam.Grant:
        """Let `grantee` call InvokeEndpoint.

        :param target_model: of a multi-model endpoint the models it may name, of a pipeline with direct
            invocation the containers, as patterns such as ``team-a/*``. Default: all. Requests to other
            kinds of endpoints name none, and would all be denied.
        :raises ConstraintError: SM-ENDPOINT-011.
        """
        conditions = _conditions(self._endpoint, "target_model", target_model)
        return self._grant(grantee, "sagemaker:InvokeEndpoint", conditions=conditions)

    def invoke_async(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` call InvokeEndpointAsync: of an asynchronous endpoint.

        On its buckets grant by yourself; an endpoint does not tell where they are.
        """
        return self._grant(grantee, "sagemaker:InvokeEndpointAsync")


class MultiModelGrants(EndpointGrants):
    """Permissions on a multi-model endpoint, on all of its models or on some."""

    def invoke(
        self, grantee: iam.IGrantable, *, target_model: str | Sequence[str] | None = None
    ) -> iam.Grant:
        """Let `grantee` call InvokeEndpoint.

        :param target_model: the models it may name, as patterns such as ``team-a/*``. Default: all.
        :raises ConstraintError: SM-ENDPOINT-011.
        """
        return self._grant(
            grantee,
            "sagemaker:InvokeEndpoint",
            conditions=_conditions(self._endpoint, "target_model", target_model),
        )


class PipelineGrants(EndpointGrants):
    """Permissions on an inference pipeline, on all of its containers or on some."""

    def __init__(self, endpoint: EndpointBase, *, direct_invocation: bool) -> None:
        """Grant on `endpoint`."""
        super().__init__(endpoint)
        self._direct_invocation = direct_invocation

    def invoke(
        self, grantee: iam.IGrantable, *, target_container: str | Sequence[str] | None = None
    ) -> iam.Grant:
        """Let `grantee` call InvokeEndpoint.

        :param target_container: hostnames it may call directly, for pipelines with direct invocation.
            Default: all.
            Source: https://docs.aws.amazon.com/sagemaker/latest/dg/multi-container-security.html
        :raises ConstraintError: SM-ENDPOINT-011, SM-PIPELINE-002.
        """
        if target_container is not None and not self._direct_invocation:
            allowed = "None: requests to this pipeline name no container, and would all be denied"
            raise DIRECT.error(
                path_of(self._endpoint),
                Broken("target_container", target_container, allowed, "direct_invocation=True"),
            )
        conditions = _conditions(self._endpoint, "target_container", target_container)
        return self._grant(grantee, "sagemaker:InvokeEndpoint", conditions=conditions)


class ComponentGrants:
    """Permissions on an inference component: those on its endpoint, since IAM knows no finer ones.

    InvokeEndpoint is authorised on the endpoint alone, so who may call one component may call its
    neighbours too. Keep models of different trust on different endpoints.
    """

    def __init__(self, endpoint: EndpointBase) -> None:
        """Grant on a component of `endpoint`."""
        self._endpoint = endpoint

    def invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` call InvokeEndpoint on the component's endpoint."""
        return self._endpoint.grants.invoke(grantee)

    def invoke_with_response_stream(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` call InvokeEndpointWithResponseStream on the component's endpoint."""
        return self._endpoint.grants.invoke_with_response_stream(grantee)


class AsyncGrants(EndpointGrants):
    """Permissions on an asynchronous endpoint, on its requests and its answers."""

    def __init__(self, endpoint: EndpointBase, locations: AsyncLocations) -> None:
        """Grant on `endpoint`."""
        super().__init__(endpoint)
        self._locations = locations

    def invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """The same as `invoke_async`: asynchronous endpoints answer no InvokeEndpoint."""
        return self.invoke_async(grantee)

    def invoke_async(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` call InvokeEndpointAsync, on requests that are in S3 already."""
        return self._grant(grantee, "sagemaker:InvokeEndpointAsync")

    def write_input(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` put requests under the prefix that the endpoint reads."""
        return self._locations.input.let_write(grantee)

    def read_results(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` read answers and failures."""
        self._locations.failures.let_read(grantee)
        return self._locations.output.let_read(grantee)

"""Grants: who may do what with an endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam

from ..core.tokens import is_token

if TYPE_CHECKING:
    from .async_data import AsyncLocations
    from .endpoint import EndpointBase


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

    def _grant(self, grantee: iam.IGrantable, *actions: str) -> iam.Grant:
        return iam.Grant.add_to_principal(grantee=grantee, actions=list(actions), resource_arns=self._arns())

    def _arns(self) -> list[str]:
        """The ARN as the name is written and, where that differs, in the lower case SageMaker checks."""
        exact, name = self._endpoint.endpoint_arn, self._endpoint.endpoint_name
        if is_token(name) or name == name.lower():
            return [exact]
        stack = self._endpoint.stack
        return [exact, stack.format_arn(service="sagemaker", resource="endpoint", resource_name=name.lower())]


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

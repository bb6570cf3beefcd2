"""What every API in front of an endpoint has: an address, what IAM calls its routes, metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

import aws_cdk as cdk
import constructs
from aws_cdk import aws_cloudwatch as cloudwatch


class Front(Protocol):
    """What callers reach."""

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""

    def arn(self, route: str) -> str:
        """What IAM calls a route."""


class ApiBase(constructs.Construct):
    """An API in front of an endpoint; HTTP and REST APIs call the same metrics by other names."""

    CLIENT_ERRORS: ClassVar[str]
    SERVER_ERRORS: ClassVar[str]

    front: Front

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        return self.front.url

    def arn_for(self, route: str) -> str:
        """What IAM calls one of the `routes`."""
        return self.front.arn(route)

    def metric(
        self, name: str, *, statistic: str = "Sum", period: cdk.Duration | None = None
    ) -> cloudwatch.Metric:
        """A metric of API Gateway's, such as ``Count`` or ``Latency``.

        Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html,
        https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html

        :param period: default: 1 minute.
        """
        return cloudwatch.Metric(
            namespace="AWS/ApiGateway",
            metric_name=name,
            dimensions_map=self._dimensions(),
            statistic=statistic,
            period=minute() if period is None else period,
        )

    def metric_requests(self) -> cloudwatch.Metric:
        """Requests per minute, also those that were not let in."""
        return self.metric("Count")

    def metric_client_errors(self) -> cloudwatch.Metric:
        """Requests per minute that were the caller's fault, the model's (424), or too many."""
        return self.metric(self.CLIENT_ERRORS)

    def metric_server_errors(self) -> cloudwatch.Metric:
        """Requests per minute that failed here or at the endpoint."""
        return self.metric(self.SERVER_ERRORS)

    def metric_latency(self, *, statistic: str = "p99") -> cloudwatch.Metric:
        """Milliseconds from the request to the answer; p99 unless told otherwise."""
        return self.metric("Latency", statistic=statistic)

    def metric_error_percent(self) -> cloudwatch.MathExpression:
        """Percent of the requests of a minute that failed here, at the endpoint, or in the model."""
        return cloudwatch.MathExpression(
            expression="IF(requests > 0, 100 * (FILL(failed, 0) + FILL(model, 0)) / requests, 0)",
            using_metrics={
                "failed": self.metric_server_errors(),
                "model": self._model_errors(),
                "requests": self.metric_requests(),
            },
            label="Failed requests, percent",
            period=minute(),
        )

    def _dimensions(self) -> Mapping[str, str]:
        """Of API Gateway's metrics."""
        raise NotImplementedError

    def _model_errors(self) -> cloudwatch.Metric:
        """Requests per minute that the model failed (424)."""
        raise NotImplementedError


def minute() -> cdk.Duration:
    """What requests are counted in."""
    return cdk.Duration.minutes(1)

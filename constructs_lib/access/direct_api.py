"""DirectApi: a REST API that asks an endpoint itself, without a function between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import aws_cdk as cdk
import constructs
from aws_cdk import aws_apigateway as gateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns

from ..core.naming import physical_name
from ..core.place import construct_path, note_place, path_of
from ..core.roles import acknowledge_inline_policy
from ..core.rules import enforce_together
from ..hosting.endpoint import EndpointBase
from .alarms import ApiAlarms
from .api_base import ApiBase, minute
from .direct_methods import DirectMethods
from .direct_props import DirectApiProps, direct_rules
from .functions import METRIC_NAMESPACE
from .grants import DirectApiGrants
from .requests import Throttle
from .rest_front import STAGE, RestFront

_MODEL_ERRORS = "ModelErrors"


class DirectApi(ApiBase):
    """A REST API in front of an endpoint that answers at once; API Gateway asks SageMaker itself.

    Nothing runs between: no code that starts cold, no second price, and nothing that looks at rows. IAM
    decides who calls. Routes: ``POST /invocations``, ``GET /ping``. The only way to an API that is private, or
    guarded by WAF. What it cannot do is for `InferenceApi`: tokens, experiments, asynchronous endpoints, CORS.

    Limits: 29 seconds, and what the endpoint takes (6 MiB; serverless 4 MiB); see docs/api.md. API Gateway
    writes access logs only in accounts that have given it a role for that: see `account_logs`.

    Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-integration-types.html

    Example::

        api = DirectApi(self, "Api", endpoint=endpoint, content_types=["text/csv"])
        api.grants.invoke(function)
    """

    CLIENT_ERRORS: ClassVar = "4XXError"
    SERVER_ERRORS: ClassVar = "5XXError"

    front: RestFront

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        endpoint: EndpointBase,
        throttle: Throttle | None = None,
        content_types: Sequence[str] = (),
        json_schema: gateway.JsonSchema | None = None,
        targets: Sequence[str] | None = None,
        target_variants: bool = False,
        own_inference_ids: bool = False,
        timeout: cdk.Duration | None = None,
        vpc_endpoints: Sequence[ec2.IInterfaceVpcEndpoint] | None = None,
        web_acl: str | None = None,
        account_logs: bool = False,
        error_percent: float = 5,
        notify: Sequence[sns.ITopic] = (),
        api_name: str | None = None,
    ) -> None:
        """Make the API.

        :param endpoint: what answers; any kind but an asynchronous one.
        :param throttle: how many requests are let in. Default: 100 a second, 200 at once.
        :param content_types: those let in, all of text; others are answered 415, and answers are text too.
            Default: all, requests and answers are passed on byte for byte.
        :param json_schema: what JSON must look like; other is answered 422. Default: anything.
        :param targets: models or containers that requests may name, as patterns such as ``team-a/*``; IAM
            holds them to it. Default: all of the endpoint.
        :param target_variants: whether requests may choose a variant. Default: no.
        :param own_inference_ids: each request has to bring its inference id, which is handed on and does not
            come back. Default: API Gateway's id of the request is handed on, and comes back.
        :param timeout: 1–29 seconds until a request is answered 504. Default: 29 seconds.
        :param vpc_endpoints: interface endpoints of ``execute-api``; the API is private, and reached through
            these alone. Default: it has a public address, which IAM guards.
        :param web_acl: ARN of a regional web ACL of WAF's before it. Default: none.
        :param account_logs: give API Gateway its role for logs here, which is one for the whole account and
            region, and stays when the stack goes. Default: it has one; without, the deployment fails.
        :param error_percent: 0–100, above which the alarm goes off. Default: 5.
        :param notify: topics that the alarm tells. Default: none.
        :param api_name: in logs and metrics, unique in account and region. Default: of stack name and path.
        :raises ConstraintError: SM-API-002, SM-API-011 to SM-API-017.
        """
        props = DirectApiProps(
            endpoint=endpoint,
            throttle=Throttle() if throttle is None else throttle,
            content_types=content_types,
            json_schema=json_schema,
            targets=targets,
            target_variants=target_variants,
            own_inference_ids=own_inference_ids,
            timeout=timeout,
            vpc_endpoints=vpc_endpoints,
            web_acl=web_acl,
            account_logs=account_logs,
            error_percent=error_percent,
            notify=notify,
            api_name=api_name,
        )
        enforce_together(direct_rules.violations(props), path=lambda: construct_path(scope, id))
        super().__init__(scope, id)
        note_place(self, scope, id)
        self.endpoint = endpoint
        """What answers."""
        self.api_name = physical_name(self) if api_name is None else api_name
        """What logs and metrics call it."""
        self.role = self._role(props)
        """As which API Gateway asks the endpoint, and nothing else."""
        self.front = RestFront(
            self,
            "Rest",
            api_name=self.api_name,
            description=f"Predictions of {path_of(endpoint)}",
            throttle=props.throttle,
            binary=not content_types,
            vpc_endpoints=vpc_endpoints,
            web_acl=web_acl,
            account_logs=account_logs,
        )
        """What callers reach: ``front.rest_api``, ``front.access_log``."""
        self.routes = DirectMethods(self, "Methods", front=self.front, props=props, role=self.role).routes
        """Methods and paths: ``POST /invocations``, ``GET /ping``."""
        self.grants = DirectApiGrants(self)
        """Who may call: ``api.grants.invoke(role)``."""
        self._count_model_errors()
        self.alarms = ApiAlarms(
            self,
            "Alarms",
            api=self.api_name,
            errors=self.metric_error_percent(),
            percent=error_percent,
            topics=notify,
        )
        """What watches it."""

    def metric_model_errors(self) -> cloudwatch.Metric:
        """Requests per minute that the model failed (424), out of the access log."""
        return cloudwatch.Metric(
            namespace=METRIC_NAMESPACE,
            metric_name=_MODEL_ERRORS,
            dimensions_map={"Api": self.api_name},
            statistic="Sum",
            period=minute(),
        )

    def _dimensions(self) -> Mapping[str, str]:
        return {"ApiName": self.api_name, "Stage": STAGE}

    def _model_errors(self) -> cloudwatch.Metric:
        return self.metric_model_errors()

    def _role(self, props: DirectApiProps) -> iam.Role:
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("apigateway.amazonaws.com"),
            description=f"Asks the endpoint behind {path_of(self)}",
        )
        props.served.let_invoke(role)
        acknowledge_inline_policy(role)
        return role

    def _count_model_errors(self) -> None:
        logs.MetricFilter(
            self,
            "ModelErrors",
            log_group=self.front.access_log,
            filter_pattern=logs.FilterPattern.string_value("$.status", "=", "424"),
            metric_namespace=METRIC_NAMESPACE,
            metric_name=_MODEL_ERRORS,
            metric_value="1",
            dimensions={"Api": "$.api"},
        )

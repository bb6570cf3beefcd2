"""The front door of an endpoint."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from ...access.authorization import ApiAuthorization
from ...access.front import ApiFront
from ...access.inference_api import InferenceApi
from ...access.props import Experiment
from ...access.requests import RequestLimits, Throttle
from ...hosting.endpoint import EndpointBase
from ..schema.access import ApiSpec, AuthorizationSpec, RequestSpec
from ..schema.hosting import Notified
from . import hosting
from .site import Where

ID = "Api"


def api(
    where: Where, spec: ApiSpec, told: Notified | None, endpoint: EndpointBase, experiment: Experiment | None
) -> None:
    """An API in front of `endpoint`, which tells of its errors whom `told` names."""
    given = spec.throttle
    throttle = (where / "throttle").make(lambda: Throttle(rate=given.rate, burst=given.burst))
    request = _request(where / "request", spec.request)
    front = (where / "corsOrigins").make(
        lambda: ApiFront.http(cors_origins=spec.cors_origins), {"cors_origins": ""}
    )
    authorization = _authorization(where / "authorization", spec.authorization)
    where.site.stop_if_refused()
    topics = where.topics(where.site.environment.environment.spec.notify)
    made = where.make(
        lambda: InferenceApi(
            where.scope,
            ID,
            endpoint=endpoint,
            authorization=authorization,
            throttle=throttle,
            request=request,
            experiment=experiment,
            targets=spec.targets,
            target_variants=spec.target_variants,
            model_timeout=where.duration(spec.model_timeout),
            front=front,
            error_percent=spec.error_percent,
            notify=topics if told is None else hosting.topics(where, told),
            api_name=spec.api_name,
        )
    )
    if made is None:
        return
    cdk.CfnOutput(where.scope, "Url", value=made.url)
    callers = (
        [] if spec.authorization is None or spec.authorization.iam is None else spec.authorization.iam.roles
    )
    for arn in callers:
        made.grants.invoke(_role(where, arn))


def _role(where: Where, arn: str) -> iam.IRole:
    return where.site.imported("Role", arn, lambda id: iam.Role.from_role_arn(where.scope, id, arn))


def _request(where: Where, spec: RequestSpec) -> RequestLimits | None:
    return where.make(
        lambda: RequestLimits(
            max_body=where.size(spec.max_body),
            content_types=spec.content_types,
            max_rows=spec.max_rows,
            columns=spec.columns,
            well_formed=spec.well_formed,
        )
    )


def _authorization(where: Where, spec: AuthorizationSpec | None) -> ApiAuthorization | None:
    token = None if spec is None else spec.jwt
    if token is None:
        return ApiAuthorization.iam()
    return (where / "jwt").make(
        lambda: ApiAuthorization.jwt(issuer=token.issuer, audience=token.audience, scopes=token.scopes)
    )

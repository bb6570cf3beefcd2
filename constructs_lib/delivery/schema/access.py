"""The front door of an endpoint."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .base import Choice, Duration, Part, Size, whole

RoleArn = Annotated[str, Field(pattern=whole(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+"))]


class IamCallers(Part):
    """Callers sign their requests (SigV4)."""

    roles: list[RoleArn] = []
    """Roles of the account that may call. Others are allowed by policies of their own."""


class JwtCallers(Part):
    """Callers show a token."""

    issuer: str
    """Address of who issues tokens."""
    audience: Annotated[list[str], Field(min_length=1)]
    scopes: list[str] = []
    """Of which a token must have one."""


class AuthorizationSpec(Choice):
    """Who may call."""

    iam: IamCallers | None = None
    jwt: JwtCallers | None = None


class ThrottleSpec(Part):
    """How many requests are let in; more are answered 429."""

    rate: Annotated[float, Field(gt=0)] = 100
    """Requests a second, for a while."""
    burst: Annotated[int, Field(ge=1)] = 200
    """Requests at once."""


class RequestSpec(Part):
    """What a request's body may be."""

    max_body: Size | None = None
    """Default: as much as the way to the model allows."""
    content_types: list[str] = []
    """Those let in. Default: all."""
    max_rows: int | None = None
    columns: int | None = None
    well_formed: bool = True
    """Whether CSV and JSON that cannot be read are refused before the model is asked."""


class ApiSpec(Part):
    """An HTTP API in front of the endpoint: an `InferenceApi`."""

    authorization: AuthorizationSpec | None = None
    """Default: signed requests (IAM)."""
    throttle: ThrottleSpec = ThrottleSpec()
    request: RequestSpec = RequestSpec()
    targets: list[str] | None = None
    """Models, components or containers that requests may name, as patterns. Default: all."""
    target_variants: bool = False
    """Whether requests may choose a variant."""
    model_timeout: Duration | None = None
    """1–28 seconds until a request is answered 504. Default: 28 seconds."""
    cors_origins: list[str] = []
    """Web pages that may call. Default: none."""
    error_percent: Annotated[float, Field(gt=0, le=100)] = 5
    """Above which the alarm goes off."""
    api_name: str | None = None
    """In logs and metrics. Default: from the construct's path."""

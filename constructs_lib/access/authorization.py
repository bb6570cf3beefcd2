"""Who may call an API: principals of IAM, or bearers of a token."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..core.checks import items_of, text
from ..core.rules import Broken, Rules

_JWT = "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html"
# Without TLS on this machine alone: an issuer that an embedded AWS asks.
_URL = re.compile(
    r"(https://[A-Za-z0-9.-]+|http://(localhost|127\.0\.0\.1))(:\d{1,5})?(/[A-Za-z0-9._~%/-]*)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAuthorization:
    """Who may call. Made by `iam` or `jwt`.

    :raises ConstraintError: SM-API-001.
    """

    issuer: str | None = None
    """Of tokens; none: IAM decides."""
    audience: Sequence[str] = ()
    scopes: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Check."""
        authorization_rules.enforce(self, path="ApiAuthorization")

    @classmethod
    def iam(cls) -> ApiAuthorization:
        """Principals that are granted it (``api.grants.invoke``), who sign requests (SigV4, ``execute-api``).

        Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-access-control-iam.html
        """
        return cls()

    @classmethod
    def jwt(cls, *, issuer: str, audience: Sequence[str], scopes: Sequence[str] = ()) -> ApiAuthorization:
        """Who has a token of `issuer` (OpenID Connect, OAuth 2.0) in ``Authorization: Bearer …``.

        API Gateway checks signature (RSA only), issuer, audience, times and scopes.

        :param issuer: its URL, as in the tokens' ``iss``; its keys are found below it.
        :param audience: of which a token names one, in ``aud`` or ``client_id``.
        :param scopes: of which a token has at least one. Default: none needed.
        :raises ConstraintError: SM-API-001.
        """
        return cls(issuer=issuer, audience=audience, scopes=scopes)

    @property
    def is_iam(self) -> bool:
        """Whether IAM decides."""
        return self.issuer is None


authorization_rules = Rules[ApiAuthorization]()


@authorization_rules.rule("SM-API-001", source=_JWT)
def tokens_can_be_checked(given: ApiAuthorization) -> Iterator[Broken]:
    """Tokens are of an issuer, by its URL, and for at least one audience."""
    for name in ("audience", "scopes"):
        value = getattr(given, name)
        yield from items_of(name, value, str)
        if isinstance(value, list | tuple) and "" in value:
            yield Broken(name, value, "no empty one")
    if given.issuer is None:
        if given.audience or given.scopes:
            yield Broken("issuer", None, "the URL of an issuer", "ApiAuthorization.jwt(…)")
        return
    yield from text("issuer", given.issuer, _URL, "a URL such as https://login.example.com/tenant")
    if isinstance(given.audience, list | tuple) and not given.audience:
        yield Broken("audience", given.audience, "at least one: tokens for others would be taken too")

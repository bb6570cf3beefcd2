"""How callers reach an API."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aws_cdk import aws_apigatewayv2 as gateway

from ..core.checks import items_of, text
from ..core.rules import Broken, Rules
from .limits import Part

_CORS = "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html"
_ORIGIN = re.compile(r"\*|https?://(\*|[A-Za-z0-9.*-]+)(:\d{1,5})?")
_PATH = re.compile(r"[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiFront:
    """How callers reach an API. Made by `http`.

    :raises ConstraintError: SM-API-004.
    """

    cors_origins: Sequence[str] = ()
    domain: gateway.IDomainName | None = None
    path: str | None = None

    def __post_init__(self) -> None:
        """Check."""
        front_rules.enforce(self, path="ApiFront")

    @classmethod
    def http(
        cls,
        *,
        cors_origins: Sequence[str] = (),
        domain: gateway.IDomainName | None = None,
        path: str | None = None,
    ) -> ApiFront:
        """An HTTP API: 30 seconds, 10 MB, a third of the price of a REST API.

        Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api.html

        :param cors_origins: whose pages browsers let call it, such as ``https://app.example.com``.
            Default: none, no CORS.
        :param domain: a name of your own; the API has no other address then. Default: API Gateway's.
        :param path: below which the API lies at that name, such as ``fraud``. Default: at its root.
        :raises ConstraintError: SM-API-004.
        """
        return cls(cors_origins=cors_origins, domain=domain, path=path)

    @property
    def parts(self) -> tuple[Part, ...]:
        """What requests pass before the endpoint."""
        return (Part.HTTP_API, Part.FUNCTION)


front_rules = Rules[ApiFront]()


@front_rules.rule("SM-API-004", source=_CORS)
def pages_have_an_origin(given: ApiFront) -> Iterator[Broken]:
    """CORS names origins; a path is for a name of one's own, and has no slash at its ends."""
    yield from items_of("cors_origins", given.cors_origins, str)
    if isinstance(given.cors_origins, list | tuple):
        for index, origin in enumerate(given.cors_origins):
            allowed = "an origin such as https://app.example.com, without a path, or *"
            yield from text(f"cors_origins[{index}]", origin, _ORIGIN, allowed)
    yield from text("path", given.path, _PATH, "path segments such as fraud/v1, no slash at the ends")
    if given.path is not None and given.domain is None:
        yield Broken("path", given.path, "none without a domain", "domain=DomainName(…)")

"""How many requests an API lets in, and of what form: refused before a model is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import aws_cdk as cdk

from ..core.checks import items_of, known, number, text, whole_number
from ..core.rules import Broken, Rules
from ..core.tokens import is_token

_THROTTLE = "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-throttling.html"
_LAMBDA = (
    "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html"
)
_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,64}/[a-z0-9!#$&^_.+-]{1,64}")
_MOST_RATE = 10_000
_MOST_BURST = 5_000
_MOST_ROWS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """How many requests are let in, of all callers together; more are answered 429 by API Gateway.

    It is a target, not a promise: API Gateway may let a few more in. The whole account has 10,000 a second
    and a burst of 5,000 in a region, unless AWS was asked for more.

    :raises ConstraintError: SM-API-002.
    """

    rate: float = 100
    """Requests a second, for a while."""
    burst: int = 200
    """Requests at once."""

    def __post_init__(self) -> None:
        """Check."""
        throttle_rules.enforce(self, path="Throttle")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLimits:
    """What a request's body may be. It knows no schema: size, type, form, rows and columns.

    :raises ConstraintError: SM-API-003.
    """

    max_body: cdk.Size | None = None
    """Default: as much as the way to the model allows, see docs/api.md."""
    content_types: Sequence[str] = ()
    """Those let in, such as ``text/csv``; others are answered 415. Default: all."""
    max_rows: int | None = None
    """Of CSV, JSON Lines, and JSON's lists of rows. Default: any number."""
    columns: int | None = None
    """Of each such row, where it is a list. Default: any number."""
    well_formed: bool = True
    """Answer 422 to what is no CSV, JSON or JSON Lines though it says so, and to no rows at all."""

    def __post_init__(self) -> None:
        """Check."""
        limits_rules.enforce(self, path="RequestLimits")


throttle_rules = Rules[Throttle]()
limits_rules = Rules[RequestLimits]()


@throttle_rules.rule("SM-API-002", source=_THROTTLE)
def some_are_let_in(given: Throttle) -> Iterator[Broken]:
    """An API lets in more than 0 and up to 10,000 requests a second, and 1–5,000 at once."""
    yield from number("rate", given.rate, 0, _MOST_RATE, above=True)
    yield from whole_number("burst", given.burst, 1, _MOST_BURST)


@limits_rules.rule("SM-API-003", source=_LAMBDA)
def bodies_can_be_checked(given: RequestLimits) -> Iterator[Broken]:
    """Content types are MIME types in lower case without parameters; rows and columns are at least one."""
    yield from items_of("content_types", given.content_types, str)
    if isinstance(given.content_types, list | tuple):
        for index, each in enumerate(given.content_types):
            allowed = "a MIME type in lower case, without parameters, such as text/csv"
            yield from text(f"content_types[{index}]", each, _MEDIA_TYPE, allowed)
            if is_token(each):
                yield Broken(f"content_types[{index}]", each, "a type that is known at synthesis")
    yield from whole_number("max_rows", given.max_rows, 1, _MOST_ROWS)
    yield from whole_number("columns", given.columns, 1, _MOST_ROWS)
    if isinstance(given.max_body, cdk.Size) and known(given.max_body) and given.max_body.to_bytes() < 1:
        yield Broken("max_body", "0 bytes", "at least 1 byte")

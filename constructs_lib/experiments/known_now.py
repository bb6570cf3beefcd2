"""What an experiment is told is computed with at synthesis, so none of it may be a token."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import aws_cdk as cdk

from ..core.rules import Broken, listed
from ..core.tokens import is_token

KNOWN_NOW = listed(
    id="SM-EXPERIMENT-001",
    summary="Numbers and durations of an experiment are known at synthesis, which computes with them.",
    source="https://docs.aws.amazon.com/cdk/v2/guide/tokens.html",
)


def known_now(values: Iterable[tuple[str, object]]) -> Iterator[Broken]:
    """No number or duration among these named values is a token."""
    for name, value in values:
        if isinstance(value, int | float | cdk.Duration) and is_token(value):
            yield Broken(name, value, "a value that is known at synthesis, no token")


def fields_known_now(subject: object) -> Iterator[Broken]:
    """`known_now` for the fields of a value object."""
    fields = getattr(type(subject), "__dataclass_fields__", {})
    yield from known_now((name, getattr(subject, name)) for name in fields)

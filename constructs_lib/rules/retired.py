"""Resources of services that have ended."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.catalogue import Broken
from ..core.retired_types import FIRST_GENERATION, RETIRED_TYPES, why_retired
from .registry import template_rule
from .template import Resource


@template_rule("SM-EDGE-001", *RETIRED_TYPES, FIRST_GENERATION)
def _nothing_retired(resource: Resource) -> Iterator[Broken]:
    yield Broken("", resource.type, "a type of a service that goes on", why_retired(resource.type) or "")

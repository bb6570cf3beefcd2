"""Names made from content: what can only be replaced gets a new name with a new content, and keeps it else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import aws_cdk as cdk
import constructs
import jsii

from ...core.place import stack_of

_DIGEST_LENGTH = 12


@jsii.implements(cdk.IStringProducer)
class _NamedAfter:
    """Asked at synthesis, when the content is whole: aspects may have added tags by then."""

    def __init__(self, stack: cdk.Stack, before: str, content: Callable[[], object], after: str) -> None:
        self._stack = stack
        self._before = before
        self._content = content
        self._after = after

    def produce(self, _context: cdk.IResolveContext) -> str:
        """The name, by what the template says: references count by the logical id that they are to."""
        told = json.dumps(self._stack.resolve(self._content()), sort_keys=True)
        digest = hashlib.sha256(told.encode()).hexdigest()[:_DIGEST_LENGTH]
        return f"{self._before}{digest}{self._after}"


ROOM_FOR_DIGEST = _DIGEST_LENGTH + 1
"""Characters that a digest and the hyphen before it take."""


def named_after(
    scope: constructs.Construct, content: Callable[[], object], *, before: str, after: str = ""
) -> str:
    """`before`, a digest of `content` and `after`; a token until synthesis.

    :param content: what the CDK resolves: lists and mappings of strings, numbers, tokens and L1 properties.
    """
    return cdk.Lazy.uncached_string(_NamedAfter(stack_of(scope), before, content, after))

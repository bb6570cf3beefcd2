"""What may go wrong, in words for whoever sent a request or a model."""

from __future__ import annotations

from collections.abc import Sequence

_LONGEST = 500
"""Characters of a reason: it may name what a client has sent, goes back to it, and is told of with the result."""


class BadRequest(Exception):  # noqa: N818 - it is read as a sentence
    """A request that cannot be answered as it is."""

    def __init__(self, status: int, message: str, allowed: Sequence[str] = ()) -> None:
        """:param allowed: what would be taken instead."""
        super().__init__(message[:_LONGEST])
        self.status = status
        self.allowed = tuple(allowed)


class BadModel(Exception):  # noqa: N818 - it is read as a sentence
    """A model that is not to be served; the message says why."""


class NoVerdict(Exception):  # noqa: N818 - it is read as a sentence
    """The trial of a model could not be held: nothing is known of the model."""

"""Which of several instances answers a request."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from ..settings import settings
from .channel import UnreachableError
from .instance import Answer, Instance

Choice = Callable[[Sequence[Instance]], Instance]


def least_busy(candidates: Sequence[Instance], model: str | None = None) -> Instance:
    """One that has the model loaded, if any has; of those the one that answers the fewest requests now."""
    return min(candidates, key=lambda each: (not each.holds(model), each.in_flight))


def any_one(candidates: Sequence[Instance]) -> Instance:
    """One at random."""
    return random.choice(candidates)  # noqa: S311  # not for secrets


async def ask_one(
    instances: Callable[[], Sequence[Instance]], choose: Choice,
    headers: Mapping[str, str], body: bytes, timeout: float | None = None,
) -> Answer:  # fmt: skip
    """Let one of the healthy instances answer; UnreachableError when none can be reached.

    In the longest time of a real-time answer unless another is given. They are asked for again
    after each failure: some may have come or gone meanwhile.
    """
    longest = settings().request_timeout if timeout is None else timeout
    tried: set[Instance] = set()
    while True:
        candidates = [each for each in instances() if each.ready and each not in tried]
        if not candidates:
            raise UnreachableError("no healthy instance")
        instance = choose(candidates)
        try:
            return await instance.invoke(headers, body, longest)
        except UnreachableError:
            tried.add(instance)

"""Copies of requests for shadow variants, sent beside the requests themselves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from .endpoint import Endpoint
from .generation import DeployedVariant, Generation
from .traffic import is_copied

# A copy is a body of up to 6 MB. When a shadow variant falls behind, what AWS does is not known; here the
# copies beyond these are dropped, so that it costs memory only up to here, and callers nothing.
_MOST_UNDER_WAY = 100

_logger = logging.getLogger(__name__)

Ask = Callable[[Endpoint, Generation, DeployedVariant, Mapping[str, str], bytes], Coroutine[Any, Any, None]]
"""Has the shadow variant of a generation answer a request, for nobody but the metrics and the capture."""


class ShadowCopies:
    """The copies that are under way. Everything happens on the server's event loop."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._under_way: set[asyncio.Task[None]] = set()

    def copy(
        self, endpoint: Endpoint, generation: Generation, headers: Mapping[str, str], body: bytes
    ) -> None:
        """Send the request to the shadow variant too, if there is one and this request is in its share.

        Never an error, and never a wait: the caller is not to know.
        """
        shadow = generation.shadow
        if shadow is None or not is_copied(generation):
            return
        if shadow.instances.in_flight >= _MOST_UNDER_WAY:
            _logger.warning("a copy for variant %s of %s is dropped", shadow.spec.name, endpoint.name)
            return
        work = asyncio.get_running_loop().create_task(self._ask(endpoint, generation, shadow, headers, body))
        self._under_way.add(work)
        work.add_done_callback(self._done)

    def abandon(self) -> None:
        """Stop waiting for answers."""
        for work in self._under_way:
            work.cancel()

    def _done(self, work: asyncio.Task[None]) -> None:
        self._under_way.discard(work)
        if not work.cancelled() and work.exception() is not None:
            _logger.error("a shadow variant could not be asked", exc_info=work.exception())

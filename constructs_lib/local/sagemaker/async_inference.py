"""Asynchronous inference: takes requests into the queues, and from there to instances that are free."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from ..emulator import Response
from ..serving.channel import BrokenOffError, UnreachableError
from .async_backlog import AsyncRequest
from .async_invocation import accepted, read_request
from .async_metrics import AsyncMetrics
from .async_processing import Processing, expired, given_up
from .endpoint import Endpoint
from .endpoints import Endpoints
from .generation import DeployedVariant, Generation
from .inference_options import require_asynchronous
from .telemetry import Logs, Metrics
from .traffic import choose

# AWS tries again when an instance goes away; how often is not known. A request that ends every process
# must not do so for ever.
_MOST_ATTEMPTS = 3


class AsyncInference:
    """The asynchronous endpoints of all accounts. Everything happens on the server's event loop."""

    def __init__(self, endpoints: Endpoints, metrics: Metrics, logs: Logs) -> None:
        self._endpoints = endpoints
        self._metrics = AsyncMetrics(metrics)
        self._logs = logs
        self._work: set[asyncio.Task[None]] = set()

    def invoke(self, endpoint: Endpoint, headers: Mapping[str, str], body: bytes) -> Response:
        """Answer one InvokeEndpointAsync: the request is in the queue when this returns."""
        request = read_request(endpoint.name, headers, body, require_asynchronous(endpoint))
        endpoint.backlog.add(request)
        self._dispatch(endpoint)
        return accepted(request)

    def dispatch(self) -> None:
        """Give waiting requests to instances that are free."""
        for endpoint in self._endpoints.everywhere():
            self._dispatch(endpoint)

    def measure(self) -> None:
        """Keep the metrics of the queues, zeros too."""
        for endpoint in self._endpoints.everywhere():
            if endpoint.routes and endpoint.live.asynchronous is not None:
                self._metrics.backlog(endpoint)

    def abandon(self) -> None:
        """Stop answering; what is in the queues stays with the endpoints."""
        for work in self._work:
            work.cancel()

    def _dispatch(self, endpoint: Endpoint) -> None:
        backlog = endpoint.backlog
        if not backlog.has_waiting or not endpoint.routes:
            return
        self._drop_expired(endpoint)
        while backlog.has_waiting:
            generation, variant = choose(endpoint.routes, None)
            if not _has_room(endpoint, generation, variant):
                return
            request = backlog.begin(variant)
            processing = self._processing(endpoint, generation, variant, request)
            work = asyncio.get_running_loop().create_task(self._process(processing, variant))
            self._work.add(work)
            work.add_done_callback(self._work.discard)

    def _drop_expired(self, endpoint: Endpoint) -> None:
        # They came to no variant; the metrics have that dimension all the same.
        variant = next(iter(endpoint.live.variants.values()))
        for request in endpoint.backlog.take_expired():
            processing = self._processing(endpoint, endpoint.live, variant, request)
            with endpoint.scope.active():
                processing.deliver(expired(request))

    async def _process(self, processing: Processing, variant: DeployedVariant) -> None:
        endpoint, request = processing.endpoint, processing.request
        with endpoint.scope.active():
            try:
                outcome = await processing.answer(variant)
            except UnreachableError:
                endpoint.backlog.put_back(request, tried=False)
                return
            except asyncio.CancelledError:
                endpoint.backlog.put_back(request, tried=False)
                raise
            except BrokenOffError:
                if request.attempts < _MOST_ATTEMPTS:
                    endpoint.backlog.put_back(request, tried=True)
                    return
                outcome = given_up(request)
            processing.deliver(outcome)
        endpoint.backlog.finish(request)
        self._dispatch(endpoint)

    def _processing(
        self, endpoint: Endpoint, generation: Generation, variant: DeployedVariant, request: AsyncRequest
    ) -> Processing:
        assert generation.asynchronous is not None  # noqa: S101  # no update makes another kind of it
        return Processing(
            endpoint=endpoint,
            variant_name=variant.spec.name,
            settings=generation.asynchronous,
            request=request,
            metrics=self._metrics.of(endpoint, variant.spec.name),
            logs=self._logs,
        )


def _has_room(endpoint: Endpoint, generation: Generation, variant: DeployedVariant) -> bool:
    """Whether a variant that was drawn can take one more request."""
    assert generation.asynchronous is not None  # noqa: S101
    room = variant.instances.healthy * generation.asynchronous.concurrency
    return endpoint.backlog.running_on(variant) < room

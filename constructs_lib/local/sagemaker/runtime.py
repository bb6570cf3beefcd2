"""InvokeEndpoint."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ..emulator import Response, Scope
from ..serving.channel import BrokenOffError, Reply, UnreachableError
from ..serving.worker import Worker
from .capture import Capture, CaptureSettings, Exchange
from .endpoint import Endpoint
from .endpoints import Endpoints
from .errors import ModelError, NotEmulatedError, RefusedError, RoutingError, UnavailableError
from .generation import DeployedVariant
from .telemetry import Metrics, log_group
from .traffic import NoSuchVariantError, choose

MAX_BODY_BYTES = 6 * 1024 * 1024
_CUSTOM_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
_INFERENCE_ID = "x-amzn-sagemaker-inference-id"
_TARGET_VARIANT = "x-amzn-sagemaker-target-variant"
_REFUSED_HEADERS = {
    "x-amzn-sagemaker-target-model": "TargetModel (multi-model endpoints)",
    "x-amzn-sagemaker-target-container-hostname": "TargetContainerHostname (pipelines)",
    "x-amzn-sagemaker-session-id": "SessionId (stateful sessions)",
}
# What of the request's head reaches the container.
PASSED_ON = ("content-type", "accept", _CUSTOM_ATTRIBUTES, _INFERENCE_ID)
_DEFAULT_CONTENT_TYPE = "application/octet-stream"
_TIMED_OUT = "Your invocation timed out while waiting for a response from container primary."
_WENT_AWAY = "The model process ended while it was answering."


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and how long the model took."""

    worker: Worker | None
    reply: Reply
    seconds: float


class ForComponents(Protocol):
    """The data plane of inference components."""

    def answers(self, endpoint: Endpoint, headers: Mapping[str, str]) -> bool:
        """Whether the request is for a component; RoutingError when endpoint and request do not agree."""

    async def invoke(self, endpoint: Endpoint, headers: Mapping[str, str], body: bytes) -> Response:
        """Answer one request that is for a component."""


class Runtime:
    """The data plane: routes a request to a variant and tells what happened."""

    def __init__(
        self, endpoints: Endpoints, components: ForComponents, metrics: Metrics, capture: Capture
    ) -> None:
        self._endpoints = endpoints
        self._components = components
        self._metrics = metrics
        self._capture = capture

    async def invoke(self, endpoint_name: str, headers: Mapping[str, str], body: bytes) -> Response:
        """Answer one InvokeEndpoint request."""
        began = time.perf_counter()
        _check(headers, body)
        endpoint = self._endpoint(endpoint_name)
        if self._components.answers(endpoint, headers):
            return await self._components.invoke(endpoint, headers, body)
        capture, variant = _variant_for(endpoint, headers.get(_TARGET_VARIANT))
        concurrent = variant.fleet.in_flight + 1
        passed_on = {name: headers[name] for name in PASSED_ON if name in headers}
        answer = await ask(variant.fleet, f"instance of variant {variant.spec.name}", passed_on, body)
        spent = time.perf_counter() - began
        self._metrics.invocation(
            endpoint.scope, endpoint.name, variant.spec.name,
            status=answer.reply.status, model_seconds=answer.seconds, overhead_seconds=spent - answer.seconds,
            instances=variant.desired_count, concurrent=concurrent,
        )  # fmt: skip
        if not 200 <= answer.reply.status < 300:
            raise model_error(endpoint.scope, log_group(endpoint.name), variant.spec.name, answer)
        if capture is not None and capture.samples_this_one():
            seen = exchange(headers, body, answer.reply)
            self._capture.add(endpoint.scope, endpoint.name, variant.spec.name, capture, seen)
        return 200, response_headers(variant.spec.name, answer.reply), answer.reply.body

    def _endpoint(self, name: str) -> Endpoint:
        try:
            endpoint = self._endpoints.find(name)
        except RefusedError:
            endpoint = None
        # Until it is in service for the first time, an endpoint is not there for the runtime.
        if endpoint is None or not endpoint.routes:
            raise RoutingError(f"Endpoint {name} of account {Scope.current().account_id} not found.")
        return endpoint


def _check(headers: Mapping[str, str], body: bytes) -> None:
    if len(body) > MAX_BODY_BYTES:
        raise RoutingError(
            f"1 validation error detected: Value at 'body' failed to satisfy constraint: Member must have length "
            f"less than or equal to {MAX_BODY_BYTES}"
        )
    for header, what in _REFUSED_HEADERS.items():
        if header in headers:
            raise RoutingError(str(NotEmulatedError(what)))


def _variant_for(endpoint: Endpoint, target: str | None) -> tuple[CaptureSettings | None, DeployedVariant]:
    try:
        generation, variant = choose(endpoint.routes, target)
    except NoSuchVariantError:
        raise RoutingError(f"Variant {target} of endpoint {endpoint.name} not found.") from None
    return generation.capture, variant


class Answering(Protocol):
    """A fleet, or the copies of a component."""

    async def invoke(self, headers: Mapping[str, str], body: bytes) -> tuple[Worker, Reply]:
        """Answer one request."""


async def ask(served_by: Answering, what: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """Have a request answered; UnavailableError when no such `what` is there."""
    began = time.perf_counter()
    worker: Worker | None = None
    try:
        worker, reply = await served_by.invoke(headers, body)
    except UnreachableError as error:
        raise UnavailableError(f"No {what} is healthy.") from error
    except TimeoutError:
        reply = Reply(500, {}, _TIMED_OUT.encode())
    except BrokenOffError:
        reply = Reply(500, {}, _WENT_AWAY.encode())
    return Answer(worker, reply, time.perf_counter() - began)


def model_error(scope: Scope, group: str, variant: str, answer: Answer) -> ModelError:
    """What the caller is told when the model failed, with the log group that says more."""
    status = answer.reply.status
    text = answer.reply.body.decode("utf-8", "replace")
    side = "client" if status < 500 else "server"
    region, account = scope.region, scope.account_id
    stream = f":log-stream:{variant}/{answer.worker.worker_id}" if answer.worker else ""
    return ModelError(
        f'Received {side} error ({status}) from primary with message "{text}". See '
        f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#logEventViewer:group={group} "
        f"in account {account} for more information.",
        original_status=status,
        original_message=text,
        log_stream_arn=scope.arn("logs", f"log-group:{group}{stream}"),
    )


def exchange(headers: Mapping[str, str], body: bytes, reply: Reply) -> Exchange:
    """What data capture keeps of a request and its answer."""
    return Exchange(
        request_type=headers.get("content-type", _DEFAULT_CONTENT_TYPE),
        request=body,
        response_type=reply.headers.get("content-type", _DEFAULT_CONTENT_TYPE),
        response=reply.body,
        inference_id=headers.get(_INFERENCE_ID),
        custom_attributes=headers.get(_CUSTOM_ATTRIBUTES),
    )


def response_headers(variant: str, reply: Reply) -> dict[str, str]:
    """The headers of an answer."""
    answered = {
        "Content-Type": reply.headers.get("content-type", _DEFAULT_CONTENT_TYPE),
        "x-Amzn-Invoked-Production-Variant": variant,
    }
    attributes = reply.headers.get(_CUSTOM_ATTRIBUTES)
    return {**answered, "X-Amzn-SageMaker-Custom-Attributes": attributes} if attributes else answered

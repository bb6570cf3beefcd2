"""InvokeEndpoint."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ..emulator import Response, Scope
from ..serving import instance, model_cache
from ..serving.channel import Reply, UnreachableError
from ..serving.container import FleetError
from ..serving.fleet import Fleet
from ..serving.on_demand import Execution, OnDemandFleet, ThrottledError
from .capture import Capture, Exchange
from .endpoint import Endpoint
from .endpoints import Endpoints
from .errors import (
    LimitError,
    ModelError,
    ModelNotReadyError,
    NotEmulatedError,
    RefusedError,
    RoutingError,
    ThrottlingError,
    UnavailableError,
)
from .generation import DeployedVariant, Generation
from .inference_options import require_real_time
from .serverless import MAX_BODY_BYTES as MAX_SERVERLESS_BODY_BYTES
from .serverless import ServerlessMetrics
from .shadow_copies import ShadowCopies
from .targets import HEADERS, check_targets
from .telemetry import Metrics, log_group
from .traffic import NoSuchVariantError, choose

MAX_BODY_BYTES = 6 * 1024 * 1024
_CUSTOM_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
_INFERENCE_ID = "x-amzn-sagemaker-inference-id"
_TARGET_VARIANT = "x-amzn-sagemaker-target-variant"
_REFUSED_HEADERS = {
    "x-amzn-sagemaker-session-id": "SessionId (stateful sessions)",
}
_PASSED_ON = ("content-type", "accept", _CUSTOM_ATTRIBUTES, _INFERENCE_ID, *HEADERS)
_DEFAULT_CONTENT_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and how long the model took."""

    given: instance.Answer
    seconds: float

    @property
    def reply(self) -> Reply:
        """The answer of the last container that was asked."""
        return self.given.reply


class Answering(Protocol):
    """A fleet, a process of a serverless variant, or the copies of a component."""

    async def invoke(self, headers: Mapping[str, str], body: bytes) -> instance.Answer:
        """Answer one request."""


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
        self._shadows = ShadowCopies(self._answer_copy)

    async def invoke(self, endpoint_name: str, headers: Mapping[str, str], body: bytes) -> Response:
        """Answer one InvokeEndpoint request."""
        began = time.perf_counter()
        _check(headers, body)
        endpoint = self.endpoint(endpoint_name)
        require_real_time(endpoint)
        if self._components.answers(endpoint, headers):
            return await self._components.invoke(endpoint, headers, body)
        generation, variant = _variant_for(endpoint, headers.get(_TARGET_VARIANT))
        check_targets(endpoint.name, variant, headers)
        told = passed_on(headers)
        self._shadows.copy(endpoint, generation, headers, body)
        if isinstance(variant.fleet, OnDemandFleet):
            answer = await self._ask_serverless(endpoint, variant, variant.fleet, told, body, began)
        else:
            answer = await self._ask_instances(endpoint, variant, variant.instances, told, body, began)
        if not 200 <= answer.reply.status < 300:
            raise model_error(endpoint.scope, log_group(endpoint.name), variant.spec.name, answer)
        self._keep(endpoint, generation, variant, exchange(headers, body, answer.reply))
        return 200, response_headers(variant.spec.name, answer.reply), answer.reply.body

    def abandon(self) -> None:
        """Stop waiting for the answers of shadow variants."""
        self._shadows.abandon()

    async def _answer_copy(
        self, endpoint: Endpoint, generation: Generation, shadow: DeployedVariant,
        headers: Mapping[str, str], body: bytes,
    ) -> None:  # fmt: skip
        began = time.perf_counter()
        try:
            answer = await self._ask_instances(
                endpoint, shadow, shadow.instances, passed_on(headers), body, began
            )
        except UnavailableError:
            self._metrics.unanswered(endpoint.scope, endpoint.name, shadow.spec.name)
            return
        if 200 <= answer.reply.status < 300:
            self._keep(endpoint, generation, shadow, exchange(headers, body, answer.reply))

    def _keep(
        self, endpoint: Endpoint, generation: Generation, variant: DeployedVariant, seen: Exchange
    ) -> None:
        """Capture a request and its answer, if this one is. Inferred: each variant draws for itself."""
        capture = generation.capture
        if capture is not None and capture.samples_this_one():
            self._capture.add(endpoint.scope, endpoint.name, variant.spec.name, capture, seen)

    async def _ask_instances(
        self, endpoint: Endpoint, variant: DeployedVariant, fleet: Fleet,
        headers: Mapping[str, str], body: bytes, began: float,
    ) -> Answer:  # fmt: skip
        concurrent = fleet.in_flight + 1
        answer = await ask(fleet, _instance_of(variant), headers, body)
        spent = time.perf_counter() - began
        self._metrics.invocation(
            endpoint.scope, endpoint.name, variant.spec.name,
            status=answer.reply.status, model_seconds=answer.seconds, overhead_seconds=spent - answer.seconds,
            instances=variant.desired_count, concurrent=concurrent, config=variant.config_name,
        )  # fmt: skip
        return answer

    async def _ask_serverless(
        self, endpoint: Endpoint, variant: DeployedVariant, fleet: OnDemandFleet,
        headers: Mapping[str, str], body: bytes, began: float,
    ) -> Answer:  # fmt: skip
        _check_size(body, MAX_SERVERLESS_BODY_BYTES)
        execution = await _begin(variant, fleet)
        try:
            answer = await ask(execution, _instance_of(variant), headers, body)
        finally:
            fleet.end(execution)
        spent = time.perf_counter() - began
        ServerlessMetrics(self._metrics).execution(
            endpoint, variant.spec.name, execution, fleet.size, status=answer.reply.status,
            model_seconds=answer.seconds, overhead_seconds=spent - answer.seconds,
        )  # fmt: skip
        return answer

    def endpoint(self, name: str) -> Endpoint:
        """The endpoint that a request of the data plane is for."""
        try:
            endpoint = self._endpoints.find(name)
        except RefusedError:
            endpoint = None
        # Until it is in service for the first time, an endpoint is not there for the runtime.
        if endpoint is None or not endpoint.routes:
            raise RoutingError(f"Endpoint {name} of account {Scope.current().account_id} not found.")
        return endpoint


def _check(headers: Mapping[str, str], body: bytes) -> None:
    _check_size(body, MAX_BODY_BYTES)
    for header, what in _REFUSED_HEADERS.items():
        if header in headers:
            raise RoutingError(str(NotEmulatedError(what)))


def _check_size(body: bytes, most: int) -> None:
    if len(body) > most:
        raise RoutingError(
            f"1 validation error detected: Value at 'body' failed to satisfy constraint: Member must have length "
            f"less than or equal to {most}"
        )


def _variant_for(endpoint: Endpoint, target: str | None) -> tuple[Generation, DeployedVariant]:
    try:
        return choose(endpoint.routes, target)
    except NoSuchVariantError:
        raise RoutingError(f"Variant {target} of endpoint {endpoint.name} not found.") from None


def _instance_of(variant: DeployedVariant) -> str:
    return f"instance of variant {variant.spec.name}"


async def _begin(variant: DeployedVariant, fleet: OnDemandFleet) -> Execution:
    """A process of a serverless variant. What a failing cold start is answered with is inferred."""
    try:
        return await fleet.begin()
    except ThrottledError:
        raise ThrottlingError from None
    except LimitError as error:
        raise UnavailableError(str(error)) from error
    except FleetError as error:
        raise ModelNotReadyError(f"Variant {variant.spec.name} could not be started. {error}") from error


async def ask(served_by: Answering, what: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """Have a request answered; UnavailableError when no such `what` is there."""
    began = time.perf_counter()
    try:
        given = await served_by.invoke(headers, body)
    except UnreachableError as error:
        raise UnavailableError(f"No {what} is healthy.") from error
    except model_cache.ModelNotReadyError as error:
        raise ModelNotReadyError(
            "Model is not ready for inference yet. Please retry your request."
        ) from error
    return Answer(given, time.perf_counter() - began)


def passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    """What of the request's head reaches the container."""
    return {name: headers[name] for name in _PASSED_ON if name in headers}


def model_error(scope: Scope, group: str, variant: str, answer: Answer) -> ModelError:
    """What the caller is told when the model failed, with the log group that says more."""
    status = answer.reply.status
    text = answer.reply.body.decode("utf-8", "replace")
    side = "client" if status < 500 else "server"
    region, account = scope.region, scope.account_id
    stream = f":log-stream:{variant}/{answer.given.log_stream}"
    return ModelError(
        f'Received {side} error ({status}) from {answer.given.container} with message "{text}". See '
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

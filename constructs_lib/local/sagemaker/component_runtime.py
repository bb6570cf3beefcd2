"""InvokeEndpoint on an endpoint with inference components."""

from __future__ import annotations

import time
from collections.abc import Mapping

from ..emulator import Response, Scope
from .capture import Capture
from .component import Component
from .component_telemetry import ComponentMetrics, log_group
from .component_variant import hosting_variant
from .components import Components
from .endpoint import Endpoint
from .errors import RefusedError, RoutingError
from .runtime import Answer, ask, exchange, model_error, passed_on, response_headers
from .targets import check_targets
from .telemetry import Metrics

COMPONENT_HEADER = "x-amzn-sagemaker-inference-component"
_NAME_REQUIRED = (
    "Inference Component Name header is required for endpoints to which you plan to deploy inference "
    "components. Please include Inference Component Name header or consider using SageMaker models."
)
_NAME_NOT_ALLOWED = (
    "Inference Component Name header is not allowed for endpoints to which you dont plan to deploy inference "
    "components. Please remove the Inference Component Name header and try again."
)
_NO_CAPACITY = (
    "Inference Component has no capacity to process this request. ApplicationAutoScaling may be in-progress "
    "(if configured) or try to increase the capacity by invoking UpdateInferenceComponentRuntimeConfig API."
)


class ComponentRuntime:
    """Routes a request to a component and tells what happened."""

    def __init__(self, components: Components, metrics: Metrics, capture: Capture) -> None:
        self._components = components
        self._metrics = metrics
        self._component_metrics = ComponentMetrics(metrics)
        self._capture = capture

    def answers(self, endpoint: Endpoint, headers: Mapping[str, str]) -> bool:
        """Whether the request is for a component; RoutingError when endpoint and request do not agree."""
        hosts, named = hosting_variant(endpoint.live) is not None, COMPONENT_HEADER in headers
        if hosts and not named:
            raise RoutingError(_NAME_REQUIRED)
        if named and not hosts:
            raise RoutingError(_NAME_NOT_ALLOWED)
        return hosts

    async def invoke(self, endpoint: Endpoint, headers: Mapping[str, str], body: bytes) -> Response:
        """Answer one request that is for a component."""
        began = time.perf_counter()
        component = self._component(endpoint, headers[COMPONENT_HEADER])
        check_targets(endpoint.name, component.variant, headers)
        if not component.copies:
            self._component_metrics.no_capacity(component)
            raise RoutingError(_NO_CAPACITY)
        concurrent = component.in_flight + 1
        what = f"copy of inference component {component.name}"
        answer = await ask(component, what, passed_on(headers), body)
        self._measure(component, answer, time.perf_counter() - began, concurrent)
        variant = component.variant.spec.name
        if not 200 <= answer.reply.status < 300:
            raise model_error(endpoint.scope, log_group(component.name), variant, answer)
        capture = endpoint.live.capture
        if capture is not None and capture.samples_this_one():
            seen = exchange(headers, body, answer.reply)
            self._capture.add(endpoint.scope, endpoint.name, variant, capture, seen)
        return 200, response_headers(variant, answer.reply), answer.reply.body

    def _component(self, endpoint: Endpoint, name: str) -> Component:
        try:
            component = self._components.find(name)
        except RefusedError:
            component = None
        # Inferred, in the words of the same refusal for an endpoint.
        if component is None or component.endpoint is not endpoint:
            raise RoutingError(
                f"Inference Component {name} of account {Scope.current().account_id} not found."
            )
        return component

    def _measure(self, component: Component, answer: Answer, spent: float, concurrent: int) -> None:
        """The values of the variant, and those of the component."""
        status, variant = answer.reply.status, component.variant
        self._metrics.invocation(
            component.scope, component.endpoint.name, variant.spec.name,
            status=status, model_seconds=answer.seconds, overhead_seconds=spent - answer.seconds,
            instances=variant.fleet.size, concurrent=concurrent,
        )  # fmt: skip
        self._component_metrics.invocation(
            component,
            status=status,
            model_seconds=answer.seconds,
            overhead_seconds=spent - answer.seconds,
        )

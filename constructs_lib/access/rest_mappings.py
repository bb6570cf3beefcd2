"""What API Gateway hands on, and how it tells what went wrong, where no function stands between.

What is told has the form of `InferenceApi`'s errors. The sentences are fixed ones: a template that read
SageMaker's would take the answer for text, which it need not be.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

INFERENCE_ID = "X-Amzn-SageMaker-Inference-Id"
_VARIANT = "x-Amzn-Invoked-Production-Variant"
_ERROR_TYPE = "x-amzn-ErrorType"

TARGETS = {
    "TargetModel": "X-Amzn-SageMaker-Target-Model",
    "TargetVariant": "X-Amzn-SageMaker-Target-Variant",
    "TargetContainerHostname": "X-Amzn-SageMaker-Target-Container-Hostname",
    "InferenceComponentName": "X-Amzn-SageMaker-Inference-Component",
}
"""Parameters of InvokeEndpoint that say who is to answer, with their headers."""

_REQUEST_ID = "context.requestId"
_HANDED_ON = ("Accept", "X-Amzn-SageMaker-Custom-Attributes")
_HANDED_BACK = ("Content-Type", "X-Amzn-SageMaker-Custom-Attributes", _VARIANT)


@dataclass(frozen=True, slots=True)
class Headers:
    """Which headers of a request the model is told, and which of them a request must have."""

    named: str | None
    """The parameter that each request has to give."""
    variants: bool
    own_ids: bool

    @property
    def taken(self) -> dict[str, bool]:
        """Of the method: header → whether it is required."""
        named = {} if self.named is None else {TARGETS[self.named]: True}
        variant = {TARGETS["TargetVariant"]: False} if self.variants else {}
        ids = {INFERENCE_ID: True} if self.own_ids else {}
        headers = {"Content-Type": True, **dict.fromkeys(_HANDED_ON, False), **named, **variant, **ids}
        return {f"method.request.header.{name}": required for name, required in headers.items()}

    @property
    def handed_on(self) -> dict[str, str]:
        """Header of SageMaker's ← where it comes from."""
        same = {each.replace("method.", "integration.", 1): each for each in self.taken}
        return {f"integration.request.header.{INFERENCE_ID}": _REQUEST_ID, **same}

    @property
    def handed_back(self) -> dict[str, str]:
        """Header of an answer ← where it comes from."""
        model = {
            f"method.response.header.{name}": f"integration.response.header.{name}" for name in _HANDED_BACK
        }
        return {**model, **self._id}

    @property
    def _id(self) -> dict[str, str]:
        # A caller's own id cannot come back: answers know nothing of their request's headers.
        return {} if self.own_ids else {f"method.response.header.{INFERENCE_ID}": _REQUEST_ID}

    def of_failure(self, failure: Failure) -> dict[str, str]:
        """The same of an answer that is an error."""
        after = {} if failure.after is None else {"method.response.header.Retry-After": f"'{failure.after}'"}
        kind = {f"method.response.header.{_ERROR_TYPE}": f"integration.response.header.{_ERROR_TYPE}"}
        fixed = {"method.response.header.Content-Type": "'application/json'"}
        return {**fixed, **kind, **after, **self._id}

    def body(self, failure: Failure) -> str:
        """What it says."""
        told = {"code": failure.code, "message": failure.message}
        return json.dumps({"error": told if self.own_ids else {**told, "inference_id": "$context.requestId"}})


@dataclass(frozen=True, slots=True)
class Failure:
    """Statuses of SageMaker's, and how they are told."""

    pattern: str
    """Of the statuses; each fits one pattern alone, since API Gateway says nothing of their order."""
    status: int
    code: str
    message: str
    after: int | None = field(default=None)
    """Seconds after which to ask again."""


FAILURES = (
    Failure(r"4(?!03|13|24|29)\d{2}", 400, "InvalidRequest", "SageMaker does not take this request"),
    Failure("403", 403, "TargetNotAllowed", "this API may not ask for that"),
    Failure("413", 413, "PayloadTooLarge", "the body is larger than the endpoint takes"),
    Failure("424", 424, "ModelError", "the model failed"),
    Failure("429", 429, "ModelNotReady", "the model is being loaded", 5),
    Failure(r"5\d{2}", 503, "Unavailable", "the endpoint cannot answer now", 2),
)
"""What SageMaker may answer but 200.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""


@dataclass(frozen=True, slots=True)
class GatewayRefusal:
    """What API Gateway refuses by itself, and how that is told."""

    type: str
    status: str
    code: str
    after: int | None = field(default=None)

    @property
    def headers(self) -> Mapping[str, str]:
        """With quotes, as API Gateway has constants."""
        return {} if self.after is None else {"Retry-After": f"'{self.after}'"}

    @property
    def body(self) -> str:
        """Its message, which API Gateway puts between quotes itself."""
        told = f'{{"error": {{"code": "{self.code}", "message": $context.error.messageString, '
        return told + '"inference_id": "$context.requestId"}}'


REFUSALS = (
    GatewayRefusal("BAD_REQUEST_PARAMETERS", "400", "InvalidRequest"),
    GatewayRefusal("BAD_REQUEST_BODY", "422", "InvalidInput"),
    GatewayRefusal("REQUEST_TOO_LARGE", "413", "PayloadTooLarge"),
    GatewayRefusal("UNSUPPORTED_MEDIA_TYPE", "415", "UnsupportedMediaType"),
    GatewayRefusal("THROTTLED", "429", "Throttled", 1),
    GatewayRefusal("INTEGRATION_TIMEOUT", "504", "Timeout"),
    GatewayRefusal("INTEGRATION_FAILURE", "503", "Unavailable", 2),
)
"""Who calls is not in it: 403 is said in API Gateway's own words, as by `InferenceApi`.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

"""One asynchronous request: its input is read, the model answers, the result is written and told."""

from __future__ import annotations

from dataclasses import dataclass

from ..serving.channel import Reply
from . import async_storage as storage
from .async_backlog import AsyncRequest
from .async_config import AsyncSettings
from .async_metrics import VariantMetrics
from .async_result import Outcome, model_failure, notification, topic_of
from .endpoint import Endpoint
from .generation import DeployedVariant
from .telemetry import Logs

_DEFAULT_CONTENT_TYPE = "application/octet-stream"
_TIMED_OUT_STATUS = 500


def expired(request: AsyncRequest) -> Outcome:
    """The request has waited too long. AWS's wording is not known."""
    reason = f"ClientError: The request expired after {request.ttl_seconds} seconds in the queue."
    return Outcome(failure_reason=reason, counted_as="ExpiredRequests")


def given_up(request: AsyncRequest) -> Outcome:
    """The request has ended process after process. AWS's wording is not known."""
    return Outcome(
        failure_reason=f"InternalServerError: The model process ended while it was answering, {request.attempts} "
        "times. See the SageMaker Endpoint logs in your account for more information."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Processing:
    """A request on its way through a variant. Its methods are called in the scope of the endpoint."""

    endpoint: Endpoint
    variant_name: str
    settings: AsyncSettings
    request: AsyncRequest
    metrics: VariantMetrics
    logs: Logs

    async def answer(self, variant: DeployedVariant) -> Outcome:
        """Read the input, let the model answer and write the result; what goes wrong is the outcome, too.

        UnreachableError and BrokenOffError when the process goes away: the request is as it was.
        """
        if self.request.attempts == 1:
            self.metrics.latency("TimeInBacklog", self.request.age)
        try:
            content = self._input()
        except storage.DeniedError as error:
            reason = (
                f"ClientError: Unable to download the request from {self.request.input_location}: {error}"
            )
            return Outcome(failure_reason=reason, counted_as="RequestDownloadFailures")
        reply = await self._ask(variant, content)
        if reply is None:
            reason = f"ClientError: The model did not answer within {self.request.timeout_seconds} seconds."
            return Outcome(failure_reason=reason)
        content_type = reply.headers.get("content-type", _DEFAULT_CONTENT_TYPE)
        if not 200 <= reply.status < 300:
            return model_failure(reply.status, reply.body, content_type)
        return self._written(Outcome(content=reply.body, content_type=content_type))

    def _input(self) -> bytes:
        if self.request.body is not None:
            return self.request.body
        with self.metrics.timing("RequestDownloadLatency"):
            return storage.read(str(self.request.input_location), self.settings)

    async def _ask(self, variant: DeployedVariant, content: bytes) -> Reply | None:
        """The model's answer; None when there is none in time."""
        with self.metrics.timing("ModelLatency"):
            try:
                answer = await variant.instances.invoke(
                    self.request.headers, content, timeout=self.request.timeout_seconds
                )
                if answer.failure is not None:
                    raise answer.failure
            except TimeoutError:
                self.metrics.status(_TIMED_OUT_STATUS)
                return None
        self.metrics.status(answer.reply.status)
        return answer.reply

    def _written(self, result: Outcome) -> Outcome:
        try:
            with self.metrics.timing("ResponseUploadLatency"):
                storage.write(self.request.output_location, result.content, self.settings)
        except storage.DeniedError as error:
            reason = f"ClientError: Unable to upload the response to {self.request.output_location}: {error}"
            return Outcome(failure_reason=reason, counted_as="ResponseUploadFailures")
        return result

    def deliver(self, outcome: Outcome) -> None:
        """Write a failure, tell the topic, and keep the metrics."""
        if outcome.failed:
            self._log(str(outcome.failure_reason))
            self._write_failure(outcome)
            self.metrics.count("InvocationFailures")
        if outcome.counted_as is not None:
            self.metrics.count(outcome.counted_as)
        self._notify(outcome)
        self.metrics.count("InvocationsProcessed")
        self.metrics.milliseconds("TotalProcessingTime", self.request.age)

    def _write_failure(self, outcome: Outcome) -> None:
        if self.request.failure_location is None:
            return
        try:
            storage.write(self.request.failure_location, outcome.failure_object, self.settings)
        except storage.DeniedError as error:
            self._log(f"Unable to upload the failure to {self.request.failure_location}: {error}")
            self.metrics.count("ResponseUploadFailures")

    def _notify(self, outcome: Outcome) -> None:
        topic = topic_of(outcome, self.settings)
        if topic is None:
            return
        message = notification(
            self.request, outcome, self.settings,
            endpoint=self.endpoint.name, region=self.endpoint.scope.region,
        )  # fmt: skip
        try:
            storage.publish(topic, message, self.settings)
        except storage.DeniedError as error:
            self._log(f"Unable to publish to {topic}: {error}")
            self.metrics.count("NotificationFailures")

    def _log(self, text: str) -> None:
        line = f"[sagemaker logs] [{self.request.inference_id}] {text}"
        self.logs.add(self.endpoint.scope, self.endpoint.name, f"{self.variant_name}/data-log", line)

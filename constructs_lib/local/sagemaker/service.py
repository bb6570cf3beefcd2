"""SageMaker as ministack sees it: one service for the control plane and the runtime."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from .. import emulator
from ..emulator import Response, Scope
from ..serving.container import ContainerSpec
from ..serving.fleet import Fleet
from ..serving.instance import LogSink
from ..serving.on_demand import OnDemandFleet
from ..settings import settings
from ..shapes import service_model
from ..workspace import Workspace
from . import component_provisioner, faults, grants, iam, persistence, provisioners, response_stream
from .async_inference import AsyncInference
from .capacity import Capacity
from .capture import Capture
from .compilation_jobs import CompilationJobs
from .component_runtime import ComponentRuntime
from .component_spec import ComponentSpec
from .component_telemetry import ComponentMetrics
from .component_telemetry import log_group as component_log_group
from .components import Components
from .control import Control
from .endpoint import Endpoint
from .endpoint_configs import EndpointConfigs, VariantSpec
from .endpoints import Endpoints
from .errors import ApiError, ModelError, UnknownOperationError
from .faults import Faults
from .job import Job
from .job import announce as announce_job
from .job_shelf import Jobs
from .models import Models
from .processing_jobs import ProcessingJobs
from .processing_request import JobSpec
from .runtime import Runtime
from .serverless import ServerlessMetrics
from .store import Tags
from .tasks import SageMakerTasks
from .telemetry import INSTANCE_NAMESPACE, Logs, Metrics, announce
from .transform_jobs import TransformJobs

NAME = "sagemaker"
_logger = logging.getLogger(__name__)
_INVOCATION = re.compile(r"/endpoints/([^/]+)/(invocations|async-invocations|invocations-response-stream)")
_LOG_INTERVAL = 0.3
_BACKLOG_INTERVAL = 0.05
_STOP_SECONDS = 30
# Inferred: how long AWS waits for the containers of a transform job is not known.
_JOB_STARTUP_SECONDS = 600
_ENVELOPE = "application/x-amz-json-1.1"


class SageMaker:
    """All accounts' SageMaker."""

    def __init__(self, workspace: Workspace, *, endpoint_url: str) -> None:
        self._workspace = workspace
        self._endpoint_url = endpoint_url
        self._logs, self._metrics = Logs(), Metrics()
        self._capture = Capture(
            lambda scope, endpoint, line: self._logs.add(scope, endpoint, "data-capture", line)
        )
        self.tags = Tags()
        self.models = Models()
        self.configs = EndpointConfigs(self.models)
        self._capacity = Capacity(settings().max_workers)
        self.endpoints = Endpoints(
            self.models, self.configs, self._new_fleet, self._capacity, self._endpoint_changed
        )
        self.components = Components(
            self.models, self.configs, self.endpoints, self._new_component_fleet, self._capacity
        )
        self._faults = Faults()
        self.jobs: tuple[Jobs[Any], ...] = (
            ProcessingJobs(
                workspace, self._capacity, self._faults, self._logs, self._job_environment, self._job_changed
            ),
            TransformJobs(
                self.models, self._capacity, self._faults, self._logs, self._new_job_fleet, self._job_changed
            ),
            CompilationJobs(self._capacity, self._faults),
        )
        self._component_metrics = ComponentMetrics(self._metrics)
        self.control = Control(self)
        component_runtime = ComponentRuntime(self.components, self._metrics, self._capture)
        self._runtime = Runtime(self.endpoints, component_runtime, self._metrics, self._capture)
        self._async = AsyncInference(self.endpoints, self._metrics, self._logs)
        self._tickers: list[asyncio.Task[None]] = []

    def install(self) -> None:
        """Become part of ministack. Called on the event loop, before it serves."""
        # Read once now: the first request should not wait half a second for it.
        service_model(NAME)
        emulator.add_service(NAME, "SageMaker.", self)
        emulator.keep_state_of(NAME)
        emulator.keep_content_types_of(NAME)
        emulator.enforce_iam_for(NAME, ["sagemaker-runtime"], iam.resource_arn, iam.condition_keys)
        provisioners.install(self.control)
        component_provisioner.install(self.control)
        SageMakerTasks(self.control).install()
        for seconds, function in (
            (_LOG_INTERVAL, self._logs.flush),
            (settings().metrics_interval, self._measure_load),
            (settings().metrics_interval, self._metrics.flush),
            (settings().capture_interval, self._capture.flush),
            (settings().utilization_interval, self._measure_instances),
            (settings().metrics_interval, self._measure_concurrency),
            (settings().metrics_interval, self._async.measure),
            (_BACKLOG_INTERVAL, self._async.dispatch),
        ):
            self._tickers.append(asyncio.create_task(_every(seconds, function)))

    async def handle_request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, list[str]]
    ) -> Response:  # fmt: skip
        """Answer one request of the control plane or of the runtime."""
        try:
            invocation = _INVOCATION.fullmatch(path)
            if invocation is not None and method == "POST":
                return await self._invoke(unquote(invocation[1]), invocation[2], headers, body)
            return self._control(headers, body)
        except ApiError as error:
            return _error_response(error)

    async def _invoke(self, name: str, kind: str, headers: Mapping[str, str], body: bytes) -> Response:
        if kind == "async-invocations":
            return self._async.invoke(self._runtime.endpoint(name), headers, body)
        if kind == "invocations":
            return await self._runtime.invoke(name, headers, body)
        return response_stream.streamed(
            *await self._runtime.invoke(name, response_stream.asked(headers), body)
        )

    def _control(self, headers: Mapping[str, str], body: bytes) -> Response:
        target = headers.get("x-amz-target", "")
        if not target.startswith("SageMaker."):
            raise UnknownOperationError("There is no such operation")
        name = target.removeprefix("SageMaker.")
        try:
            request = json.loads(body or b"{}")
        except ValueError:
            raise UnknownOperationError("The body is not JSON") from None
        if name == faults.OPERATION:
            return 200, {"Content-Type": _ENVELOPE}, json.dumps(self._faults.ask(request)).encode()
        self._require_grants(name, request, headers)
        return 200, {"Content-Type": _ENVELOPE}, json.dumps(self.control.call(name, request)).encode()

    def _require_grants(self, name: str, request: Any, headers: Mapping[str, str]) -> None:
        """What IAM asks of the caller beside the action, which ministack has looked at."""
        if not emulator.iam_is_enforced() or not isinstance(request, dict):
            return
        for grant in grants.needed_beside(name, request):
            grants.require(emulator.calling_role(headers), grant)

    def _new_fleet(
        self, scope: Scope, endpoint: str, spec: VariantSpec, containers: list[ContainerSpec]
    ) -> Fleet | OnDemandFleet:
        fleet = Fleet(
            [self._told(scope, each) for each in containers], self._workspace,
            self._logs.sink(scope, endpoint, spec.name), spec.startup_timeout,
            memory_bytes=spec.serverless.memory_bytes if spec.serverless else None,
            record=self._metrics.sink(scope, endpoint, spec.name),
        )  # fmt: skip
        if spec.serverless is None:
            return fleet
        return OnDemandFleet(fleet, self._capacity, spec.serverless.max_concurrency)

    def _new_component_fleet(self, scope: Scope, component: str, variant: str, spec: ComponentSpec) -> Fleet:
        return Fleet(
            [self._told(scope, spec.container)],
            self._workspace,
            self._logs.group_sink(scope, component_log_group(component), variant),
            spec.startup_timeout,
            memory_bytes=spec.memory_bytes,
        )

    def _new_job_fleet(self, scope: Scope, containers: list[ContainerSpec], log: LogSink) -> Fleet:
        told = [self._told(scope, each) for each in containers]
        return Fleet(told, self._workspace, log, _JOB_STARTUP_SECONDS)

    def _told(self, scope: Scope, container: ContainerSpec) -> ContainerSpec:
        """The container with what it is told about its AWS; what its creator says goes first."""
        return replace(container, environment={**self._aws_environment(scope), **container.environment})

    def _aws_environment(self, scope: Scope) -> dict[str, str]:
        """How a model finds AWS. Under IAM enforcement it gets no credentials: they would be root's."""
        found = {
            "AWS_ENDPOINT_URL": self._endpoint_url,
            "AWS_REGION": scope.region,
            "AWS_DEFAULT_REGION": scope.region,
        }
        if emulator.iam_is_enforced():
            return found
        return {**found, "AWS_ACCESS_KEY_ID": scope.account_id, "AWS_SECRET_ACCESS_KEY": "local"}

    @contextmanager
    def _job_environment(self, scope: Scope, spec: JobSpec) -> Iterator[dict[str, str]]:
        """How a job finds AWS, as its role; a job without a network does not find it."""
        if spec.isolated:
            yield {}
        elif emulator.iam_is_enforced():
            with emulator.role_session(spec.role, "SageMaker") as credentials:
                yield {**self._aws_environment(scope), **credentials}
        else:
            yield self._aws_environment(scope)

    def _job_changed(self, job: Job) -> None:
        announce_job(job, self.tags.of(job.arn))

    def _endpoint_changed(self, endpoint: Endpoint) -> None:
        with endpoint.scope.active():
            announce(endpoint.describe(), self.tags.of(endpoint.arn))

    def _measure_load(self) -> None:
        self._component_metrics.load(self.components.everywhere())

    def _measure_instances(self) -> None:
        self._component_metrics.utilization(self.components.everywhere())
        for endpoint in self.endpoints.everywhere():
            for variant in endpoint.live.variants.values():
                for instance in variant.fleet.instances:
                    for name, value, unit in instance.measurements():
                        if variant.spec.serverless and name == "CPUUtilization":
                            # AWS does not publish it for them.
                            continue
                        self._metrics.add(
                            endpoint.scope, endpoint.name, variant.spec.name, name, round(value, 2),
                            unit=unit, namespace=INSTANCE_NAMESPACE,
                        )  # fmt: skip

    def _measure_concurrency(self) -> None:
        metrics = ServerlessMetrics(self._metrics)
        for endpoint in self.endpoints.everywhere():
            for variant in endpoint.live.variants.values():
                if isinstance(variant.fleet, OnDemandFleet):
                    metrics.sample(endpoint, variant.spec.name, variant.fleet)

    def get_state(self) -> persistence.State:
        """What ministack keeps in --state-dir when it stops."""
        return persistence.saved(self)

    def load_persisted_state(self, state: persistence.State) -> None:
        """Come back to what was kept. ministack calls this when it starts, after S3 came back."""
        persistence.restore(self, state)

    def reset(self) -> None:
        """Forget everything and stop every model. ministack calls this on a worker thread."""
        emulator.run_on_loop(self._forget_all(), timeout=_STOP_SECONDS)

    async def _forget_all(self) -> None:
        self._async.abandon()
        self._runtime.abandon()
        await asyncio.gather(*(jobs.abandon() for jobs in self.jobs))
        await asyncio.gather(*(component.stop() for component in self.components.everywhere()))
        await asyncio.gather(*(endpoint.stop() for endpoint in self.endpoints.everywhere()))
        for jobs in self.jobs:
            jobs.clear()
        self._faults.clear()
        self.components.clear()
        self.endpoints.clear()
        self.configs.clear()
        self.models.clear()
        self.tags.clear()
        self._capacity.release_all()
        for gatherer in (self._logs, self._metrics, self._capture):
            gatherer.clear()

    async def close(self) -> None:
        """Stop every model and the work in the background."""
        for ticker in self._tickers:
            ticker.cancel()
        self._capture.flush()
        await self._forget_all()


async def _every(seconds: float, function: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            function()
        except Exception:
            # One bad value must not silence the metrics for good.
            _logger.exception("background work failed")


def _error_response(error: ApiError) -> Response:
    message = error.message or None
    body: dict[str, Any] = {"__type": error.code, "message": message, "Message": message}
    if isinstance(error, ModelError):
        body |= error.details
    headers = {"Content-Type": _ENVELOPE, "x-amzn-errortype": error.code}
    return error.status, headers, json.dumps(body).encode()

"""The control plane's operations, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from .. import emulator
from ..shapes import Requests, below
from .compilation_jobs import CompilationControl, CompilationJobs
from .component_control import ComponentControl
from .endpoint import Endpoint
from .errors import NotEmulatedError, RefusedError, UnknownOperationError
from .job_control import JobControl
from .job_shelf import Jobs
from .paging import page
from .store import Shelf, Tags
from .telemetry import announce

if TYPE_CHECKING:
    from .service import SageMaker

Answer = dict[str, Any]


def _unknown_member(path: str, name: str, known: Iterable[str]) -> str:
    return f"Unknown parameter in input: '{below(path, name)}', must be one of: {', '.join(known)}"


_SCALARS = ("string", "integer", "long", "float", "double", "boolean", "timestamp", "blob")
REQUESTS = Requests(
    service="sagemaker",
    unknown_member=_unknown_member,
    type_names={name: name.capitalize() for name in _SCALARS},
)


def _control_of(jobs: Jobs[Any], tags: Tags) -> JobControl:
    return CompilationControl(jobs, tags) if isinstance(jobs, CompilationJobs) else JobControl(jobs, tags)


class Control:
    """What an SDK, or CloudFormation, may ask of SageMaker."""

    def __init__(self, sagemaker: SageMaker) -> None:
        self._models = sagemaker.models
        self._configs = sagemaker.configs
        self._endpoints = sagemaker.endpoints
        self._components = sagemaker.components
        self._jobs = sagemaker.jobs
        self._tags = sagemaker.tags
        self._operations: dict[str, Callable[[dict[str, Any]], Answer]] = {
            "CreateModel": self._create_model,
            "DescribeModel": lambda request: self._models.describe(request["ModelName"]),
            "ListModels": self._list_models,
            "DeleteModel": self._delete_model,
            "CreateEndpointConfig": self._create_config,
            "DescribeEndpointConfig": lambda request: self._configs.describe(request["EndpointConfigName"]),
            "ListEndpointConfigs": self._list_configs,
            "DeleteEndpointConfig": self._delete_config,
            "CreateEndpoint": self._create_endpoint,
            "DescribeEndpoint": self._describe_endpoint,
            "ListEndpoints": self._list_endpoints,
            "UpdateEndpoint": self._update_endpoint,
            "UpdateEndpointWeightsAndCapacities": self._rebalance,
            "DeleteEndpoint": self._delete_endpoint,
            "AddTags": self._add_tags,
            "ListTags": self._list_tags,
            "DeleteTags": self._delete_tags,
            **ComponentControl(sagemaker.components, sagemaker.tags).operations,
        }
        for jobs in sagemaker.jobs:
            self._operations |= _control_of(jobs, sagemaker.tags).operations

    def call(self, name: str, request: Any) -> Answer:
        """Check a request against AWS's model of the operation and answer it."""
        if not REQUESTS.has(name):
            raise UnknownOperationError(f"The operation {name} is unknown to SageMaker")
        if name not in self._operations:
            raise NotEmulatedError(f"The operation {name}")
        complaint = REQUESTS.complaint(name, request)
        if complaint is not None:
            raise RefusedError(complaint)
        return emulator.on_loop(self._operations[name], request)

    def _create_model(self, request: dict[str, Any]) -> Answer:
        record = self._models.create(request)
        self._tags.add(record.arn, request.get("Tags", []))
        return {"ModelArn": record.arn}

    def _list_models(self, request: dict[str, Any]) -> Answer:
        records, more = page(self._models.all(), request)
        return {
            "Models": [
                {"ModelName": each.name, "ModelArn": each.arn, "CreationTime": each.created}
                for each in records
            ],
            **more,
        }

    def _delete_model(self, request: dict[str, Any]) -> Answer:
        self._tags.forget(self._models.remove(request["ModelName"]).arn)
        return {}

    def _create_config(self, request: dict[str, Any]) -> Answer:
        record = self._configs.create(request)
        self._tags.add(record.arn, request.get("Tags", []))
        return {"EndpointConfigArn": record.arn}

    def _list_configs(self, request: dict[str, Any]) -> Answer:
        records, more = page(self._configs.all(), request)
        return {
            "EndpointConfigs": [
                {"EndpointConfigName": each.name, "EndpointConfigArn": each.arn, "CreationTime": each.created}
                for each in records
            ],
            **more,
        }

    def _delete_config(self, request: dict[str, Any]) -> Answer:
        self._tags.forget(self._configs.remove(request["EndpointConfigName"]).arn)
        return {}

    def _create_endpoint(self, request: dict[str, Any]) -> Answer:
        endpoint = self._endpoints.create(request)
        self._tags.add(endpoint.arn, request.get("Tags", []))
        return {"EndpointArn": endpoint.arn}

    def _describe_endpoint(self, request: dict[str, Any]) -> Answer:
        return self._endpoints.find(request["EndpointName"]).describe()

    def _list_endpoints(self, request: dict[str, Any]) -> Answer:
        records, more = page(self._endpoints.all(), request)
        return {
            "Endpoints": [
                {
                    "EndpointName": each.name,
                    "EndpointArn": each.arn,
                    "CreationTime": each.created,
                    "LastModifiedTime": each.modified,
                    "EndpointStatus": each.status,
                }
                for each in records
            ],
            **more,
        }

    def _update_endpoint(self, request: dict[str, Any]) -> Answer:
        self._components.require_idle_on(request["EndpointName"])
        return {"EndpointArn": self._endpoints.update(request).arn}

    def _rebalance(self, request: dict[str, Any]) -> Answer:
        return {"EndpointArn": self._endpoints.rebalance(request).arn}

    def _delete_endpoint(self, request: dict[str, Any]) -> Answer:
        self._components.require_none_on(request["EndpointName"])
        self._endpoints.delete(request["EndpointName"], self._forget_endpoint)
        return {}

    def _forget_endpoint(self, endpoint: Endpoint) -> None:
        announce(endpoint.describe(), self._tags.of(endpoint.arn), deleted=True)
        self._tags.forget(endpoint.arn)

    def _add_tags(self, request: dict[str, Any]) -> Answer:
        arn = self._known(request["ResourceArn"])
        self._tags.add(arn, request["Tags"])
        return {"Tags": self._tags.of(arn)}

    def _list_tags(self, request: dict[str, Any]) -> Answer:
        return {"Tags": self._tags.of(self._known(request["ResourceArn"]))}

    def _delete_tags(self, request: dict[str, Any]) -> Answer:
        self._tags.remove(self._known(request["ResourceArn"]), request["TagKeys"])
        return {}

    def _known(self, arn: str) -> str:
        shelves: tuple[Shelf[Any], ...] = (
            self._models,
            self._configs,
            self._endpoints,
            self._components,
            *self._jobs,
        )
        if not any(record.arn == arn for shelf in shelves for record in shelf.all()):
            raise RefusedError(f'Could not find resource "{arn}".')
        return arn

"""The CloudFormation types AWS::SageMaker::Model, ::EndpointConfig and ::Endpoint."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from .. import emulator
from ..emulator import Provisioned, ResourceType
from ..registry import checked_properties, create_only_properties
from .control import Control
from .errors import ApiError, RefusedError

_MODEL = "AWS::SageMaker::Model"
_CONFIG = "AWS::SageMaker::EndpointConfig"
_ENDPOINT = "AWS::SageMaker::Endpoint"
_MAX_NAME = 63
_POLL = 0.05
_IN_PROGRESS = frozenset({"Creating", "Updating", "RollingBack", "SystemUpdating", "Deleting"})
# Not what an endpoint is, but how to change it.
_UPDATE_ONLY = ("RetainAllVariantProperties", "ExcludeRetainedVariantProperties", "RetainDeploymentConfig")

Properties = dict[str, Any]


def install(control: Control) -> None:
    """Let CloudFormation provision SageMaker's hosting types."""
    for provisioner in (
        Named(control, _MODEL, "Model", "ModelName"),
        Named(control, _CONFIG, "EndpointConfig", "EndpointConfigName"),
        _Endpoint(control, _ENDPOINT, "Endpoint", "EndpointName"),
    ):
        emulator.add_resource_type(provisioner.resource_type())


class Named:
    """A type that is created and deleted, and of which only the tags can change."""

    blocks = False

    def __init__(self, control: Control, type_name: str, noun: str, name_property: str) -> None:
        self._control = control
        self._type_name = type_name
        self._noun = noun
        self._name_property = name_property

    def resource_type(self) -> ResourceType:
        """The type, as CloudFormation wants it."""
        return ResourceType(
            name=self._type_name,
            create=self.create,
            update=self.update,
            delete=self.delete,
            replaced_by=create_only_properties(self._type_name),
            name_property=self._name_property,
            blocks=self.blocks,
        )

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Provisioned:
        """Create the resource under the template's name or a generated one. Ref is the ARN."""
        request = checked_properties(self._type_name, properties)
        generated = emulator.generated_name(stack_name, logical_id, max_length=_MAX_NAME)
        request.setdefault(self._name_property, generated)
        arn = self._call(f"Create{self._noun}", without(request, *_UPDATE_ONLY))[f"{self._noun}Arn"]
        return self._provisioned(arn)

    def update(self, arn: str, old: Properties, new: Properties, _stack_name: str) -> Provisioned:
        """Bring the tags up to date; whatever else changes replaces the resource."""
        self._retag(arn, checked_properties(self._type_name, old), checked_properties(self._type_name, new))
        return self._provisioned(arn)

    def delete(self, arn: str, _properties: Properties) -> None:
        """Delete the resource; one that is gone is not missed."""
        try:
            self._control.call(f"Delete{self._noun}", {self._name_property: name_in(arn)})
        except RefusedError as error:
            if not error.message.startswith("Could not find"):
                raise ValueError(handler_message(error.message)) from error

    def _call(self, operation: str, request: Properties) -> Properties:
        try:
            return self._control.call(operation, request)
        except ApiError as error:
            raise ValueError(handler_message(error.message)) from error

    def _retag(self, arn: str, old: Properties, new: Properties) -> None:
        tags, kept = new.get("Tags", []), {tag["Key"] for tag in new.get("Tags", [])}
        gone = [tag["Key"] for tag in old.get("Tags", []) if tag["Key"] not in kept]
        if gone:
            self._call("DeleteTags", {"ResourceArn": arn, "TagKeys": gone})
        if tags:
            self._call("AddTags", {"ResourceArn": arn, "Tags": tags})

    def _provisioned(self, arn: str) -> Provisioned:
        return arn, {f"{self._noun}Arn": arn, self._name_property: name_in(arn)}


class Awaited(Named):
    """A type that is created when it is in service, and gone when it is deleted."""

    blocks = True

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Provisioned:
        """Create the resource and wait; one that fails is removed again, as a rolled-back stack does."""
        arn, attributes = super().create(logical_id, properties, stack_name)
        description = self._settled(name_in(arn))
        if self._status(description) != "InService":
            self.delete(arn, properties)
            raise ValueError(not_stabilized(description))
        return arn, attributes

    def delete(self, arn: str, properties: Properties) -> None:
        """Delete the resource and wait until it is gone."""
        self._wait_until_idle(name_in(arn))
        super().delete(arn, properties)
        self._wait_until_idle(name_in(arn))

    def _describe(self, name: str) -> Properties:
        return self._call(f"Describe{self._noun}", {self._name_property: name})

    def _status(self, description: Properties) -> str:
        return str(description[f"{self._noun}Status"])

    def _settled(self, name: str) -> Properties:
        while self._status(description := self._describe(name)) in _IN_PROGRESS:
            time.sleep(_POLL)
        return description

    def _wait_until_idle(self, name: str) -> None:
        """Wait for a change under way; a resource that is gone has none."""
        with suppress(ValueError):
            self._settled(name)


class _Endpoint(Awaited):
    """An endpoint: updated when it is in service on what the template says."""

    def update(self, arn: str, old: Properties, new: Properties, _stack_name: str) -> Provisioned:
        """Update the endpoint and wait. Back in service on the old configuration is a failure."""
        before, after = checked_properties(self._type_name, old), checked_properties(self._type_name, new)
        wanted = after["EndpointConfigName"]
        if wanted != before["EndpointConfigName"]:
            request = {**without(after, "Tags"), "EndpointName": name_in(arn)}
            self._wait_until_idle(name_in(arn))
            self._call("UpdateEndpoint", request)
            description = self._settled(name_in(arn))
            if description["EndpointStatus"] != "InService" or description["EndpointConfigName"] != wanted:
                raise ValueError(not_stabilized(description))
        self._retag(arn, before, after)
        return self._provisioned(arn)


def name_in(arn: str) -> str:
    """The name of the resource in its ARN."""
    return arn.rsplit("/", 1)[-1]


def without(request: Properties, *names: str) -> Properties:
    """The request but for these members."""
    return {name: value for name, value in request.items() if name not in names}


def not_stabilized(description: Properties) -> str:
    """What CloudFormation says when the resource did not become what the template says."""
    reason = description.get("FailureReason", "The resource did not reach InService.")
    return handler_message(reason, "NotStabilized")


def handler_message(message: str, code: str = "GeneralServiceException") -> str:
    """What CloudFormation says of an error of the service."""
    return f'Resource handler returned message: "{message}" (HandlerErrorCode: {code})'

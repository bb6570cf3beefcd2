"""The CloudFormation type AWS::SageMaker::InferenceComponent."""

from __future__ import annotations

from .. import emulator
from ..emulator import Provisioned
from ..registry import checked_properties
from .control import Control
from .provisioners import Awaited, Properties, handler_message, name_in, not_stabilized, without

_TYPE = "AWS::SageMaker::InferenceComponent"
# The schema has no create-only property, and the API cannot change these: an update that does so fails.
_IDENTITY = ("InferenceComponentName", "EndpointName", "VariantName")
# What says how to update, or repeats EndpointName; neither is a member of CreateInferenceComponent.
_NOT_CREATED_WITH = ("DeploymentConfig", "EndpointArn")


def install(control: Control) -> None:
    """Let CloudFormation provision inference components."""
    provisioner = _Component(control, _TYPE, "InferenceComponent", "InferenceComponentName")
    emulator.add_resource_type(provisioner.resource_type())


class _Component(Awaited):
    """A component: changed in place, and updated when it is in service on what the template says."""

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Provisioned:
        """Create the component and wait until it is in service."""
        given = without(_with_own_tags(properties), *_NOT_CREATED_WITH)
        arn, _attributes = super().create(logical_id, given, stack_name)
        return self._provisioned(arn)

    def update(self, arn: str, old: Properties, new: Properties, _stack_name: str) -> Provisioned:
        """Update what the template changes, and wait. Back on the old specification is a failure."""
        before, after = (checked_properties(_TYPE, _with_own_tags(each)) for each in (old, new))
        moved = [name for name in _IDENTITY if before.get(name) != after.get(name)]
        if moved:
            message = f"{', '.join(moved)} of an inference component cannot be changed."
            raise ValueError(handler_message(message, "NotUpdatable"))
        changed: Properties = {
            member: after[member]
            for member in ("Specification", "RuntimeConfig")
            if member in after and after[member] != before.get(member)
        }
        if changed:
            self._change(name_in(arn), changed, after)
        self._retag(arn, before, after)
        return self._provisioned(arn)

    def _change(self, name: str, changed: Properties, after: Properties) -> None:
        self._wait_until_idle(name)
        named = {"InferenceComponentName": name}
        if "Specification" in changed:
            deployment = {key: after[key] for key in ("DeploymentConfig",) if key in after}
            self._call("UpdateInferenceComponent", {**named, **changed, **deployment})
        else:
            desired = {"DesiredRuntimeConfig": changed["RuntimeConfig"]}
            self._call("UpdateInferenceComponentRuntimeConfig", {**named, **desired})
        description = self._settled(name)
        if self._status(description) != "InService" or description.get("FailureReason"):
            raise ValueError(not_stabilized(description))

    def _provisioned(self, arn: str) -> Provisioned:
        description = self._describe(name_in(arn))
        runtime = {f"RuntimeConfig.{name}": count for name, count in description["RuntimeConfig"].items()}
        shown = {
            name: description[name]
            for name in (
                "InferenceComponentArn",
                "InferenceComponentStatus",
                "CreationTime",
                "LastModifiedTime",
            )
        }
        return arn, {**shown, **runtime}


def _with_own_tags(properties: Properties) -> Properties:
    """CloudFormation puts no system tags on this type: its schema says cloudFormationSystemTags false."""
    tags = [tag for tag in properties.get("Tags", []) if not str(tag["Key"]).startswith("aws:")]
    return {**without(properties, "Tags"), **({"Tags": tags} if tags else {})}

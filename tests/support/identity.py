"""What a deployed resource is known by: its logical id, its type, and the name it cannot change."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Identities = dict[str, str]
"""Logical id → type, and the create-only name where the template gives one: ``AWS::X::Y "name"``."""

_NAMES = {
    "AWS::ApplicationAutoScaling::ScalableTarget": "ResourceId",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "PolicyName",
    "AWS::SSM::Parameter": "Name",
    "AWS::SageMaker::Endpoint": "EndpointName",
    "AWS::SageMaker::InferenceComponent": "InferenceComponentName",
    "AWS::SageMaker::InferenceExperiment": "Name",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
}
_DIGESTS = {
    "AWS::IAM::Policy": re.compile(
        r"(?<=Policy)[0-9a-f]{8}[0-9A-F]{8}$"
    ),  # of its statements: Permissions.attach
    "AWS::ApiGateway::Deployment": re.compile(r"[0-9a-f]{32}$"),  # of the API that it is a picture of
}
_OF_STATE = ("AWS::KMS::Key", "AWS::S3::Bucket")


def identities(template: Mapping[str, Any]) -> Identities:
    """The identities of a template's resources."""
    return {
        _named(id, resource): _identity(resource) for id, resource in sorted(template["Resources"].items())
    }


def _named(id: str, resource: Mapping[str, Any]) -> str:
    """The id without the digest of what the resource holds: what changes with it is meant to."""
    digest = _DIGESTS.get(resource["Type"])
    return id if digest is None else digest.sub("", id)


def _identity(resource: Mapping[str, Any]) -> str:
    type = resource["Type"]
    name = resource.get("Properties", {}).get(_NAMES.get(type, ""))
    return type if name is None else f'{type} "{name}"'


def consequences(before: Identities, after: Identities) -> list[str]:
    """What a deployment would do to resources that are there, one line each."""
    return [*_renamed(before, after), *_moved(before, after)]


def _renamed(before: Identities, after: Identities) -> Iterator[str]:
    for id in sorted(before.keys() & after.keys()):
        if before[id] != after[id]:
            yield f"REPLACE {_type(before[id])} {id}: {before[id]} becomes {after[id]}"


def _moved(before: Identities, after: Identities) -> Iterator[str]:
    new = {id: after[id] for id in sorted(after.keys() - before.keys())}
    for id in sorted(before.keys() - after.keys()):
        type = _type(before[id])
        heir = next((each for each in new if _type(new[each]) == type), None)
        lost = ", with what it holds" if type in _OF_STATE else ""
        if heir is None:
            yield f"DELETE {type} {id}{lost}"
        else:
            del new[heir]
            yield f"REPLACE {type} {id} by {heir}{lost}"
    for id, identity in new.items():
        yield f"ADD {_type(identity)} {id}"


def _type(identity: str) -> str:
    return identity.split(" ")[0]

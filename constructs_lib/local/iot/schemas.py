"""CloudFormation's types of IoT and Firehose that ministack provisions as they come: checked by their schemas first."""

from __future__ import annotations

from functools import partial
from typing import Any

from .. import emulator_types, registry

TYPES = (
    "AWS::IoT::Thing",
    "AWS::IoT::ThingGroup",
    "AWS::IoT::Policy",
    "AWS::IoT::ProvisioningTemplate",
    "AWS::IoT::TopicRule",
    "AWS::KinesisFirehose::DeliveryStream",
)


def install() -> None:
    """Refuse what the registry's schema does not allow."""
    for name in TYPES:
        emulator_types.check_properties(name, partial(_check, name))


def _check(name: str, properties: dict[str, Any]) -> None:
    own = dict(properties)
    if isinstance(own.get("Tags"), list):
        # CloudFormation's own are put on everything, whatever a schema says of tags.
        own["Tags"] = [tag for tag in own["Tags"] if not str(tag.get("Key", "")).startswith("aws:")]
    registry.checked_properties(name, own)

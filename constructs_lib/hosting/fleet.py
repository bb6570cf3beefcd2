"""A fleet: the one variant of endpoints that have no more, with its props and their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk.interfaces import aws_sagemaker as references

from .hosting_rules import HostingProps
from .variant import DEFAULT_VARIANT_NAME, PENDING_MODEL, Variant, default_count, is_known_count


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetProps(HostingProps):
    """The props of endpoints with exactly one variant on instances."""

    instance_type: str
    instance_count: int | None
    volume_size: cdk.Size | None
    download_timeout: cdk.Duration | None
    startup_timeout: cdk.Duration | None

    @property
    def initial_counts(self) -> Mapping[str, int]:
        """The number of instances at first, where it is known."""
        count = default_count(self.instance_count, self.scaling)
        return {"the endpoint": count} if is_known_count(count) else {}

    def variant(self, model: references.IModelRef = PENDING_MODEL) -> Variant:
        """The variant that serves `model`.

        :raises ConstraintError: where the props are wrong for one.
        """
        return Variant(
            name=DEFAULT_VARIANT_NAME,
            model=model,
            instance_type=self.instance_type,
            instance_count=self.instance_count,
            scaling=self.scaling,
            volume_size=self.volume_size,
            download_timeout=self.download_timeout,
            startup_timeout=self.startup_timeout,
        )

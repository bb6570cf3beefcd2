"""A variant in service that hosts inference components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .component_hosting import ComponentHosting
from .endpoint_configs import VariantSpec
from .errors import RefusedError
from .generation import DeployedVariant, Generation
from .managed_instances import ManagedInstances


@dataclass(slots=True, kw_only=True)
class ComponentVariant(DeployedVariant):
    """Instances without a model; the endpoint's inference components stand on them."""

    fleet: ManagedInstances
    hosting: ComponentHosting

    def summary(self) -> dict[str, Any]:
        """The variant as DescribeEndpoint shows it: without an image, with as many instances as there are."""
        shown = DeployedVariant.summary(self)  # super() does not work in a class with slots
        del shown["DeployedImages"]
        return {**shown, "DesiredInstanceCount": self.fleet.size, **self.hosting.shown}


def component_variant(spec: VariantSpec, hosting: ComponentHosting, weight: float) -> ComponentVariant:
    """A variant of this configuration, not started yet."""
    # Without containers it takes no process: its components count their copies themselves.
    return ComponentVariant(
        spec=spec, fleet=ManagedInstances(spec.instance_type, hosting.scaling), hosting=hosting,
        containers=[], direct=False, weight=weight, desired_weight=weight, desired_count=spec.instance_count,
    )  # fmt: skip


def hosting_variant(generation: Generation) -> ComponentVariant | None:
    """The variant that hosts inference components; None when the variants have models."""
    variants = generation.variants.values()
    return next((variant for variant in variants if isinstance(variant, ComponentVariant)), None)


def hand_over(old: Generation, new: Generation) -> None:
    """Let the copies move in when the new generation starts. What cannot be is refused; inferred, AWS's
    answer is not known.
    """
    before, after = hosting_variant(old), hosting_variant(new)
    if before is None and after is None:
        return
    if before is None or after is None or before.spec.name != after.spec.name:
        raise RefusedError(
            "An update must keep an endpoint's inference components: their variant and that it has no model."
        )
    after.fleet.predecessor = before.fleet

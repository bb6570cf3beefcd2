"""Advice about a fleet of inference components, which only the finished tree can give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import constructs
import jsii

from ..core.checks import known
from ..core.rules import DEVELOPER_GUIDE, Advice

if TYPE_CHECKING:
    from .component_endpoint import ManagedInstanceScaling
    from .inference_component import InferenceComponent

EMPTY_FLEET = Advice(
    "SM-COMPONENT-101",
    "An endpoint of inference components has some: its instances cost also while they serve nothing.",
    DEVELOPER_GUIDE + "realtime-endpoints-deploy-models.html",
)
SLEEPLESS_FLEET = Advice(
    "SM-COMPONENT-102",
    "A fleet that may go to zero has only components that do.",
    DEVELOPER_GUIDE + "endpoint-auto-scaling-zero-instances.html",
)


@jsii.implements(constructs.IValidation)
class FleetAdvice:
    """Looks at the components of one endpoint when the app is synthesized, after the last was added."""

    def __init__(
        self,
        endpoint: constructs.IConstruct,
        components: Mapping[str, InferenceComponent],
        managed: ManagedInstanceScaling | None,
    ) -> None:
        """Look at `components`, which may still grow."""
        self._endpoint = endpoint
        self._components = components
        self._managed = managed

    def validate(self) -> list[str]:
        """Warn where there is something to say; nothing of it is an error."""
        if not self._components:
            EMPTY_FLEET.warn(self._endpoint, "no component is served here: add_component(…)")
        sleepless = [id for id, component in self._components.items() if component.keeps_a_copy]
        managed = self._managed
        if sleepless and managed is not None and known(managed.min_count) and managed.min_count == 0:
            SLEEPLESS_FLEET.warn(
                self._endpoint,
                f"the fleet stays for {', '.join(sleepless)}: give it scaling with min_capacity=0, "
                "or managed_scaling a min_count of 1 or more",
            )
        return []

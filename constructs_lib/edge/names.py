"""What a fleet and its parts are called, in AWS and on its devices."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_FLEET_NAME = 36
"""As long as the name of a provisioning template may be, which is the fleet's."""
CANARY, FLEET = "canary", "fleet"
SHADOW = "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetNames:
    """All names that follow from the fleet's."""

    fleet: str

    @property
    def runtime(self) -> str:
        """The component with the program."""
        return f"{self.fleet}.Runtime"

    @property
    def model(self) -> str:
        """The component with the model."""
        return f"{self.fleet}.Model"

    @property
    def inference(self) -> str:
        """The component that runs the program."""
        return f"{self.fleet}.Inference"

    @property
    def components(self) -> tuple[str, str, str]:
        """The three, in the order in which they stand on each other."""
        return (self.runtime, self.model, self.inference)

    @property
    def canary_group(self) -> str:
        """The devices that get a version first."""
        return f"{self.fleet}-{CANARY}"

    @property
    def fleet_group(self) -> str:
        """All others. No device is in both: Greengrass could not resolve two versions of one component."""
        return f"{self.fleet}-{FLEET}"

    @property
    def role_alias(self) -> str:
        """By which devices ask for their role."""
        return f"{self.fleet}-devices"

    @property
    def device_policy(self) -> str:
        """Of the certificate of every device."""
        return f"{self.fleet}-device"

    @property
    def claim_policy(self) -> str:
        """Of the certificate that devices leave the plant with."""
        return f"{self.fleet}-claim"

    def topic(self, kind: str, thing: str) -> str:
        """Of results (``inference``) or of counts (``summary``)."""
        return f"dt/{self.fleet}/{thing}/{kind}"

    def shadow_topic(self, thing: str, what: str) -> str:
        """Of the named shadow ``model``: ``update``, ``update/delta``, ``get``, …"""
        return f"$aws/things/{thing}/shadow/name/{SHADOW}/{what}"

"""The props of `EdgeFleet`, with what follows from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from ..model.data import ModelData
from .devices import EdgeDevices
from .edge_program import EdgeProgram
from .edge_rollout import EdgeRollout
from .telemetry import EdgeTelemetry


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeFleetProps:
    """The props of an `EdgeFleet`, for its rules."""

    model: ModelData
    devices: EdgeDevices
    rollout: EdgeRollout
    telemetry: EdgeTelemetry
    program: EdgeProgram
    components: Mapping[str, str]
    fleet_name: str | None
    artefact_bucket: s3.IBucket | None
    encryption_key: kms.IKey | None
    notify: Sequence[sns.ITopic]
    dashboard: bool

"""Grants: who may start rollouts, bring models, and read what devices told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam

from ..core.s3_prefix import S3Prefix

if TYPE_CHECKING:
    from .edge_fleet import EdgeFleet


class EdgeFleetGrants:
    """Permissions on one fleet; each call allows exactly one kind of use."""

    def __init__(self, fleet: EdgeFleet) -> None:
        """Grant on `fleet`."""
        self._fleet = fleet

    def roll_out(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` start a rollout: it invokes ``start_function``."""
        # Not also its versions, of which there are none: that would be a wildcard.
        return self._fleet.start_function.grant_invoke_latest_version(grantee)

    def bring_models(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` put models where rollouts take them from."""
        return self._fleet.models.let_write(grantee)

    def read_results(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` read the results that devices sent, for analysis or training."""
        return self._results.let_read(grantee)

    @property
    def _results(self) -> S3Prefix:
        return self._fleet.telemetry.results

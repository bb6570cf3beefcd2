"""Services that are gone: what targets them synthesizes, passes linters, and then does nothing or fails."""

from __future__ import annotations

import aws_cdk as cdk
import constructs
import jsii

from ..core.retired_types import why_retired
from ..core.rules import DEVELOPER_GUIDE, listed

RETIRED = listed(
    id="SM-EDGE-001",
    summary="No resource belongs to SageMaker Edge Manager or IoT Greengrass V1, which have ended.",
    source=DEVELOPER_GUIDE + "edge-eol.html",
)


@jsii.implements(constructs.IValidation)
class RetiredServices:
    """Refuses resources of services that have ended, below a scope: an app, a stack."""

    def __init__(self, scope: constructs.Construct) -> None:
        """Look below `scope`."""
        self._scope = scope

    @staticmethod
    def refuse_in(scope: constructs.Construct) -> None:
        """Fail the synthesis of `scope` where something below it targets a service that has ended.

        An `EdgeFleet` does it for its own stack.
        """
        scope.node.add_validation(RetiredServices(scope))

    def validate(self) -> list[str]:
        """One message for each such resource; called when the tree is finished."""
        found = (each for each in self._scope.node.find_all() if isinstance(each, cdk.CfnResource))
        told = ((each, why_retired(each.cfn_resource_type)) for each in found)
        return [
            f"{RETIRED.id}: {each.node.path}: {each.cfn_resource_type}: {why} ({RETIRED.source})"
            for each, why in told
            if why is not None
        ]

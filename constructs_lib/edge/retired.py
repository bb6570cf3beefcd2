"""Services that are gone: what targets them synthesizes, passes linters, and then does nothing or fails."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
import constructs
import jsii

from ..core.rules import DEVELOPER_GUIDE, listed

RETIRED = listed(
    id="SM-EDGE-001",
    summary="No resource belongs to SageMaker Edge Manager or IoT Greengrass V1, which have ended.",
    source=DEVELOPER_GUIDE + "edge-eol.html",
)
_EDGE_MANAGER = (
    "SageMaker Edge Manager ended on 26 April 2024; CloudFormation still knows the type, but nothing serves it. Use "
    "EdgeFleet: IoT Greengrass V2 and ONNX Runtime"
)
_GREENGRASS_V1 = (
    "IoT Greengrass V1 ended on 7 October 2026: its cores get nothing. Use EdgeFleet, or aws_greengrassv2"
)
_TYPES: Mapping[str, str] = {
    "AWS::SageMaker::DeviceFleet": _EDGE_MANAGER,
    "AWS::SageMaker::Device": _EDGE_MANAGER,
}
_FIRST_GENERATION = "AWS::Greengrass::"


def why_retired(type: str) -> str | None:
    """Why a CloudFormation type is of no use any more; None where it is.

    Example::

        why_retired("AWS::Greengrass::Group")
    """
    return _GREENGRASS_V1 if type.startswith(_FIRST_GENERATION) else _TYPES.get(type)


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

"""CloudFormation types of services that have ended: they synthesize, pass linters, and then do nothing or fail.

Imports no CDK.
"""

from __future__ import annotations

from collections.abc import Mapping

_EDGE_MANAGER = (
    "SageMaker Edge Manager ended on 26 April 2024; CloudFormation still knows the type, but nothing serves it. Use "
    "EdgeFleet: IoT Greengrass V2 and ONNX Runtime"
)
_GREENGRASS_V1 = (
    "IoT Greengrass V1 ended on 7 October 2026: its cores get nothing. Use EdgeFleet, or aws_greengrassv2"
)
RETIRED_TYPES: Mapping[str, str] = {
    "AWS::SageMaker::DeviceFleet": _EDGE_MANAGER,
    "AWS::SageMaker::Device": _EDGE_MANAGER,
}
FIRST_GENERATION = "AWS::Greengrass::"


def why_retired(type: str) -> str | None:
    """Why a CloudFormation type is of no use any more; None where it is.

    Example::

        why_retired("AWS::Greengrass::Group")
    """
    return _GREENGRASS_V1 if type.startswith(FIRST_GENERATION) else RETIRED_TYPES.get(type)

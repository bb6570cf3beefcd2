"""Print the instance types of one use of SageMaker, from botocore's service model."""

from __future__ import annotations

import sys

from botocore.session import get_session

_ENUMS = {"hosting": "ProductionVariantInstanceType", "transform": "TransformInstanceType"}


def types_of(use: str) -> list[str]:
    """All values of the API's enumeration for ``hosting`` or ``transform``, sorted."""
    model = get_session().get_service_model("sagemaker")
    return sorted(model.shape_for(_ENUMS[use]).enum)


if __name__ == "__main__":
    print("\n".join(types_of(sys.argv[1])))

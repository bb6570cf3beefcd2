"""Print the instance types a production variant may have, from botocore's service model."""

from __future__ import annotations

from botocore.session import get_session


def hosting_types() -> list[str]:
    """All values of the API's ProductionVariantInstanceType, sorted."""
    model = get_session().get_service_model("sagemaker")
    return sorted(model.shape_for("ProductionVariantInstanceType").enum)


if __name__ == "__main__":
    print("\n".join(hosting_types()))

"""What SageMaker says of an endpoint."""

from __future__ import annotations

from typing import Any

import boto3


def describe(endpoint_name: str) -> dict[str, Any] | None:
    """The endpoint, or None where there is none yet."""
    client = boto3.client("sagemaker")
    try:
        return dict(client.describe_endpoint(EndpointName=endpoint_name))
    except client.exceptions.ClientError as error:
        if "Could not find endpoint" in str(error):
            return None
        raise

"""Clarify's analysis configuration, written at deployment: the custom resource ``Custom::AnalysisConfig``."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import boto3

from ....core.runtime.custom_resource import answer

log = logging.getLogger()


def write(event: Mapping[str, Any]) -> None:
    """Write the file that the resource describes, and tell CloudFormation.

    Files stay when their resource goes: a deployment that is rolled back turns to the one before.
    """
    given = event["ResourceProperties"]
    failure = ""
    if event["RequestType"] != "Delete":
        try:
            body = given["Body"].encode()
            boto3.client("s3").put_object(
                Bucket=given["Bucket"], Key=given["Key"], Body=body, ContentType="application/json"
            )
        except Exception as error:
            # Whatever it is: CloudFormation waits for an answer.
            log.exception("the analysis configuration was not written")
            failure = f"{type(error).__name__}: {error}"
    answer(event, physical_id=f"s3://{given['Bucket']}/{given['Key']}", failure=failure)

"""What devices get to read: the document of a deployment, in a job or in a shadow.

Source: the open source nucleus (com.aws.greengrass.deployment.model and ShadowDeploymentListener).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from . import deployment_request
from .state import Deployment

SHADOW = "AWSManagedGreengrassV2Deployment"


def document_of(deployment: Deployment) -> dict[str, Any]:
    """The components a device shall have, and how to get there."""
    given = deployment.request
    policies = deployment_request.policies(given)
    update = policies["componentUpdatePolicy"]
    return {
        "deploymentId": deployment.id,
        "deploymentName": given.get("deploymentName"),
        "configurationArn": deployment.configuration_arn,
        "targetArn": deployment.target,
        "creationTimestamp": int(deployment.created * 1000),
        "components": {name: _component(each) for name, each in (given.get("components") or {}).items()},
        "failureHandlingPolicy": policies["failureHandlingPolicy"],
        "componentUpdatePolicy": {"action": update["action"], "timeout": update["timeoutInSeconds"]},
        "configurationValidationPolicy": {
            "timeout": policies["configurationValidationPolicy"]["timeoutInSeconds"]
        },
    }


def _component(given: Mapping[str, Any]) -> dict[str, Any]:
    update = given.get("configurationUpdate") or {}
    component: dict[str, Any] = {"version": given["componentVersion"]}
    if update:
        component["configurationUpdate"] = {
            "merge": json.loads(update["merge"]) if "merge" in update else None,
            "reset": update.get("reset") or [],
        }
    return component


def job_request(deployment: Deployment, document: Mapping[str, Any]) -> dict[str, Any]:
    """The continuous job that brings a document to the things of a group."""
    configuration = deployment.request.get("iotJobConfiguration") or {}
    return {
        "targets": [deployment.target],
        "targetSelection": "CONTINUOUS",
        "document": json.dumps(document),
        "description": f"Greengrass deployment {deployment.id}",
        **{name: value for name, value in configuration.items() if value is not None},
    }


def shadow_state(deployment: Deployment, document: Mapping[str, Any]) -> dict[str, Any]:
    """What the shadow of a thing shall say."""
    return {
        "desired": {
            "desiredStatus": "SUCCEEDED",
            "fleetConfigurationArn": deployment.configuration_arn,
            "fleetConfig": json.dumps(document),
        }
    }

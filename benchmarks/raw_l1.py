"""The real-time endpoint written in raw L1s, as one would without a library.

`tests/benchmarks/test_same_template.py` compares the two templates, so that like is measured with like.
The first endpoint of a stack brings the one function behind its custom resources.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sagemaker as sagemaker

from .raw_alarms import errors_alarm, latency_alarm
from .raw_hosting import VARIANT, endpoint_name, hosted, model, on_instances, scaled_on_invocations


def full_endpoint(stack: cdk.Stack, index: int) -> None:
    """One endpoint with role, model, alarms, scaling, deploy guard, parameter and outputs."""
    served, _ = model(stack, f"{index}", path=f"{stack.node.path}/Model{index}")
    config = sagemaker.CfnEndpointConfig(stack, f"Config{index}", production_variants=[on_instances(served)])
    endpoint = hosted(stack, index, config, alarms=rollback_alarms(stack, index))
    scaled_on_invocations(stack, index, endpoint)


def rollback_alarms(stack: cdk.Stack, index: int) -> list[cloudwatch.CfnAlarm]:
    """On errors and on latency."""
    name = endpoint_name(stack, index)
    what, dimensions = f"endpoint {name}", {"EndpointName": name, "VariantName": VARIANT}
    return [
        errors_alarm(stack, f"Errors{index}", what, dimensions),
        latency_alarm(stack, f"Latency{index}", what, dimensions),
    ]

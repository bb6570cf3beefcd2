"""Gives all traffic of an endpoint to one of its variants, when a monitor's alarm goes off.

EventBridge calls it, and calls it again where it fails, so what cannot be done yet raises: an endpoint that is
being updated takes no weights.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import boto3

log = logging.getLogger()
log.setLevel(logging.INFO)


class NotReadyError(Exception):
    """The endpoint takes no weights now."""


def shifted(current: Mapping[str, float], to: str) -> dict[str, float] | None:
    """The weights to set; ``None`` where all traffic goes to `to` already."""
    if to not in current:
        raise ValueError(f"the endpoint has no variant {to}, but {', '.join(sorted(current))}")
    wanted = {name: 1.0 if name == to else 0.0 for name in current}
    others = any(weight > 0 for name, weight in current.items() if name != to)
    return wanted if others or current[to] <= 0 else None


def handle(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Entry point of the function: ``{"endpoint": …, "to": …, "alarm": …}``."""
    endpoint, to = event["endpoint"], event["to"]
    sagemaker = boto3.client("sagemaker")
    described = sagemaker.describe_endpoint(EndpointName=endpoint)
    status = described["EndpointStatus"]
    if status != "InService":
        # Its weights are about to change, so they say nothing either.
        raise NotReadyError(f"{endpoint} is {status}: it takes no weights now")
    current = {each["VariantName"]: each["CurrentWeight"] for each in described["ProductionVariants"]}
    weights = shifted(current, to)
    if weights is None:
        log.info("%s: all traffic goes to %s already", endpoint, to)
        return {"shifted": False}
    sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=endpoint,
        DesiredWeightsAndCapacities=[
            {"VariantName": name, "DesiredWeight": weight} for name, weight in weights.items()
        ],
    )
    log.warning("%s: all traffic goes to %s, since %s", endpoint, to, event.get("alarm"))
    return {"shifted": True, "before": current}

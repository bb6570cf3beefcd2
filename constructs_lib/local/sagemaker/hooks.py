"""Where other plug-ins tell SageMaker what it cannot know.

A resource id is Application Auto Scaling's: `endpoint/E/variant/V`. The hooks are called in the
scope (account, region) of the request that asks.
"""

from __future__ import annotations

from collections.abc import Callable


def _nothing_is_scaled(_resource_id: str) -> bool:
    return False


def _nothing_to_deregister(_resource_id: str) -> None:
    pass


scalable_targets: Callable[[str], bool] = _nothing_is_scaled
"""Whether a scalable target is registered for the resource id. Asked by UpdateEndpoint."""

deregister_scalable_target: Callable[[str], None] = _nothing_to_deregister
"""Forget the scalable target of the resource id, if any. Called by DeleteEndpoint, as AWS does."""


def variant_resource_id(endpoint_name: str, variant_name: str) -> str:
    """The resource id of a variant."""
    return f"endpoint/{endpoint_name}/variant/{variant_name}"

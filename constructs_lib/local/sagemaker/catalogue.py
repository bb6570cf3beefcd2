"""Where a multi-model container finds its models: the objects under a prefix in S3."""

from __future__ import annotations

from functools import partial
from typing import Any

from .. import emulator
from ..emulator import Scope
from ..serving.container import Catalogue
from .errors import RoutingError


def catalogue_of(container: dict[str, Any], bucket: str, prefix: str, role: str | None) -> Catalogue:
    """The models of a container in MultiModel mode, read with the model's role."""
    kept = container.get("MultiModelConfig", {}).get("ModelCacheSetting", "Enabled") == "Enabled"
    return Catalogue(fetch=partial(_fetch, Scope.current(), bucket, prefix, role), cached=kept)


def _fetch(scope: Scope, bucket: str, prefix: str, role: str | None, target: str) -> bytes:
    """The archive of a model; RoutingError, without saying which, when it is not there or not to be read."""
    key = f"{prefix.rstrip('/')}/{target}" if prefix else target
    with scope.active():
        archive = emulator.read_object(bucket, key) if _may_read(bucket, key, role) else None
    if archive is None:
        raise RoutingError(
            f"Failed to download model data(bucket: {bucket}, key: {key}). Please ensure that there is an object "
            "located at the URL and that the role passed to CreateModel has permissions to download the model."
        )
    return archive


def _may_read(bucket: str, key: str, role: str | None) -> bool:
    if role is None or not emulator.iam_is_enforced():
        return True
    return emulator.role_allows(role, "s3:GetObject", f"arn:aws:s3:::{bucket}/{key}")

"""The AsyncInferenceConfig of an endpoint configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import NotEmulatedError, RefusedError

# A model process answers one request at a time; AWS says that it chooses "an optimal value".
_DEFAULT_CONCURRENCY = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncSettings:
    """Where the results go, who is told, and how many requests an instance gets at once."""

    config: dict[str, Any]
    role: str | None
    """The execution role: it reads the input, writes the output and publishes."""
    output_path: str
    failure_path: str | None
    kms_key: str | None
    success_topic: str | None
    error_topic: str | None
    response_in: frozenset[str]
    concurrency: int

    @classmethod
    def of(cls, config: dict[str, Any] | None, role: str | None) -> AsyncSettings | None:
        """The settings, or None for a real-time endpoint."""
        if config is None:
            return None
        output = config["OutputConfig"]
        notification = output.get("NotificationConfig", {})
        client = config.get("ClientConfig", {})
        return cls(
            config=config,
            role=role,
            output_path=output["S3OutputPath"],
            failure_path=output.get("S3FailurePath"),
            kms_key=output.get("KmsKeyId"),
            success_topic=notification.get("SuccessTopic"),
            error_topic=notification.get("ErrorTopic"),
            response_in=frozenset(notification.get("IncludeInferenceResponseIn", [])),
            concurrency=client.get("MaxConcurrentInvocationsPerInstance", _DEFAULT_CONCURRENCY),
        )


def check_config(request: Mapping[str, Any]) -> None:
    """Refuse an asynchronous configuration that cannot be served."""
    config = request.get("AsyncInferenceConfig")
    if config is None:
        return
    if not config["OutputConfig"].get("S3OutputPath"):
        raise RefusedError("S3OutputPath is required in the OutputConfig of an AsyncInferenceConfig.")
    if request.get("DataCaptureConfig"):
        raise NotEmulatedError("Data capture of asynchronous inference")

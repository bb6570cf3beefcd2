"""Data capture: requests and answers, written to S3 as SageMaker writes them."""

from __future__ import annotations

import base64
import json
import random
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from .. import emulator
from ..emulator import Scope

_RECORDS_PER_FILE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureSettings:
    """The DataCaptureConfig of an endpoint configuration."""

    destination: str
    sampling_percent: int
    modes: frozenset[str]
    csv_types: frozenset[str]
    json_types: frozenset[str]
    kms_key: str | None
    role: str | None = None

    @classmethod
    def of(cls, config: dict[str, Any] | None, role: str | None) -> CaptureSettings | None:
        """The settings, or None when nothing is captured."""
        if not config or not config.get("EnableCapture", False):
            return None
        headers = config.get("CaptureContentTypeHeader", {})
        return cls(
            destination=config["DestinationS3Uri"],
            sampling_percent=config["InitialSamplingPercentage"],
            modes=frozenset(option["CaptureMode"] for option in config["CaptureOptions"]),
            csv_types=frozenset(headers.get("CsvContentTypes", [])),
            json_types=frozenset(headers.get("JsonContentTypes", [])),
            kms_key=config.get("KmsKeyId"),
            role=role,
        )

    def summary(self) -> dict[str, Any]:
        """The settings as DescribeEndpoint shows them."""
        shown = {
            "EnableCapture": True,
            "CaptureStatus": "Started",
            "CurrentSamplingPercentage": self.sampling_percent,
            "DestinationS3Uri": self.destination,
        }
        return {**shown, "KmsKeyId": self.kms_key} if self.kms_key else shown

    def samples_this_one(self) -> bool:
        """Whether the request at hand is captured."""
        return random.random() * 100 < self.sampling_percent  # noqa: S311  # not a secret

    def captures(self, mode: str) -> bool:
        """Whether the `Input` or the `Output` is captured."""
        return bool(self.modes & {mode, "InputAndOutput"})

    def side(self, mode: str, content_type: str, data: bytes) -> dict[str, str]:
        """One side of a record. Without a header list that names the type, it is base64."""
        encoding, text = self._encoded(content_type, data)
        return {"observedContentType": content_type, "mode": mode, "data": text, "encoding": encoding}

    def _encoded(self, content_type: str, data: bytes) -> tuple[str, str]:
        bare = content_type.split(";")[0].strip()
        for encoding, types in (("CSV", self.csv_types), ("JSON", self.json_types)):
            if bare in types:
                try:
                    return encoding, data.decode("utf-8")
                except UnicodeDecodeError:
                    break
        return "BASE64", base64.b64encode(data).decode("ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and the answer to it."""

    request_type: str
    request: bytes
    response_type: str
    response: bytes
    inference_id: str | None
    custom_attributes: str | None
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def record(self, settings: CaptureSettings) -> dict[str, Any]:
        """The line that is written for it."""
        sides = {}
        if settings.captures("Input"):
            sides["endpointInput"] = settings.side("INPUT", self.request_type, self.request)
        if settings.captures("Output"):
            sides["endpointOutput"] = settings.side("OUTPUT", self.response_type, self.response)
        metadata: dict[str, Any] = {"eventId": str(uuid.uuid4())}
        if self.inference_id:
            metadata["inferenceId"] = self.inference_id
        if self.custom_attributes:
            metadata["customAttributes"] = [self.custom_attributes]
        metadata["inferenceTime"] = self.at.strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"captureData": sides, "eventMetadata": metadata, "eventVersion": "0"}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the records of one variant go."""

    scope: Scope
    endpoint: str
    variant: str
    settings: CaptureSettings


class Capture:
    """Gathers records and writes them, many to a file."""

    def __init__(self, report: Callable[[Scope, str, str], None]) -> None:
        self._waiting: dict[_Place, list[str]] = defaultdict(list)
        self._report = report

    def add(
        self, scope: Scope, endpoint: str, variant: str, settings: CaptureSettings, seen: Exchange
    ) -> None:
        """Keep a record until the next flush."""
        line = json.dumps(seen.record(settings), ensure_ascii=False)
        self._waiting[_Place(scope, endpoint, variant, settings)].append(line)

    def flush(self) -> None:
        """Write what was gathered."""
        waiting, self._waiting = self._waiting, defaultdict(list)
        for place, lines in waiting.items():
            for start in range(0, len(lines), _RECORDS_PER_FILE):
                self._write(place, lines[start : start + _RECORDS_PER_FILE])

    def _write(self, place: _Place, lines: list[str]) -> None:
        bucket, key = _object_for(place)
        with place.scope.active():
            problem = _refusal(place.settings, bucket, key) or emulator.write_object(
                bucket, key, "".join(f"{line}\n" for line in lines).encode(), kms_key=place.settings.kms_key
            )
        if problem:
            self._report(place.scope, place.endpoint, f"Data capture failed: {problem}")

    def clear(self) -> None:
        """Forget what was not written."""
        self._waiting.clear()


def _object_for(place: _Place) -> tuple[str, str]:
    """The bucket and key of a new file: prefix/endpoint/variant/yyyy/mm/dd/hh/mm-ss-mmm-uuid.jsonl."""
    destination = urlsplit(place.settings.destination)
    now = datetime.now(UTC)
    name = f"{now:%M-%S}-{now.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
    parts = [destination.path.strip("/"), place.endpoint, place.variant, f"{now:%Y/%m/%d/%H}", name]
    return destination.netloc, "/".join(part for part in parts if part)


def _refusal(settings: CaptureSettings, bucket: str, key: str) -> str | None:
    """Under IAM enforcement the model's execution role must be allowed to write."""
    if not emulator.iam_is_enforced() or settings.role is None:
        return None
    if emulator.role_allows(settings.role, "s3:PutObject", f"arn:aws:s3:::{bucket}/{key}"):
        return None
    return f"the role {settings.role} is not allowed s3:PutObject on s3://{bucket}/{key}"

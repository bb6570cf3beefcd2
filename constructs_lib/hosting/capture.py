"""Data capture: what an endpoint was asked and what it answered, kept in S3 for the monitors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import constructs
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker

from ..core.buckets import data_bucket
from ..core.checks import KEY_PREFIX, kind, known, text, whole_number
from ..core.limits import CONTENT_TYPE, MAX_CONTENT_TYPES, SAMPLING_PERCENT
from ..core.place import path_of
from ..core.roles import Permissions
from ..core.rules import API_REFERENCE, Broken, Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCapture:
    """Keep requests and responses as JSON Lines under ``prefix/endpoint/variant/yyyy/mm/dd/hh/``.

    SageMaker stops capturing when an instance's disk is more than 75 % full.
    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture.html

    :raises ConstraintError: SM-CAPTURE-001 … SM-CAPTURE-004.
    """

    sampling_percent: int = 100
    """0–100. 0 keeps the wiring and captures nothing."""
    bucket: s3.IBucket | None = None
    """Default: a new one, encrypted with a key of its own, TLS only, versioned, retained."""
    prefix: str = "data-capture"
    capture_input: bool = True
    capture_output: bool = True
    csv_content_types: Sequence[str] = ("text/csv",)
    """Stored as text; types in neither list are stored as base64. At most 10 a list."""
    json_content_types: Sequence[str] = ("application/json", "application/jsonlines")
    encryption_key: kms.IKey | None = None
    """Encrypts the captured objects. Default: the bucket's own encryption."""

    def __post_init__(self) -> None:
        """Check."""
        capture_rules.enforce(self, path="DataCapture")

    def bind(
        self, scope: constructs.Construct, permissions: Sequence[Permissions]
    ) -> tuple[s3.IBucket, sagemaker.CfnEndpointConfig.DataCaptureConfigProperty]:
        """The capture bucket (made under `scope` where none was given) and its configuration."""
        bucket = self.bucket
        if bucket is None:
            what = f"Captured requests and responses of {path_of(scope)}"
            bucket = data_bucket(scope, "Capture", what=what, key=self.encryption_key)
        for each in permissions:
            self._allow_writing(each, bucket)
        modes = [("Input", self.capture_input), ("Output", self.capture_output)]
        key = self.encryption_key
        config = sagemaker.CfnEndpointConfig.DataCaptureConfigProperty(
            enable_capture=True,
            initial_sampling_percentage=self.sampling_percent,
            destination_s3_uri=bucket.s3_url_for_object(self.prefix),
            capture_options=[
                sagemaker.CfnEndpointConfig.CaptureOptionProperty(capture_mode=mode)
                for mode, on in modes
                if on
            ],
            capture_content_type_header=self._content_types(),
            kms_key_id=key.key_arn if key is not None else None,
        )
        return bucket, config

    def _content_types(self) -> sagemaker.CfnEndpointConfig.CaptureContentTypeHeaderProperty | None:
        if not self.csv_content_types and not self.json_content_types:
            return None
        return sagemaker.CfnEndpointConfig.CaptureContentTypeHeaderProperty(
            csv_content_types=list(self.csv_content_types) or None,
            json_content_types=list(self.json_content_types) or None,
        )

    def _allow_writing(self, permissions: Permissions, bucket: s3.IBucket) -> None:
        permissions.allow(
            "s3:PutObject",
            on=bucket.arn_for_objects(f"{self.prefix}/*"),
            wildcard="Captured objects are named by time; the prefix bounds them.",
        )
        for key in (self.encryption_key, bucket.encryption_key):
            permissions.allow_key(key, "kms:Decrypt", "kms:GenerateDataKey")


capture_rules = Rules[DataCapture]()

_SOURCE = API_REFERENCE + "API_DataCaptureConfig.html"


@capture_rules.rule("SM-CAPTURE-001", source=_SOURCE)
def sampling_is_a_percentage(capture: DataCapture) -> Iterator[Broken]:
    """The sampling percentage is a whole number from 0 to 100."""
    yield from whole_number("sampling_percent", capture.sampling_percent, *SAMPLING_PERCENT)


@capture_rules.rule("SM-CAPTURE-002", source=_SOURCE)
def something_is_captured(capture: DataCapture) -> Iterator[Broken]:
    """Input, output or both are captured."""
    yield from kind("capture_input", capture.capture_input, bool, optional=False)
    yield from kind("capture_output", capture.capture_output, bool, optional=False)
    if not capture.capture_input and not capture.capture_output:
        yield Broken(
            "capture_input", False, "input, output or both", "leave DataCapture out to capture nothing"
        )


@capture_rules.rule("SM-CAPTURE-003", source=_SOURCE)
def content_types_are_few(capture: DataCapture) -> Iterator[Broken]:
    """At most 10 CSV and 10 JSON content types, each a plain media type."""
    for name in ("csv_content_types", "json_content_types"):
        given = getattr(capture, name)
        if not isinstance(given, list | tuple):
            yield Broken(name, given, "a list of media types")
            continue
        if len(given) > MAX_CONTENT_TYPES:
            yield Broken(name, f"{len(given)} types", f"at most {MAX_CONTENT_TYPES}")
        for each in given:
            yield from text(name, each, CONTENT_TYPE, "media types such as text/csv")


@capture_rules.rule("SM-CAPTURE-004", source=_SOURCE)
def prefix_is_a_path(capture: DataCapture) -> Iterator[Broken]:
    """The capture prefix is a key path without slashes at its ends."""
    if known(capture.prefix):
        yield from text(
            "prefix",
            capture.prefix,
            KEY_PREFIX,
            "a key prefix of at most 400 characters such as captured/fraud, no slash at the ends",
        )
    else:
        yield from kind("prefix", capture.prefix, str, optional=False)

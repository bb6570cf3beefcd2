"""Where an asynchronous endpoint finds requests, where it puts answers, and whom it tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import constructs
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns

from ..core.buckets import data_bucket
from ..core.checks import KEY_PREFIX, kind, known, text
from ..core.place import path_of
from ..core.roles import Permissions, allow_publish
from ..core.rules import API_REFERENCE, Broken, Rules
from ..core.s3_prefix import S3Prefix

_Config = sagemaker.CfnEndpointConfig
_WRITE_WITH_KEY = ("kms:Decrypt", "kms:GenerateDataKey")


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncInput:
    """Where callers put requests for the endpoint to read.

    :raises ConstraintError: SM-ASYNC-001.
    """

    bucket: s3.IBucket | None = None
    """Default: the bucket of the output."""
    prefix: str = "async-input"

    def __post_init__(self) -> None:
        """Check."""
        input_rules.enforce(self, path="AsyncInput")


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncOutput:
    """Where answers go, and who is told that they are there.

    Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AsyncInferenceOutputConfig.html

    :raises ConstraintError: SM-ASYNC-002, SM-ASYNC-003, SM-ASYNC-007.
    """

    bucket: s3.IBucket | None = None
    """Default: a new one, encrypted with a key of its own, TLS only, versioned, retained."""
    prefix: str = "async-output"
    failure_prefix: str = "async-failures"
    """Why a request failed is written here."""
    encryption_key: kms.IKey | None = None
    """Encrypts the answers. Default: the bucket's own encryption."""
    success_topic: sns.ITopic | None = None
    error_topic: sns.ITopic | None = None
    include_response_in_success: bool = False
    """Put answers of at most 128 KB into the notification."""
    include_response_in_error: bool = False

    def __post_init__(self) -> None:
        """Check."""
        output_rules.enforce(self, path="AsyncOutput")


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncLocations:
    """Input, output and failures of one endpoint, with their buckets made."""

    input: S3Prefix
    output: S3Prefix
    failures: S3Prefix

    @staticmethod
    def bound(scope: constructs.Construct, input: AsyncInput, output: AsyncOutput) -> AsyncLocations:
        """The locations; a bucket is made under `scope` where none is given."""
        bucket = output.bucket
        if bucket is None:
            what = f"Requests and answers of {path_of(scope)}"
            bucket = data_bucket(scope, "Async", what=what, key=output.encryption_key)
        source = bucket if input.bucket is None else input.bucket
        key = output.encryption_key
        return AsyncLocations(
            input=S3Prefix(bucket=source, prefix=input.prefix),
            output=S3Prefix(bucket=bucket, prefix=output.prefix, key=key),
            failures=S3Prefix(bucket=bucket, prefix=output.failure_prefix, key=key),
        )

    def allow_serving(self, permissions: Permissions, output: AsyncOutput) -> None:
        """Let the endpoint's role read requests, write answers and tell about them.

        It must be allowed before the endpoint is made, which sends a message to each topic to try it.
        """
        self.input.allow_read(permissions)
        for written in (self.output, self.failures):
            written.allow_write(permissions)
        for topic in (output.success_topic, output.error_topic):
            if topic is not None:
                allow_publish(permissions, topic)

    def config(self, output: AsyncOutput) -> _Config.AsyncInferenceOutputConfigProperty:
        """As the endpoint configuration carries it."""
        key = output.encryption_key
        return _Config.AsyncInferenceOutputConfigProperty(
            s3_output_path=self.output.uri,
            s3_failure_path=self.failures.uri,
            kms_key_id=key.key_arn if key is not None else None,
            notification_config=_notification(output),
        )


def _notification(output: AsyncOutput) -> _Config.AsyncInferenceNotificationConfigProperty | None:
    success, error = output.success_topic, output.error_topic
    if success is None and error is None:
        return None
    included = {
        "SUCCESS_NOTIFICATION_TOPIC": output.include_response_in_success,
        "ERROR_NOTIFICATION_TOPIC": output.include_response_in_error,
    }
    return _Config.AsyncInferenceNotificationConfigProperty(
        success_topic=success.topic_arn if success is not None else None,
        error_topic=error.topic_arn if error is not None else None,
        include_inference_response_in=[name for name, on in included.items() if on] or None,
    )


input_rules = Rules[AsyncInput]()
output_rules = Rules[AsyncOutput]()

_SOURCE = API_REFERENCE + "API_AsyncInferenceOutputConfig.html"
_PREFIX_ALLOWED = "a key prefix of at most 400 characters such as answers/fraud, no slash at the ends"


def _prefix(name: str, value: object) -> Iterator[Broken]:
    yield from kind(name, value, str, optional=False)
    if known(value) and isinstance(value, str):
        yield from text(name, value, KEY_PREFIX, _PREFIX_ALLOWED)


@input_rules.rule("SM-ASYNC-001", source=_SOURCE)
def input_prefix_is_a_path(given: AsyncInput) -> Iterator[Broken]:
    """The prefix of the requests is a key path without slashes at its ends."""
    yield from _prefix("prefix", given.prefix)


@output_rules.rule("SM-ASYNC-002", source=_SOURCE)
def output_prefixes_differ(given: AsyncOutput) -> Iterator[Broken]:
    """The prefixes of answers and failures are two key paths without slashes at their ends."""
    yield from _prefix("prefix", given.prefix)
    yield from _prefix("failure_prefix", given.failure_prefix)
    if known(given.prefix, given.failure_prefix) and given.prefix == given.failure_prefix:
        yield Broken("failure_prefix", given.failure_prefix, "another prefix than that of the answers")


@output_rules.rule("SM-ASYNC-003", source=API_REFERENCE + "API_AsyncInferenceNotificationConfig.html")
def answers_are_included_in_something(given: AsyncOutput) -> Iterator[Broken]:
    """An answer is included in the notification of a topic that is given."""
    topics = {
        "include_response_in_success": given.success_topic,
        "include_response_in_error": given.error_topic,
    }
    for name, topic in topics.items():
        if getattr(given, name) is True and topic is None:
            wanted = name.replace("include_response_in_", "") + "_topic"
            yield Broken(name, True, f"False, since there is no {wanted}", f"give {wanted}=…")


@output_rules.rule(
    "SM-ASYNC-007", source="https://docs.aws.amazon.com/sns/latest/dg/fifo-message-grouping.html"
)
def topics_are_standard(given: AsyncOutput) -> Iterator[Broken]:
    """Notifications go to standard topics."""
    # Inferred: a FIFO topic wants a message group id, and SageMaker has nothing to say which.
    for name in ("success_topic", "error_topic"):
        topic = getattr(given, name)
        if topic is not None and topic.fifo:
            yield Broken(name, "a FIFO topic", "a standard topic", "Topic(…) without fifo=True")

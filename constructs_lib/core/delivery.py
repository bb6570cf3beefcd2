"""Firehose to S3: what arrives lies by the hour, one record a line, compressed."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_s3 as s3

from .buckets import attributes_of
from .roles import Permissions

BY_HOUR = "!{timestamp:yyyy/MM/dd/HH}/"
_BUFFER_SECONDS = 60
_BUFFER_MEBIBYTES = 64
_Stream = firehose.CfnDeliveryStream


def delivered_to(
    bucket: s3.IBucket, role: iam.Role, *, arrived: str, failed: str
) -> _Stream.ExtendedS3DestinationConfigurationProperty:
    """The destination: below the prefix `arrived`, or `failed` with the kind of error."""
    return _Stream.ExtendedS3DestinationConfigurationProperty(
        bucket_arn=attributes_of(bucket).arn,
        role_arn=role.role_arn,
        prefix=f"{arrived}{BY_HOUR}",
        error_output_prefix=f"{failed}!{{firehose:error-output-type}}/{BY_HOUR}",
        compression_format="GZIP",
        buffering_hints=_Stream.BufferingHintsProperty(
            interval_in_seconds=_BUFFER_SECONDS, size_in_m_bs=_BUFFER_MEBIBYTES
        ),
        # One event a line, whether its sender ended it with one or not.
        processing_configuration=_Stream.ProcessingConfigurationProperty(
            enabled=True,
            processors=[_Stream.ProcessorProperty(type="AppendDelimiterToRecord", parameters=[_LINE_FEED])],
        ),
    )


def allow_delivery(permissions: Permissions, bucket: s3.IBucket, *prefixes: str, whose: str) -> None:
    """What Firehose does in a bucket, below `prefixes`.

    Source: https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html#using-iam-s3
    """
    where = attributes_of(bucket)
    permissions.allow("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads", on=where.arn)
    for prefix in prefixes:
        permissions.allow(
            "s3:PutObject", "s3:AbortMultipartUpload",
            on=f"{where.arn}/{prefix}*",
            wildcard=f"Firehose names the objects; the prefix is this {whose}'s own.",
        )  # fmt: skip
    permissions.allow_key(where.key, "kms:Decrypt", "kms:GenerateDataKey")


_LINE_FEED = _Stream.ProcessorParameterProperty(parameter_name="Delimiter", parameter_value="\\n")

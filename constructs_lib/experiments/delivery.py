"""From the stream to S3: everything that arrived, as it arrived."""

from __future__ import annotations

import constructs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_s3 as s3

from ..core.buckets import attributes_of
from ..core.place import environment_of
from ..core.roles import Permissions, acknowledge

EVENTS_PREFIX = "events/"
"""Below it the events lie by the hour of arrival: ``yyyy/MM/dd/HH/``."""
FAILED_PREFIX = "failed/"
_BY_HOUR = "!{timestamp:yyyy/MM/dd/HH}/"
_BUFFER_SECONDS = 60
_BUFFER_MEBIBYTES = 64
_Stream = firehose.CfnDeliveryStream


class EventDelivery(constructs.Construct):
    """A Firehose stream, with a role that may do no more than carry events over."""

    def __init__(
        self, scope: constructs.Construct, id: str, *, stream: kinesis.Stream, bucket: s3.IBucket
    ) -> None:
        super().__init__(scope, id)
        role = iam.Role(
            self,
            "Role",
            description="Carries the events of an experiment from its stream to its bucket",
            assumed_by=iam.ServicePrincipal(
                "firehose.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": environment_of(self).account}},
            ),
        )
        policy = _permissions(role, stream, bucket).attach(self)
        self.cfn_delivery_stream = _Stream(
            self,
            "Resource",
            delivery_stream_type="KinesisStreamAsSource",
            kinesis_stream_source_configuration=_Stream.KinesisStreamSourceConfigurationProperty(
                kinesis_stream_arn=stream.stream_arn, role_arn=role.role_arn
            ),
            extended_s3_destination_configuration=_destination(bucket, role),
        )
        self.cfn_delivery_stream.node.add_dependency(policy)
        acknowledge(
            self,
            {
                "AwsSolutions::AwsSolutions-KDF1": "Its source is a stream, which is encrypted; with a source, "
                "Firehose takes no encryption of its own.",
            },
        )


def _permissions(role: iam.Role, stream: kinesis.Stream, bucket: s3.IBucket) -> Permissions:
    """As Firehose documents for a stream as the source and S3 as the destination.

    Source: https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html#using-iam-s3
    """
    permissions = Permissions(role)
    permissions.allow(
        "kinesis:DescribeStream", "kinesis:GetShardIterator", "kinesis:GetRecords", "kinesis:ListShards",
        on=stream.stream_arn,
    )  # fmt: skip
    where = attributes_of(bucket)
    permissions.allow("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads", on=where.arn)
    for prefix in (EVENTS_PREFIX, FAILED_PREFIX):
        permissions.allow(
            "s3:PutObject", "s3:AbortMultipartUpload",
            on=f"{where.arn}/{prefix}*",
            wildcard="Firehose names the objects; the prefix is this experiment's own.",
        )  # fmt: skip
    permissions.allow_key(stream.encryption_key, "kms:Decrypt")
    permissions.allow_key(where.key, "kms:Decrypt", "kms:GenerateDataKey")
    return permissions


def _destination(bucket: s3.IBucket, role: iam.Role) -> _Stream.ExtendedS3DestinationConfigurationProperty:
    return _Stream.ExtendedS3DestinationConfigurationProperty(
        bucket_arn=attributes_of(bucket).arn,
        role_arn=role.role_arn,
        prefix=f"{EVENTS_PREFIX}{_BY_HOUR}",
        error_output_prefix=f"{FAILED_PREFIX}!{{firehose:error-output-type}}/{_BY_HOUR}",
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


_LINE_FEED = _Stream.ProcessorParameterProperty(parameter_name="Delimiter", parameter_value="\\n")

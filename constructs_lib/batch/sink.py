"""Where predictions go: sinks, each with its own function that may write to it and nothing else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
import constructs
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_rds as rds
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager

from ..core.buckets import attributes_of
from ..core.roles import Permissions
from ..core.rules import Broken
from ..core.s3_prefix import S3Prefix
from .columns import Column


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkPlace:
    """What a sink is told of the transform that it belongs to."""

    transform: str
    """The transform's name."""
    output: S3Prefix
    """Where its runs lie, each in a folder of its own."""
    columns: Sequence[Column]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundSink:
    """A sink as the state machine and its function know it."""

    kind: str
    target: Mapping[str, object]
    """What runtime/write.py reads."""
    permissions: Permissions
    chunk_bytes: int
    """How much of the output one call writes: it has five minutes."""
    concurrency: int
    """How many calls write at once."""
    commits: bool = False
    """Whether it shows what was written only once a run is complete."""
    follows: bool = False
    """Whether it writes only once all others have: what it has written of a run that fails cannot be taken back."""


class PredictionSink(ABC):
    """Where predictions go, once a run's counts are right. `BatchTransform` takes one, or several."""

    @staticmethod
    def table(
        *,
        database_name: str | None = None,
        table_name: str | None = None,
        bucket: s3.IBucket | None = None,
        prefix: str | None = None,
    ) -> PredictionSink:
        """A Glue table over JSON Lines in S3, for Athena; partitioned by ``scored_on`` and ``run``. The cheapest.

        A run's partition is registered when all of it is written: a query never sees half a run.

        :param database_name: a Glue database that is there. Default: a new one, named after the transform.
        :param table_name: 1–255 lower-case letters, digits and underscores. Default: after the transform.
        :param bucket: default: that of the transform's output.
        :param prefix: default: ``tables/<transform>``.
        :raises ConstraintError: SM-BATCH-050.
        """
        from .table_sink import TableSink

        return TableSink(database_name=database_name, table_name=table_name, bucket=bucket, prefix=prefix)

    @staticmethod
    def dynamodb(
        table: dynamodb.ITable, *, time_to_live: cdk.Duration | None = None, concurrency: int = 16
    ) -> PredictionSink:
        """An item a record in a DynamoDB table, under the key columns, by puts that are conditional.

        A later run's prediction replaces an earlier one's, never the other way round; writing a run twice changes
        nothing. Two records of one run with one key fail the run.

        :param table: its partition key (and sort key) are the transform's key columns, by name and type.
        :param time_to_live: sets ``expires_at``, on which the table must have its time to live. Default: kept.
        :param concurrency: functions that write at once, each with 16 puts in flight: 1–1,000. An on-demand table
            takes 4,000 writes a second at first, and throttles more (which is waited for).
        :raises ConstraintError: SM-BATCH-051.
        """
        from .dynamodb_sink import DynamoDbSink

        return DynamoDbSink(dynamodb_table=table, time_to_live=time_to_live, concurrency=concurrency)

    @staticmethod
    def rds(
        cluster: rds.IDatabaseCluster,
        *,
        database: str,
        table: str,
        schema: str = "public",
        secret: secretsmanager.ISecret | None = None,
        concurrency: int = 4,
    ) -> PredictionSink:
        """A row a record in a table of Aurora PostgreSQL, through its Data API: no network, no driver.

        The rules are those of `dynamodb`: later runs win, writing twice changes nothing.

        :param cluster: with ``enable_data_api=True``.
        :param table: is there, as `create_table_statement` tells.
        :param secret: the user who may insert and update. Default: the cluster's own.
        :param concurrency: functions that write at once: 1–100.
        :raises ConstraintError: SM-BATCH-052.
        """
        from .rds_sink import RdsSink

        return RdsSink(
            cluster=cluster,
            database=database,
            database_table=table,
            schema=schema,
            secret=secret,
            concurrency=concurrency,
        )

    @staticmethod
    def create_table_statement(columns: Sequence[Column], *, table: str, schema: str = "public") -> str:
        """The SQL that makes the table that `rds` writes to: the columns, and what tells of the run."""
        from .rds_sink import create_table_statement

        return create_table_statement(columns, table=table, schema=schema)

    @property
    @abstractmethod
    def id(self) -> str:
        """What its construct is called."""

    @abstractmethod
    def unfit(self, columns: Sequence[Column]) -> Iterator[Broken]:
        """What is wrong with `columns` for this sink."""

    @abstractmethod
    def claims(self) -> Iterator[str]:
        """What no other sink of the same transform may write to, in words."""

    @property
    def files(self) -> tuple[s3.IBucket | None, str] | None:
        """Where its files go, if it writes any: a bucket (None: that of the output), and the prefix's beginning."""
        return None

    @abstractmethod
    def bind(self, scope: constructs.Construct, place: SinkPlace, permissions: Permissions) -> BoundSink:
        """Make what it needs under `scope`; `permissions` are its function's."""


def files_in(bucket: s3.IBucket | None, prefix: str) -> str:
    """The files below a prefix, in words; `bucket` is None where it is that of the output."""
    return f"s3://{'<output>' if bucket is None else attributes_of(bucket).name}/{prefix}"

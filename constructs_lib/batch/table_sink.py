"""Predictions as a partitioned table for Athena."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import constructs
from aws_cdk import aws_glue as glue
from aws_cdk import aws_s3 as s3

from ..core.buckets import attributes_of
from ..core.checks import KEY_PREFIX, text
from ..core.place import environment_of
from ..core.roles import Permissions
from ..core.rules import Broken, Rules
from ..core.s3_prefix import S3Prefix
from .columns import Column
from .sink import BoundSink, PredictionSink, SinkPlace, files_in

_SOURCE = "https://docs.aws.amazon.com/athena/latest/ug/glue-best-practices.html"
_NAME = re.compile(r"[a-z0-9_]{1,255}")
_NAME_ALLOWED = "1–255 lower-case letters, digits and underscores, as Athena asks for"
_CHUNK_BYTES = 32 << 20
_CONCURRENCY = 40
_SERDE = "org.openx.data.jsonserde.JsonSerDe"
_TEXT_INPUT = "org.apache.hadoop.mapred.TextInputFormat"
_TEXT_OUTPUT = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
_OWN = "<transform>"
_Table = glue.CfnTable
_Column = _Table.ColumnProperty


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSink(PredictionSink):
    """See `PredictionSink.table`."""

    database_name: str | None
    table_name: str | None
    bucket: s3.IBucket | None
    prefix: str | None

    def __post_init__(self) -> None:
        """Check."""
        table_sink_rules.enforce(self, path="PredictionSink.table")

    @property
    def id(self) -> str:
        """What its construct is called."""
        return "Table"

    def unfit(self, columns: Sequence[Column]) -> Iterator[Broken]:
        """Any columns do."""
        yield from ()

    def claims(self) -> Iterator[str]:
        """The files, the table, and the database where that is new."""
        yield files_in(self.bucket, f"tables/{_OWN}" if self.prefix is None else self.prefix)
        yield f"the table {self.database_name or _OWN}.{self.table_name or _OWN}"
        if self.database_name is None:
            yield "a new database"

    @property
    def files(self) -> tuple[s3.IBucket | None, str] | None:
        """Below the prefix."""
        return self.bucket, "tables" if self.prefix is None else self.prefix

    def bind(self, scope: constructs.Construct, place: SinkPlace, permissions: Permissions) -> BoundSink:
        """A database, a table, and the right to add files and partitions."""
        files = S3Prefix(
            bucket=place.output.bucket if self.bucket is None else self.bucket,
            prefix=f"tables/{place.transform}" if self.prefix is None else self.prefix,
        )
        database, table = self._names(scope, place)
        cfn_table = _Table(
            scope,
            "Resource",
            catalog_id=environment_of(scope).account,
            database_name=database,
            table_input=_description(table, files, place.columns),
        )
        for child in scope.node.children:
            if isinstance(child, glue.CfnDatabase):
                cfn_table.node.add_dependency(child)
        files.allow_write(permissions)
        arn = environment_of(scope).arn
        for resource in ("catalog", f"database/{database}", f"table/{database}/{table}"):
            permissions.allow("glue:GetTable", "glue:CreatePartition", on=arn("glue", resource))
        return BoundSink(
            kind="table",
            target={
                "bucket": attributes_of(files.bucket).name,
                "prefix": files.prefix,
                "database": database,
                "table": table,
            },
            permissions=permissions,
            chunk_bytes=_CHUNK_BYTES,
            concurrency=_CONCURRENCY,
            commits=True,
        )

    def _names(self, scope: constructs.Construct, place: SinkPlace) -> tuple[str, str]:
        own = place.transform.replace("-", "_")
        database = self.database_name
        if database is None:
            database = own
            glue.CfnDatabase(
                scope,
                "Database",
                catalog_id=environment_of(scope).account,
                # By it, and not by the name within the input, CloudFormation knows another database.
                database_name=database,
                database_input=glue.CfnDatabase.DatabaseInputProperty(
                    name=database, description=f"Predictions of {place.transform}"
                ),
            )
        return database, own if self.table_name is None else self.table_name


def _description(name: str, files: S3Prefix, columns: Sequence[Column]) -> _Table.TableInputProperty:
    own = [_Column(name="record", type="string"), _Column(name="scored_at", type="bigint")]
    return _Table.TableInputProperty(
        name=name,
        description="One row a prediction; a run's partition is there once all of it is",
        table_type="EXTERNAL_TABLE",
        parameters={"classification": "json", "compressionType": "gzip"},
        partition_keys=[_Column(name="scored_on", type="date"), _Column(name="run", type="string")],
        storage_descriptor=_Table.StorageDescriptorProperty(
            columns=[*(_Column(name=each.name, type=each.type.value) for each in columns), *own],
            location=f"{files.uri}/",
            input_format=_TEXT_INPUT,
            output_format=_TEXT_OUTPUT,
            serde_info=_Table.SerdeInfoProperty(serialization_library=_SERDE),
        ),
    )


table_sink_rules = Rules[TableSink]()


@table_sink_rules.rule("SM-BATCH-050", source=_SOURCE)
def names_suit_athena(sink: TableSink) -> Iterator[Broken]:
    """Database and table have names that Athena takes, and the files a prefix."""
    yield from text("database_name", sink.database_name, _NAME, _NAME_ALLOWED)
    yield from text("table_name", sink.table_name, _NAME, _NAME_ALLOWED)
    yield from text("prefix", sink.prefix, KEY_PREFIX, "a key prefix without slashes at its ends")

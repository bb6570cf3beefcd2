"""Predictions as rows of Aurora PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import constructs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager

from ..core.checks import kind, text, whole_number
from ..core.place import stack_of
from ..core.roles import Permissions
from ..core.rules import Broken, Rules
from .columns import Column, ColumnRole, ColumnType, of_role
from .sink import BoundSink, PredictionSink, SinkPlace

_SOURCE = "https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api.html"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_NAME_ALLOWED = "1–63 letters, digits and underscores, beginning with no digit"
_ENGINE = "aurora-postgresql"
_CHUNK_BYTES = 512 << 10
_LONGEST_STATEMENT = 64_000
"""Characters of the Data API's 65,536, the rest being for what is around the columns."""
_AROUND_A_NAME = 30
"""A column's name stands three times in the upsert, with quotes, commas and its placeholder around it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RdsSink(PredictionSink):
    """See `PredictionSink.rds`."""

    cluster: rds.IDatabaseCluster
    database: str
    database_table: str
    schema: str
    secret: secretsmanager.ISecret | None
    concurrency: int

    def __post_init__(self) -> None:
        """Check."""
        rds_sink_rules.enforce(self, path="PredictionSink.rds")

    @property
    def id(self) -> str:
        """What its construct is called."""
        return "Rds"

    def unfit(self, columns: Sequence[Column]) -> Iterator[Broken]:
        """Rows have a primary key."""
        if not of_role(columns, ColumnRole.KEY):
            yield Broken("columns", "no key column", "at least one", 'Column.key("customer")')
        told = sum(3 * len(each.name) + _AROUND_A_NAME for each in columns)
        if told > _LONGEST_STATEMENT:
            allowed = f"so few that a statement for one row has {_LONGEST_STATEMENT:,} characters: about 300"
            yield Broken("columns", f"{len(columns)} columns", allowed)

    def claims(self) -> Iterator[str]:
        """The table."""
        yield f"the table {self.schema}.{self.database_table} of {self.database} in {self.cluster.cluster_arn}"

    def bind(self, scope: constructs.Construct, place: SinkPlace, permissions: Permissions) -> BoundSink:
        """It may run statements as the secret's user."""
        secret = _secret_of(self)
        if secret is None:
            raise AssertionError("the rules ask for a secret")
        permissions.allow("rds-data:ExecuteStatement", on=self.cluster.cluster_arn)
        _allow_secret(permissions, secret)
        permissions.allow_key(secret.encryption_key, "kms:Decrypt")
        return BoundSink(
            kind="rds",
            target={
                "cluster": self.cluster.cluster_arn,
                "secret": secret.secret_arn,
                "database": self.database,
                "schema": self.schema,
                "table": self.database_table,
            },
            permissions=permissions,
            chunk_bytes=_CHUNK_BYTES,
            concurrency=self.concurrency,
        )


def _secret_of(sink: RdsSink) -> secretsmanager.ISecret | None:
    # Of clusters made here; an imported one is known without.
    return sink.secret if sink.secret is not None else getattr(sink.cluster, "secret", None)


def _allow_secret(permissions: Permissions, secret: secretsmanager.ISecret) -> None:
    whole = secret.secret_full_arn
    if whole is not None:
        permissions.allow("secretsmanager:GetSecretValue", on=whole)
        return
    reason = "The secret is known by its name: the six characters that Secrets Manager adds are not."
    permissions.allow("secretsmanager:GetSecretValue", on=f"{secret.secret_arn}-??????", wildcard=reason)


def _has_data_api(made: rds.CfnDBCluster) -> bool:
    """As it is so far: the CDK hands out what a grant may turn on later."""
    return stack_of(made).resolve(made.enable_http_endpoint) not in (None, False)


_SQL_TYPES = {
    ColumnType.STRING: "text",
    ColumnType.INT: "integer",
    ColumnType.BIGINT: "bigint",
    ColumnType.DOUBLE: "double precision",
    ColumnType.BOOLEAN: "boolean",
}
_OF_THE_RUN = ('"run" text NOT NULL', '"scored_at" bigint NOT NULL', '"record" text NOT NULL')


def create_table_statement(columns: Sequence[Column], *, table: str, schema: str) -> str:
    """PostgreSQL's, with the key columns as the primary key."""
    keys = of_role(columns, ColumnRole.KEY)
    lines = [
        f'"{each.name}" {_SQL_TYPES[each.type]}' + (" NOT NULL" if each in keys else "") for each in columns
    ]
    key = ", ".join(f'"{each.name}"' for each in keys)
    told = ",\n  ".join([*lines, *_OF_THE_RUN, f"PRIMARY KEY ({key})"])
    return f'CREATE TABLE "{schema}"."{table}" (\n  {told}\n)'


rds_sink_rules = Rules[RdsSink](spelled=lambda _: {"database_table": "table"})


@rds_sink_rules.rule("SM-BATCH-052", source=_SOURCE)
def cluster_has_a_data_api(sink: RdsSink) -> Iterator[Broken]:
    """The cluster is Aurora PostgreSQL with its Data API on, and there is a secret of a user."""
    for name, value in (("database", sink.database), ("table", sink.database_table), ("schema", sink.schema)):
        yield from kind(name, value, str, optional=False)
        yield from text(name, value, _NAME, _NAME_ALLOWED)
    yield from whole_number("concurrency", sink.concurrency, 1, 100)
    engine = sink.cluster.engine
    if engine is not None and engine.engine_type != _ENGINE:
        yield Broken("cluster", engine.engine_type, f"{_ENGINE}: the upsert is PostgreSQL's")
    made = sink.cluster.node.default_child
    if isinstance(made, rds.CfnDBCluster) and not _has_data_api(made):
        yield Broken("cluster", "a cluster without Data API", "one with it", "enable_data_api=True")
    if _secret_of(sink) is None:
        yield Broken("secret", None, "the secret of a user who may insert and update")

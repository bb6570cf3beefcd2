"""Predictions as items of a DynamoDB table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
import constructs
from aws_cdk import aws_dynamodb as dynamodb

from ..core.checks import duration, settled, whole_number
from ..core.place import stack_of
from ..core.roles import Permissions
from ..core.rules import Broken, Rules
from ..core.tokens import is_token
from .columns import Column, ColumnRole, ColumnType, of_role
from .sink import BoundSink, PredictionSink, SinkPlace

_SOURCE = (
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html"
)
EXPIRES_AT = "expires_at"
_CHUNK_BYTES = 256 << 10
"""So little that a table that is slow for its indexes or its capacity takes it in time too."""
_NUMBERS = (ColumnType.INT, ColumnType.BIGINT, ColumnType.DOUBLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoDbSink(PredictionSink):
    """See `PredictionSink.dynamodb`."""

    dynamodb_table: dynamodb.ITable
    time_to_live: cdk.Duration | None
    concurrency: int

    def __post_init__(self) -> None:
        """Check."""
        dynamodb_sink_rules.enforce(self, path="PredictionSink.dynamodb")

    @property
    def id(self) -> str:
        """What its construct is called."""
        return "DynamoDb"

    def unfit(self, columns: Sequence[Column]) -> Iterator[Broken]:
        """The key columns are the table's key."""
        keys = of_role(columns, ColumnRole.KEY)
        if not 1 <= len(keys) <= 2:
            allowed = "one key column, or two where the table has a sort key"
            yield Broken("columns", [each.name for each in keys], allowed, 'Column.key("customer")')
            return
        wanted = _schema_of(self.dynamodb_table)
        given = {each.name: "N" if each.type in _NUMBERS else "S" for each in keys}
        if wanted and list(given.items()) != list(wanted.items()):
            yield Broken("columns", _shown(given), f"key columns that are the table's key: {_shown(wanted)}")
        for each in keys:
            if each.type is ColumnType.BOOLEAN:
                yield Broken("columns", f"{each.name} of type boolean", "a key of text or numbers")

    def claims(self) -> Iterator[str]:
        """The table."""
        yield f"the table {self.dynamodb_table.table_arn}"

    def bind(self, scope: constructs.Construct, place: SinkPlace, permissions: Permissions) -> BoundSink:
        """It may put items."""
        table = self.dynamodb_table
        permissions.allow("dynamodb:PutItem", on=table.table_arn)
        permissions.allow_key(table.encryption_key, "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey")
        lifetime = self.time_to_live
        return BoundSink(
            kind="dynamodb",
            target={
                "table": table.table_name,
                "key": [each.name for each in of_role(place.columns, ColumnRole.KEY)],
                "ttl": None
                if lifetime is None
                else {"attribute": EXPIRES_AT, "seconds": int(lifetime.to_seconds())},
            },
            permissions=permissions,
            chunk_bytes=_CHUNK_BYTES,
            concurrency=self.concurrency,
        )


def _shown(schema: object) -> str:
    return str(schema).replace("{", "").replace("}", "").replace("'", "")


def _schema_of(table: dynamodb.ITable) -> dict[str, str]:
    """The names and types of the table's key, where it is made in this app; else nothing."""
    made = table.node.default_child
    if not isinstance(made, dynamodb.CfnTable | dynamodb.CfnGlobalTable):
        return {}
    keys, attributes = made.key_schema, made.attribute_definitions
    if not isinstance(attributes, list):
        # Of a TableV2 they are put together at the end.
        attributes = stack_of(made).resolve(attributes)
    if not isinstance(keys, list) or not isinstance(attributes, list):
        return {}
    types = {_of(each, "attribute_name"): _of(each, "attribute_type") for each in attributes}
    # The partition key first: CloudFormation wants them so.
    names = [_of(each, "attribute_name") for each in keys]
    return {} if any(is_token(name) for name in names) else {name: types.get(name, "S") for name in names}


def _of(property: object, name: str) -> str:
    """A member of a property of an L1: jsii hands out some as structs, some as mappings."""
    if isinstance(property, dict):
        camel = "".join([first if not i else first.title() for i, first in enumerate(name.split("_"))])
        return str(property.get(name, property.get(camel)))
    return str(getattr(property, name))


dynamodb_sink_rules = Rules[DynamoDbSink](spelled=lambda _: {"dynamodb_table": "table"})


@dynamodb_sink_rules.rule("SM-BATCH-051", source=_SOURCE)
def puts_fit(sink: DynamoDbSink) -> Iterator[Broken]:
    """Items live from an hour to ten years, and 1–1,000 functions put them."""
    yield from settled("time_to_live", sink.time_to_live, "the function is told whole seconds")
    yield from duration("time_to_live", sink.time_to_live, 3600, 3660 * 86_400)
    yield from whole_number("concurrency", sink.concurrency, 1, 1000)

"""Partitions of Glue's tables: of tables that exist, with a value for each key, chosen by expressions.

ministack takes any, answers all, and asks for rights on the database alone: AWS asks for the table, its database and
the catalog. The error for a wrong number of values is inferred. Expressions are judged by
SQLite as if all keys were texts.

Sources: https://docs.aws.amazon.com/glue/latest/webapi/API_CreatePartition.html,
https://docs.aws.amazon.com/glue/latest/webapi/API_GetPartitions.html,
https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
"""

from __future__ import annotations

import sqlite3
from typing import Any

from . import emulator_glue
from .emulator_glue import Partition, Request, Table

_CREATING = ("_create_partition", "_batch_create_partition")
_READING = ("_get_partition", "_get_partitions")


def install() -> None:
    """Mend Glue's partitions."""
    emulator_glue.choose_partitions(_chosen)
    emulator_glue.check((*_CREATING, *_READING), _refusal)
    emulator_glue.ask_for_all(_resources)


def _refusal(table: Table | None, request: Request) -> tuple[str, str] | None:
    if table is None:
        return "EntityNotFoundException", f"Table {request.get('TableName')} not found."
    keys = table.get("PartitionKeys") or ()
    given = (
        [request["PartitionInput"]] if "PartitionInput" in request else request.get("PartitionInputList", ())
    )
    if any(len(each.get("Values", ())) != len(keys) for each in given):
        return (
            "InvalidInputException",
            "The number of partition keys do not match the number of partition values",
        )
    return None


def _resources(request: Request, arn: str) -> list[str]:
    """The table of a request with its ancestors; nothing for a request on something else."""
    database = request.get("DatabaseName")
    table = request.get("TableName") or request.get("Name") or (request.get("TableInput") or {}).get("Name")
    if not database or not table:
        return []
    return [f"{arn}table/{database}/{table}", f"{arn}database/{database}", f"{arn}catalog"]


def _chosen(found: list[Partition], table: Table, expression: str) -> list[Partition]:
    names = ", ".join(f'? AS "{key["Name"]}"' for key in table["PartitionKeys"])
    asked: Any = f"SELECT 1 FROM (SELECT {names}) WHERE {expression}"  # noqa: S608  # a database of its own, empty
    with sqlite3.connect(":memory:") as database:
        return [each for each in found if database.execute(asked, each["Values"]).fetchone()]

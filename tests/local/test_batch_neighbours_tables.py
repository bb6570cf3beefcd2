"""Glue's databases, tables and partitions. Athena is not tested: without DuckDB ministack makes its answers up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tools.embedded_aws import ACCOUNT, REGION, LocalAws, local_aws, until

from .conftest import QUICK
from .hosting import Hosting, as_template, error_of
from .test_iam import allow, as_role

SERDE = "org.openx.data.jsonserde.JsonSerDe"
STORAGE = {
    "Columns": [{"Name": "customer", "Type": "string"}, {"Name": "score", "Type": "double"}],
    "Location": "s3://scores/table/",
    "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
    "SerdeInfo": {"SerializationLibrary": SERDE},
}


class Scores:
    """A table with partitions, of a template."""

    def __init__(self, aws: LocalAws) -> None:
        self.glue, cloudformation = aws.client("glue"), aws.client("cloudformation")
        self.database, stack = Hosting.name("database"), Hosting.name("stack")
        self.named = {"DatabaseName": self.database, "TableName": "scores"}
        keys = [{"Name": name, "Type": "string"} for name in ("scored_on", "run")]
        table = {
            "Name": "scores",
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"classification": "json"},
            "PartitionKeys": keys,
            "StorageDescriptor": STORAGE,
        }
        resources = {
            "Database": {
                "Type": "AWS::Glue::Database",
                "Properties": {"CatalogId": ACCOUNT, "DatabaseInput": {"Name": self.database}},
            },
            "Table": {
                "Type": "AWS::Glue::Table",
                "Properties": {
                    "CatalogId": ACCOUNT,
                    "DatabaseName": {"Ref": "Database"},
                    "TableInput": table,
                },
            },
        }
        cloudformation.create_stack(StackName=stack, TemplateBody=as_template(resources))

        def made() -> bool:
            (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
            return bool(found["StackStatus"] == "CREATE_COMPLETE")

        until(made, what="the stack")

    def partition(self, *values: str) -> dict[str, Any]:
        described = self.glue.get_table(DatabaseName=self.database, Name="scores")["Table"]
        storage = described["StorageDescriptor"]
        folder = "/".join(values)
        return {
            "Values": list(values),
            "StorageDescriptor": {**storage, "Location": f"s3://scores/{folder}/"},
        }

    def create(self, *values: str) -> None:
        self.glue.create_partition(**self.named, PartitionInput=self.partition(*values))

    def values(self, **more: Any) -> list[list[str]]:
        found = self.glue.get_partitions(**self.named, **more)["Partitions"]
        return [each["Values"] for each in found]


@pytest.fixture(scope="module")
def scores(aws: LocalAws) -> Scores:
    return Scores(aws)


def test_a_table_of_a_template_is_described_with_its_keys_and_its_serde(scores: Scores) -> None:
    found = scores.glue.get_table(DatabaseName=scores.database, Name="scores")["Table"]
    assert [each["Name"] for each in found["PartitionKeys"]] == ["scored_on", "run"]
    assert found["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"] == SERDE
    assert found["TableType"] == "EXTERNAL_TABLE"
    missing = error_of(lambda: scores.glue.get_table(DatabaseName=scores.database, Name="no"))
    assert missing[0] == "EntityNotFoundException"


def test_a_partition_is_created_once(scores: Scores) -> None:
    scores.create("2026-11-28", "r1")
    assert error_of(lambda: scores.create("2026-11-28", "r1"))[0] == "AlreadyExistsException"
    new = [scores.partition("2026-11-28", "r1"), scores.partition("2026-11-28", "r2")]
    told = scores.glue.batch_create_partition(**scores.named, PartitionInputList=new)
    (failed,) = told["Errors"]
    assert failed["PartitionValues"] == ["2026-11-28", "r1"]
    assert failed["ErrorDetail"]["ErrorCode"] == "AlreadyExistsException"
    found = scores.glue.get_partition(**scores.named, PartitionValues=["2026-11-28", "r2"])["Partition"]
    assert found["StorageDescriptor"]["Location"] == "s3://scores/2026-11-28/r2/"


def test_partitions_are_chosen_by_an_expression(scores: Scores) -> None:
    scores.create("2026-11-29", "r3")
    scores.create("2026-11-30", "r4")
    assert scores.values(Expression="scored_on = '2026-11-29'") == [["2026-11-29", "r3"]]
    assert scores.values(Expression="scored_on > '2026-11-28' AND run IN ('r4', 'r5')") == [
        ["2026-11-30", "r4"]
    ]
    assert ["2026-11-30", "r4"] in scores.values()


def test_a_partition_needs_its_table_and_a_value_for_each_key(scores: Scores) -> None:
    assert error_of(lambda: scores.create("2026-11-29"))[0] == "InvalidInputException"
    partition = scores.partition("2026-11-29", "r9")
    named = {"DatabaseName": scores.database, "TableName": "no"}

    def one() -> None:
        scores.glue.create_partition(**named, PartitionInput=partition)

    def several() -> None:
        scores.glue.batch_create_partition(**named, PartitionInputList=[partition])

    assert error_of(one)[0] == "EntityNotFoundException"
    assert error_of(several)[0] == "EntityNotFoundException"


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalAws, Scores]]:
    """A server that enforces IAM."""
    with local_aws(tmp_path_factory.mktemp("iam"), "--enforce-iam", settings=QUICK) as aws:
        yield aws, Scores(aws)


@pytest.mark.parametrize("missing", [None, "table", "database", "catalog"])
def test_a_right_on_a_table_needs_its_database_and_the_catalog(
    strict: tuple[LocalAws, Scores], missing: str | None
) -> None:
    aws, scores = strict
    arn = f"arn:aws:glue:{REGION}:{ACCOUNT}:"
    needed = {
        "table": f"{arn}table/{scores.database}/scores",
        "database": f"{arn}database/{scores.database}",
        "catalog": f"{arn}catalog",
    }
    granted = [
        allow(action, resource)
        for name, resource in needed.items()
        if name != missing
        for action in ("glue:GetTable", "glue:CreatePartition")
    ]
    glue = aws.client("glue", as_role(aws, f"Committer-{missing}", *granted))
    partition = scores.partition("2026-11-29", str(missing))

    def commit() -> None:
        glue.get_table(DatabaseName=scores.database, Name="scores")
        glue.create_partition(**scores.named, PartitionInput=partition)

    if missing is None:
        commit()
    else:
        assert error_of(commit)[0] == "AccessDeniedException"

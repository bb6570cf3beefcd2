"""The RDS Data API, as the sink of a batch transform uses it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tools.embedded_aws import REGION, LocalAws, local_aws, until

from .conftest import QUICK
from .hosting import Hosting, as_template, error_of
from .test_iam import allow, as_role

UPSERT = """
INSERT INTO "public"."scores" ("customer", "score", "scored_at", "record") VALUES {rows}
ON CONFLICT ("customer") DO UPDATE SET "score" = EXCLUDED."score", "scored_at" = EXCLUDED."scored_at",
    "record" = EXCLUDED."record"
WHERE "scores"."scored_at" < EXCLUDED."scored_at"
   OR ("scores"."scored_at" = EXCLUDED."scored_at" AND "scores"."record" = EXCLUDED."record")
"""
Row = tuple[str, float | None, int, str]


class Database:
    """A cluster of a template, with a secret and an empty table."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws, self.data = aws, aws.client("rds-data")
        self.stack = Hosting.name("stack")
        cloudformation = aws.client("cloudformation")
        cloudformation.create_stack(
            StackName=self.stack, TemplateBody=as_template(self.resources(), **OUTPUTS)
        )

        def made() -> bool:
            (found,) = cloudformation.describe_stacks(StackName=self.stack)["Stacks"]
            return bool(found["StackStatus"] == "CREATE_COMPLETE")

        until(made, what="the stack")
        outputs = aws.outputs(self.stack)
        self.where = {"resourceArn": outputs["Arn"], "secretArn": outputs["Secret"], "database": "scoring"}
        self.run(
            'CREATE TABLE IF NOT EXISTS "public"."scores" ("customer" text PRIMARY KEY, "score" double precision,'
            ' "scored_at" bigint NOT NULL, "record" text NOT NULL, "good" boolean)'
        )

    def resources(self) -> dict[str, Any]:
        credentials = json.dumps({"username": "scorer", "password": "a long password"})
        cluster = {
            "Engine": "aurora-postgresql",
            "DatabaseName": "scoring",
            "EnableHttpEndpoint": True,
            "MasterUsername": "scorer",
            "MasterUserPassword": "a long password",
            "ServerlessV2ScalingConfiguration": {"MinCapacity": 0, "MaxCapacity": 1},
        }
        instance = {
            "Engine": "aurora-postgresql",
            "DBClusterIdentifier": {"Ref": "Cluster"},
            "DBInstanceClass": "db.serverless",
        }
        return {
            "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": credentials}},
            "Cluster": {"Type": "AWS::RDS::DBCluster", "Properties": cluster},
            "Writer": {"Type": "AWS::RDS::DBInstance", "Properties": instance},
        }

    def run(self, sql: str, parameters: Any = (), *, client: Any = None, **more: Any) -> dict[str, Any]:
        given = [{"name": name, "value": value} for name, value in dict(parameters).items()]
        asked = {**self.where, "sql": sql, "parameters": given, **more}
        return dict((client or self.data).execute_statement(**asked))

    def upsert(self, *rows: Row, **more: Any) -> int:
        given: dict[str, Any] = {}
        for number, (customer, score, at, record) in enumerate(rows):
            given[f"a{number}"] = {"stringValue": customer}
            given[f"b{number}"] = {"isNull": True} if score is None else {"doubleValue": score}
            given[f"c{number}"] = {"longValue": at}
            given[f"d{number}"] = {"stringValue": record}
        places = ", ".join(f"(:a{n}, :b{n}, :c{n}, :d{n})" for n in range(len(rows)))
        return int(self.run(UPSERT.format(rows=places), given, **more)["numberOfRecordsUpdated"])

    def rows(self) -> list[list[Any]]:
        found = self.run('SELECT "customer", "score", "scored_at" FROM "scores" ORDER BY "customer"')
        return [
            [None if "isNull" in each else next(iter(each.values())) for each in row]
            for row in found["records"]
        ]


OUTPUTS = {
    "Outputs": {
        "Arn": {"Value": {"Fn::GetAtt": ["Cluster", "DBClusterArn"]}},
        "Secret": {"Value": {"Ref": "Secret"}},
    }
}


@pytest.fixture(scope="module")
def made(aws: LocalAws) -> Database:
    return Database(aws)


@pytest.fixture
def database(made: Database) -> Database:
    made.run('DELETE FROM "scores"')
    return made


def test_rows_are_inserted_replaced_by_newer_ones_and_not_by_older_ones(database: Database) -> None:
    assert database.upsert(("a", 0.5, 10, "0:0"), ("b", None, 10, "0:9")) == 2
    assert database.upsert(("a", 0.6, 11, "0:0"), ("b", 0.1, 9, "0:9"), ("c", 1.0, 9, "0:18")) == 2
    assert database.rows() == [["a", 0.6, 11], ["b", None, 10], ["c", 1.0, 9]]


def test_the_same_row_again_is_written_and_another_of_the_same_run_is_not(database: Database) -> None:
    row = ("a", 0.5, 10, "0:0")
    assert database.upsert(row) == 1
    assert database.upsert(row) == 1
    assert database.upsert(("a", 0.7, 10, "0:99")) == 0
    assert database.rows() == [["a", 0.5, 10]]


def test_two_rows_with_one_key_in_one_statement_are_fewer_than_were_sent(database: Database) -> None:
    """PostgreSQL refuses such a statement; here the number tells."""
    assert database.upsert(("a", 0.5, 10, "0:0"), ("a", 0.7, 10, "0:9")) == 1


def test_values_keep_their_types(database: Database) -> None:
    database.run(
        'INSERT INTO "scores" VALUES (:customer, :score, :at, :record, :good)',
        {
            "customer": {"stringValue": "it's :at"},
            "score": {"isNull": True},
            "at": {"longValue": 1_795_000_000_000},
            "record": {"stringValue": "0:0"},
            "good": {"booleanValue": True},
        },
    )
    found = database.run('SELECT * FROM "scores"', includeResultMetadata=True)
    assert found["numberOfRecordsUpdated"] == 0
    assert found["records"] == [
        [
            {"stringValue": "it's :at"},
            {"isNull": True},
            {"longValue": 1_795_000_000_000},
            {"stringValue": "0:0"},
            {"booleanValue": True},
        ]
    ]
    assert [each["name"] for each in found["columnMetadata"]][:2] == ["customer", "score"]


def test_a_batch_runs_a_statement_for_each_set_of_parameters(database: Database) -> None:
    sets = [
        [{"name": "customer", "value": {"stringValue": each}}, {"name": "at", "value": {"longValue": 1}}]
        for each in "xyz"
    ]
    sql = 'INSERT INTO "scores" ("customer", "scored_at", "record") VALUES (:customer, :at, \'\')'
    told = database.data.batch_execute_statement(**database.where, sql=sql, parameterSets=sets)
    assert len(told["updateResults"]) == 3
    assert [row[0] for row in database.rows()] == ["x", "y", "z"]


def test_a_transaction_is_kept_or_undone(database: Database) -> None:
    named = {name: database.where[name] for name in ("resourceArn", "secretArn")}

    def begin() -> str:
        return str(database.data.begin_transaction(**database.where)["transactionId"])

    undone = begin()
    assert database.upsert(("a", 0.5, 1, ""), transactionId=undone) == 1
    assert database.rows() == [], "nobody else sees it"
    database.data.rollback_transaction(**named, transactionId=undone)
    assert database.rows() == []
    kept = begin()
    database.upsert(("b", 0.5, 1, ""), transactionId=kept)
    assert "is locked" in error_of(lambda: database.upsert(("c", 0.5, 1, "")))[1]
    database.data.commit_transaction(**named, transactionId=kept)
    assert [row[0] for row in database.rows()] == ["b"]
    over = error_of(lambda: database.upsert(("d", 0.5, 1, ""), transactionId=kept))
    assert over[0] == "TransactionNotFoundException"


@pytest.mark.parametrize(
    ("sql", "members", "code", "words"),
    [
        ('SELECT * FROM "nothing"', {}, "BadRequestException", "no such table: nothing"),
        ("SELECT :x", {}, "BadRequestException", "binding"),
        ("SELEC 1", {}, "BadRequestException", "syntax error"),
        ("SELECT 1", {"database": "other"}, "BadRequestException", 'database "other" does not exist'),
        ("SELECT 1 --" + "x" * 65_536, {}, "BadRequestException", "65536"),
        (
            "SELECT 1",
            {"secretArn": "arn:aws:secretsmanager:x:1:secret:no"},
            "SecretsErrorException",
            "not found",
        ),
        (
            "SELECT 1",
            {"resourceArn": f"arn:aws:rds:{REGION}:123456789012:cluster:no"},
            "BadRequestException",
            "cluster not found",
        ),
    ],
)
def test_what_cannot_be_run_is_told(
    database: Database, sql: str, members: dict[str, Any], code: str, words: str
) -> None:
    refused = error_of(lambda: database.run(sql, **members))
    assert refused[0] == code
    assert words in refused[1]


def test_a_schema_keeps_its_tables_apart(database: Database) -> None:
    for _ in range(2):
        database.run("CREATE SCHEMA IF NOT EXISTS ml")
    database.run('CREATE TABLE IF NOT EXISTS "ml"."other" ("k" text)')
    database.run('INSERT INTO "ml"."other" VALUES (\'public.x\')')
    assert database.run("SELECT k FROM ml.other")["records"] == [[{"stringValue": "public.x"}]]
    assert "no such table" in error_of(lambda: database.run("SELECT * FROM public.other"))[1]


def test_a_cluster_without_the_data_api_is_told(database: Database) -> None:
    rds, name = database.aws.client("rds"), Hosting.name("cluster")
    made = rds.create_db_cluster(
        DBClusterIdentifier=name,
        Engine="aurora-postgresql",
        MasterUsername="scorer",
        MasterUserPassword="a long password",
    )
    refused = error_of(lambda: database.run("SELECT 1", resourceArn=made["DBCluster"]["DBClusterArn"]))
    assert refused[0] == "HttpEndpointNotEnabledException"


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A server that enforces IAM."""
    with local_aws(tmp_path_factory.mktemp("iam"), "--enforce-iam", settings=QUICK) as aws:
        yield Database(aws)


@pytest.mark.parametrize("missing", [None, "rds-data:ExecuteStatement", "secretsmanager:GetSecretValue"])
def test_who_runs_a_statement_needs_it_and_the_secret(strict: Database, missing: str | None) -> None:
    grants = {
        "rds-data:ExecuteStatement": strict.where["resourceArn"],
        "secretsmanager:GetSecretValue": strict.where["secretArn"],
    }
    given = [allow(action, arn) for action, arn in grants.items() if action != missing]
    client = strict.aws.client("rds-data", as_role(strict.aws, Hosting.name("Writer"), *given))
    if missing is None:
        assert strict.run("SELECT 1", client=client)["records"] == [[{"longValue": 1}]]
    else:
        code, message = error_of(lambda: strict.run("SELECT 1", client=client))
        assert code == "AccessDeniedException"
        assert f"not authorized to perform: {missing}" in message

"""Records as rows: the newest run's of each key, whatever breaks off and however the database compares."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from constructs_lib.batch import columns as synth
from constructs_lib.batch.rds_sink import create_table_statement
from constructs_lib.batch.runtime import data_api, to_rds, write
from constructs_lib.batch.runtime.rows import BadRecord
from constructs_lib.batch.runtime.sinks import ChunkTooLarge, DuplicateKey, ForeignRecord
from tests.support.batch_data_api import DataApi
from tests.support.batch_sinks import COLUMNS, ORDER, SinkAws, broken_off, event, kills
from tests.support.fake_aws import Refused

SINK = {
    "kind": "rds",
    "name": "rds-1",
    "cluster": "arn:aws:rds:eu-west-1:111122223333:cluster:c",
    "secret": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:s",
    "database": "ml",
    "schema": "public",
    "table": "scores",
}
ID = [{"name": "id", "type": "string", "role": "key"}]


def _aws(columns: list[dict[str, Any]] = COLUMNS, **more: Any) -> SinkAws:
    """A database with the table that whoever deploys is told to make."""
    aws = SinkAws(**more)
    told = [
        synth.Column(
            name=each["name"],
            type=synth.ColumnType(each["type"]),
            role=synth.ColumnRole(each.get("role", "other")),
        )
        for each in columns
    ]
    aws.database.run(create_table_statement(told, schema="public", table="scores"))
    return aws


def _write(aws: SinkAws, told: dict[str, Any], left: float = 60, **more: str) -> tuple[int, int]:
    write.write({**SINK, **more}, told, left, aws.client)
    found = aws.bucket.objects[f"runs/{told['run']['run']}/written/rds-1/{told['chunk']['n']:06}.json"]
    counted = json.loads(found)
    assert counted["n"] == told["chunk"]["n"]
    return counted["written"], counted["stale"]


def _rows(aws: SinkAws, *names: str) -> list[tuple[Any, ...]]:
    return aws.database.run(f"SELECT {', '.join(names)} FROM public.scores ORDER BY id")  # noqa: S608


def test_a_record_is_a_row() -> None:
    aws = _aws()
    assert _write(aws, event(aws)) == (3, 0)
    assert _rows(aws, "*") == [
        ("a", 30, "Ann", 0.5, 1, "r1", ORDER, "0:0"),
        ("b", None, "Bo, jr", None, 0, "r1", ORDER, "0:18"),
        ("c", 7, None, 1e-7, 0, "r1", ORDER, "0:37"),
    ]
    (told,) = aws.database.statements
    assert {name: told[name] for name in ("resourceArn", "secretArn", "database")} == {
        "resourceArn": SINK["cluster"],
        "secretArn": SINK["secret"],
        "database": "ml",
    }
    assert "schema" not in told  # the Data API takes none for PostgreSQL


def test_the_newer_run_stays_whichever_comes_last() -> None:
    aws = _aws(ID)
    _write(aws, event(aws, b"a\nb\n", columns=ID))
    assert _write(aws, event(aws, b"b\nc\n", run="r2", order=ORDER + 1, columns=ID)) == (2, 0)
    assert _write(aws, event(aws, b"a\nb\nc\n", columns=ID, n=4)) == (1, 2)
    assert _rows(aws, "id", "run") == [("a", "r1"), ("b", "r2"), ("c", "r2")]
    assert len(aws.database.statements) == 4  # what is stale is looked up at once


def test_a_chunk_that_is_written_again_needs_no_more_statements() -> None:
    aws = _aws(ID)
    for _ in range(2):
        assert _write(aws, event(aws, b"a\nb\n", columns=ID)) == (2, 0)
    assert len(aws.database.statements) == 2


def test_of_two_runs_of_one_millisecond_the_first_stays() -> None:
    aws = _aws(ID)
    _write(aws, event(aws, b"a\n", columns=ID))
    assert _write(aws, event(aws, b"a\n", run="r2", columns=ID)) == (0, 1)
    assert _rows(aws, "id", "run") == [("a", "r1")]


def test_two_records_of_one_key_are_an_error_wherever_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = _aws(ID)
    with pytest.raises(DuplicateKey, match="the records at 0:0 and 0:5 have the same key id='a'"):
        _write(aws, event(aws, b"a\nbb\na\n", columns=ID))
    assert aws.database.statements == []
    assert json.loads(aws.bucket.objects["runs/r1/problems/write-rds-1-000003.json"])["offset"] == 5
    monkeypatch.setattr(to_rds, "_MOST_ROWS", 1)
    with pytest.raises(DuplicateKey, match=r"the records at 0:[05] and 0:[05] have the same key id='a'"):
        _write(aws, event(aws, b"a\nbb\na\n", columns=ID))
    with pytest.raises(DuplicateKey, match=r"the records at 0:[05] and 1:2 have the same key id='a'"):
        _write(aws, event(aws, b"b\na\n", columns=ID, file=1))


def test_keys_that_only_the_database_takes_for_one() -> None:
    def fold(value: Any) -> Any:
        return value.lower()

    aws = SinkAws(database=DataApi(fold=fold))
    aws.database.run(
        "CREATE TABLE public.scores (id text COLLATE NOCASE PRIMARY KEY, run text, scored_at bigint, record text)"
    )
    with pytest.raises(DuplicateKey, match="the records at 0:2 and 0:0 have the same key id='a'"):
        _write(aws, event(aws, b"a\nA\n", columns=ID))
    assert _rows(aws, "id") == [("A",)]
    assert _write(aws, event(aws, b"a\nb\n", run="r0", order=ORDER - 1, columns=ID)) == (1, 1)
    assert _write(aws, event(aws, b"a\nb\n", run="r2", order=ORDER + 1, columns=ID)) == (2, 0)


def test_a_key_of_two_columns_and_names_that_need_quotes() -> None:
    columns = [
        {"name": 'i"d', "type": "string", "role": "key"},
        {"name": "order", "type": "bigint", "role": "key"},
        {"name": "Großes X", "type": "double"},
    ]
    aws = SinkAws()
    aws.database.run(
        'CREATE TABLE public."sc""ores; --" ("i""d" text, "order" bigint, "Großes X" double precision, '
        'run text, scored_at bigint, record text, PRIMARY KEY ("i""d", "order"))'
    )
    told = event(aws, b"a,1,2\na,2,\n", columns=columns)
    assert _write(aws, told, table='sc"ores; --') == (2, 0)
    later = event(aws, b"a,1,3\na,2,3\n", run="r2", order=ORDER + 1, columns=columns)
    assert _write(aws, later, table='sc"ores; --') == (2, 0)
    assert _write(aws, told, table='sc"ores; --') == (0, 2)
    assert aws.database.run('SELECT "Großes X" FROM public."sc""ores; --"') == [(3.0,), (3.0,)]


def test_what_no_run_wrote_is_not_replaced() -> None:
    aws = SinkAws()
    aws.database.run("CREATE TABLE public.scores (id text PRIMARY KEY, run, scored_at, record)")
    aws.database.run("INSERT INTO public.scores VALUES ('a', NULL, NULL, NULL)")
    with pytest.raises(ForeignRecord, match="under the key id='a' lies what no run wrote"):
        _write(aws, event(aws, b"a\nb\n", columns=ID))


def test_statements_are_no_larger_than_they_may_be() -> None:
    many = [*ID, *({"name": f"a_column_of_the_features_{at}", "type": "double"} for at in range(150))]
    aws = _aws(many)
    body = b"".join(b"%d%s\n" % (row, b",0.1234567890123" * 150) for row in range(120))
    assert _write(aws, event(aws, body, columns=many)) == (120, 0)  # the fake checks each
    assert 3 <= len(aws.database.statements) <= 6
    wide = [*ID, {"name": "text", "type": "string"}]
    aws = _aws(wide)
    body = b"".join(b"%d,%s\n" % (row, b"\x01\\" * 20_000) for row in range(100))
    assert _write(aws, event(aws, body, columns=wide)) == (100, 0)
    with pytest.raises(BadRecord, match=r"byte 0: the record takes up to 3,2.* a statement of the Data API"):
        _write(aws, event(aws, b"a," + b"x" * 3_200_000, columns=wide))


def test_an_older_row_that_stays_though_it_was_to_be_replaced_is_tried_again() -> None:
    aws = _aws(ID)
    _write(aws, event(aws, b"a\nb\n", columns=ID))
    aws.database.run("CREATE TRIGGER public.stays BEFORE UPDATE ON scores BEGIN SELECT RAISE(IGNORE); END")
    newer = event(aws, b"a\nb\n", run="r2", order=ORDER + 1, columns=ID)
    with pytest.raises(RuntimeError, match=r'"scores" changed under the key id=.[ab]. while it was written'):
        _write(aws, newer)
    # It is nothing definite: the next try may write it.
    assert not [key for key in aws.bucket.objects if "problems" in key]
    aws.database.run("DROP TRIGGER public.stays")
    assert _write(aws, newer) == (2, 0)


def test_a_chunk_without_records_asks_for_nothing() -> None:
    aws = _aws(ID)
    assert _write(aws, event(aws, b"\n\n", columns=ID)) == (0, 0)
    assert aws.database.statements == []


def _columns(keys: int, others: int, name: str) -> list[dict[str, Any]]:
    """So many columns, with names of up to 63 characters, as PostgreSQL has them."""
    return [
        {"name": f"{name}_{at}", "type": "bigint", "role": "key" if at < keys else "other"}
        for at in range(keys + others)
    ]


@pytest.mark.parametrize(
    ("keys", "others", "name"),
    [(1, 0, "k"), (1, 250, "x" * 59), (8, 0, "k" * 59), (30, 1, "k" * 59), (1, 700, "x"), (300, 0, "kk")],
)
def test_statements_are_no_longer_than_they_may_be(keys: int, others: int, name: str) -> None:
    """Neither those that write nor those that look up what they did not write; the fake checks each."""
    columns = _columns(keys, others, name)
    aws = _aws(columns)
    rows = [b",".join([b"%d" % row] * len(columns)) for row in range(250)]
    new = event(aws, b"\n".join(rows[::2]), run="r2", order=ORDER + 1, columns=columns)
    assert _write(aws, new) == (125, 0)
    assert _write(aws, event(aws, b"\n".join(rows), columns=columns)) == (125, 125)
    assert max(len(each["sql"]) for each in aws.database.statements) <= 65_536


def test_statements_have_as_many_rows_as_there_is_room_for() -> None:
    columns = _columns(1, 99, "x" * 60)
    aws = _aws(columns)
    rows = [b",".join([b"%d" % row] * len(columns)) for row in range(200)]
    assert _write(aws, event(aws, b"\n".join(rows), columns=columns)) == (200, 0)
    first, *_ = sorted((len(each["sql"]) for each in aws.database.statements), reverse=True)
    assert 58_000 < first <= 65_536


def test_more_columns_than_a_statement_has_room_for_say_so() -> None:
    columns = _columns(1, 400, "x" * 60)
    aws = _aws(columns)
    reason = (
        r"the record has 401 columns, too many with such names, and a statement .* at most 65,536 characters"
    )
    with pytest.raises(BadRecord, match=f"byte 0: {reason}$"):
        _write(aws, event(aws, b",".join([b"1"] * 401), columns=columns))
    assert aws.database.statements == []
    assert "runs/r1/problems/write-rds-1-000003.json" in aws.bucket.objects


def _calls() -> int:
    aws = _aws()
    _write(aws, event(aws))
    return len(aws.calls)


@pytest.mark.parametrize("kill", kills(_calls()))
def test_a_call_that_breaks_off_anywhere_and_is_made_again(
    kill: tuple[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(to_rds, "_MOST_ROWS", 2)
    clean, aws = _aws(), _aws(kill=kill)
    _write(clean, event(clean))
    broken_off(aws, lambda aws: _write(aws, event(aws)))
    assert aws.state() == clean.state()
    assert _rows(aws, "*") == _rows(clean, "*")


@pytest.mark.parametrize(
    "passing",
    [
        Refused("DatabaseResumingException", "The Aurora DB instance is resuming after being auto-paused."),
        Refused("BadRequestException", "Communications link failure\n\nThe last packet sent"),
        Refused("DatabaseErrorException", "ERROR: deadlock detected; SQLState: 40P01"),
        Refused("DatabaseErrorException", "ERROR: could not serialize access; SQLState: 40001"),
    ],
)
def test_a_cluster_that_wakes_up_is_waited_for(passing: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(data_api.time, "sleep", waits.append)
    aws = _aws()
    aws.database.errors = [passing] * 4
    assert _write(aws, event(aws)) == (3, 0)
    assert waits == [1, 2, 4, 8]


@pytest.mark.parametrize(
    "lasting",
    [
        Refused("StatementTimeoutException", "the statement timed out while the cluster is resuming"),
        Refused("DatabaseErrorException", 'ERROR: relation "scores" does not exist; SQLState: 42P01'),
        Refused("ForbiddenException", "no"),
    ],
)
def test_other_errors_are_raised_at_once(lasting: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_api.time, "sleep", lambda _: pytest.fail("it waits"))
    aws = _aws()
    aws.database.errors = [lasting]
    with pytest.raises(ClientError, match=str(lasting)):
        _write(aws, event(aws))


def test_a_cluster_that_does_not_wake_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_api.time, "sleep", lambda _: None)
    aws = _aws()
    aws.database.errors = [Refused("DatabaseResumingException", "resuming")] * 99
    with pytest.raises(ClientError, match="resuming"):
        _write(aws, event(aws))
    assert len(aws.database.statements) < 12


def test_without_time_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = _aws()
    with pytest.raises(ChunkTooLarge):
        _write(aws, event(aws), left=-1)
    assert aws.database.statements == []

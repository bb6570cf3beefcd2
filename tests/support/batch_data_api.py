"""The RDS Data API over a database in memory: SQLite, held to what PostgreSQL and the Data API refuse."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections.abc import Callable
from typing import Any

from .fake_aws import Params, Refused

_INSERT = re.compile(r"INSERT INTO .+? AS old \((?P<names>.+?)\) VALUES .* ON CONFLICT \((?P<keys>.+?)\) ")
_PLACEHOLDER = re.compile(r":p\d+")


class DataApi:
    """A cluster with one database. It may be called by several threads."""

    def __init__(self, schema: str = "public", fold: Callable[[Any], Any] = lambda value: value) -> None:
        self._database = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self._database.execute(f"ATTACH ':memory:' AS \"{schema}\"")
        self._lock = threading.Lock()
        self._fold = fold
        """What the database makes of a key before it compares it, as with text that ignores case."""
        self.statements: list[Params] = []
        self.errors: list[Refused] = []
        """What the next statements fail with."""

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement beside the Data API."""
        with self._lock:
            return list(self._database.execute(sql))

    def answer(self, params: Params) -> Params:
        """ExecuteStatement."""
        with self._lock:
            self.statements.append(params)
            if self.errors:
                raise self.errors.pop(0)
            _check_limits(params)
            given = {each["name"]: _given(each["value"]) for each in params["parameters"]}
            self._check_twice(params["sql"], given)
            try:
                cursor = self._database.execute(params["sql"], given)
            except sqlite3.Error as error:
                raise Refused("DatabaseErrorException", f"ERROR: {error}") from error
            if cursor.description is None:
                return {"numberOfRecordsUpdated": cursor.rowcount, "generatedFields": []}
            records = [[_told(value) for value in row] for row in cursor]
            assert len(json.dumps(records)) < 1 << 20
            return {"numberOfRecordsUpdated": 0, "records": records}

    def _check_twice(self, sql: str, given: Params) -> None:
        """SQLite would update the row that it has just inserted; PostgreSQL refuses the statement."""
        found = _INSERT.match(sql)
        if found is None:
            return
        names, keys = found["names"].split(", "), found["keys"].split(", ")
        values = [given[each[1:]] for each in _PLACEHOLDER.findall(sql)]
        rows = [values[at : at + len(names)] for at in range(0, len(values), len(names))]
        folded = [tuple(self._fold(row[names.index(key)]) for key in keys) for row in rows]
        if len(set(folded)) < len(folded):
            raise Refused(
                "DatabaseErrorException",
                "ERROR: ON CONFLICT DO UPDATE command cannot affect row a second time\n  Hint: Ensure that no "
                "rows proposed for insertion within the same command have duplicate constrained values.; "
                "SQLState: 21000",
            )


def _check_limits(params: Params) -> None:
    assert len(params["sql"]) <= 65_536
    assert len(params["parameters"]) <= 32_767
    assert len(json.dumps(params)) < 4 << 20
    assert {each["name"] for each in params["parameters"]} == {
        each[1:] for each in _PLACEHOLDER.findall(params["sql"])
    }


def _given(value: Params) -> Any:
    ((kind, held),) = value.items()
    return None if kind == "isNull" else held


def _told(value: Any) -> Params:
    if value is None:
        return {"isNull": True}
    return {{str: "stringValue", int: "longValue", float: "doubleValue"}[type(value)]: value}

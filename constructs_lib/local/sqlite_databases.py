"""Databases of clusters, each a file of SQLite, spoken to as ministack speaks to PostgreSQL.

It is SQLite. That a statement works here proves that it parses in both, that its parameters fit, and what a
conflict does to the rows. It does not prove PostgreSQL's types (SQLite takes any text for a number), its collations,
its locks (a second writer is refused at once: "database is locked"), nor errors that only PostgreSQL has: where one
statement updates a row twice PostgreSQL refuses (SQLSTATE 21000), and SQLite goes by the WHERE of the conflict.
The schema `public` is the main one; `CREATE SCHEMA` makes others.
"""

from __future__ import annotations

import re
import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

_PUBLIC = re.compile(r"""("public"|\bpublic)\s*\.""", re.IGNORECASE)
_CREATE_SCHEMA = re.compile(r'\s*CREATE\s+SCHEMA\s+(?:IF\s+NOT\s+EXISTS\s+)?"?(\w+)"?\s*;?\s*', re.IGNORECASE)
_LITERALS = re.compile(r"('(?:[^']|'')*')")
_MAIN = "public"

sqlite3.register_converter("boolean", lambda value: value not in (b"0", b"false"))


class Databases:
    """The databases of all clusters, in a temporary folder."""

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def connect(self, cluster: str, database: str) -> Connection:
        """A connection to a database, which is made when it is missing."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="databases-")
        folder = Path(self._folder.name) / quote(cluster, safe="") / quote(database, safe="")
        folder.mkdir(parents=True, exist_ok=True)
        return Connection(folder)

    def forget(self) -> None:
        """Delete all databases."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


class Connection:
    """A connection as Python's DB API has it; statements commit by themselves while `autocommit` is true."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._plain = sqlite3.connect(
            folder / _MAIN,
            timeout=0,
            isolation_level=None,
            detect_types=sqlite3.PARSE_DECLTYPES,
            check_same_thread=False,
        )
        self._plain.execute("PRAGMA synchronous = OFF")
        for schema in sorted(each.name for each in folder.iterdir() if re.fullmatch(r"\w+", each.name)):
            if schema != _MAIN:
                self._attach(schema)

    @property
    def autocommit(self) -> bool:
        """Whether each statement is a transaction of its own."""
        return not self._plain.in_transaction

    @autocommit.setter
    def autocommit(self, wanted: bool) -> None:
        if not wanted:
            self._plain.execute("BEGIN")

    def cursor(self) -> Cursor:
        """A cursor for statements."""
        return Cursor(self._plain, self._attach)

    def commit(self) -> None:
        """Keep what the transaction did."""
        self._plain.execute("COMMIT")

    def rollback(self) -> None:
        """Undo what the transaction did."""
        with suppress(sqlite3.OperationalError):
            self._plain.execute("ROLLBACK")

    def close(self) -> None:
        """End the connection, and the transaction without keeping it."""
        self._plain.close()

    def _attach(self, schema: str) -> None:
        self._plain.execute(f'ATTACH DATABASE ? AS "{schema}"', (str(self._folder / schema),))


class Cursor:
    """Runs statements of PostgreSQL in SQLite, as far as they are the same."""

    lastrowid = None

    def __init__(self, connection: sqlite3.Connection, attach: Any) -> None:
        self._plain = connection.cursor()
        self._attach = attach
        self.statusmessage = ""
        """The command of the last statement, as psycopg2 has it."""

    def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Run a statement with its parameters by name."""
        schema = _CREATE_SCHEMA.fullmatch(sql)
        self.statusmessage = sql.split(None, 1)[0].upper() if sql.strip() else ""
        if schema:
            with suppress(sqlite3.OperationalError):  # it is attached: IF NOT EXISTS
                self._attach(schema[1])
        else:
            self._plain.execute(in_main(sql), dict(parameters or {}))

    @property
    def rowcount(self) -> int:
        """How many rows were inserted, updated or deleted."""
        return self._plain.rowcount

    @property
    def description(self) -> Any:
        """The columns of the result."""
        return self._plain.description

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows of the result."""
        return self._plain.fetchall()

    def close(self) -> None:
        """End."""
        self._plain.close()


def in_main(sql: str) -> str:
    """The statement with the schema `public` called as SQLite calls its own; texts in quotes stay as they are."""
    parts = _LITERALS.split(sql)
    return "".join(part if number % 2 else _PUBLIC.sub("main.", part) for number, part in enumerate(parts))

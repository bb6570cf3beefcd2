"""The RDS Data API on SQLite: ministack needs a container for it, and answers little without one.

Clusters, secrets, transactions and the form of answers are ministack's. What SQLite does not prove:
:mod:`constructs_lib.local.sqlite_databases`. The password in the secret is not compared with the cluster's.

Sources: https://docs.aws.amazon.com/rdsdataservice/latest/APIReference/API_ExecuteStatement.html,
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api.access.html
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from . import emulator_data_api
from .sqlite_databases import Connection, Databases

_LONGEST_STATEMENT = 65_536
_LARGEST_REQUEST = 4 * 1024 * 1024
_ALWAYS_THERE = "postgres"
_databases = Databases()


def install() -> None:
    """Run statements, and ask callers for the right to read the secret too."""
    emulator_data_api.connect_by(_connect)
    emulator_data_api.check_statements(_complaint)
    emulator_data_api.require_also("secretsmanager:GetSecretValue", "secretArn", emulator_data_api.secret_arn)
    emulator_data_api.on_reset(_databases.forget)


def _connect(cluster: str, database: str) -> Connection:
    if database not in (_ALWAYS_THERE, emulator_data_api.first_database(cluster)):
        raise sqlite3.OperationalError(f'FATAL: database "{database}" does not exist')
    return _databases.connect(cluster, database)


def _complaint(request: Mapping[str, Any]) -> str | None:
    """The limits of a request. AWS says what they are, not what it answers: the words are inferred."""
    if len(request.get("sql") or "") > _LONGEST_STATEMENT:
        return f"The SQL statement is longer than {_LONGEST_STATEMENT} characters."
    if len(json.dumps(request)) > _LARGEST_REQUEST:
        return "The request is larger than 4 MiB."
    return None

"""The private names of ministack's RDS Data API; emulator.py's companion."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ministack import app
from ministack.services import rds, rds_data, secretsmanager

from .emulator import Response

Connect = Callable[[str, str], Any]
Request = Mapping[str, Any]
_STATEMENTS = ("_execute_statement", "_batch_execute_statement")


def connect_by(connect: Connect) -> None:
    """Connect to databases by `connect` (cluster, database) instead of a container's; it may raise."""

    def connected(
        instance: Mapping[str, Any], _engine: str, database: str | None = None, *_more: Any, **_named: Any
    ) -> Any:
        cluster = str(instance.get("DBClusterIdentifier") or instance.get("DBInstanceIdentifier"))
        arn = str(instance.get("DBClusterArn") or instance.get("DBInstanceArn"))
        place = ":".join(arn.split(":")[3:5])
        return connect(f"{place}:{cluster}", database or "postgres")

    rds_data._connect = connected
    rds_data._has_real_endpoint = lambda _instance: True
    # SQLite takes the placeholders as the API has them.
    rds_data._substitute_named_params = lambda sql, _names: sql


def first_database(cluster: str) -> str | None:
    """The database that a cluster was created with."""
    found = rds._clusters.get(cluster.rpartition(":")[2])
    return None if found is None else found.get("DatabaseName")


def check_statements(complaint: Callable[[Request], str | None]) -> None:
    """Let `complaint` (request) say why a statement is refused."""
    for name in _STATEMENTS:
        setattr(rds_data, name, _checked(getattr(rds_data, name), complaint))


def _checked(plain: Callable[[Request], Response], complaint: Callable[[Request], str | None]) -> Any:
    def execute(data: Request) -> Response:
        why = complaint(data)
        if why is None:
            return plain(data)
        response: Response = rds_data._error("BadRequestException", why)
        return response

    return execute


def secret_arn(named: str) -> str:
    """The whole ARN of a secret that is named by less; what names none stays."""
    _, found = secretsmanager._resolve(named)
    return str(found["ARN"]) if found else named


def require_also(action: str, member: str, whole: Callable[[str], str]) -> None:
    """Ask of callers one more right, on the resource that a member of their request names.

    :param whole: makes the resource's whole ARN of what the request says.
    """
    plain = app._enforce_rds_data

    def enforce(
        method: str, path: str, headers: Any, body: bytes, query: Any, request_id: str
    ) -> Response | None:
        denied: Response | None = plain(method, path, headers, body, query, request_id)
        named = _member(body, member)
        if denied is not None or named is None:
            return denied
        # As it is named too: ministack's templates refer to a secret by less than its ARN, AWS's by all of it.
        for resource in dict.fromkeys((named, whole(named))):
            denied = app._enforce_data_plane(
                "rds-data", action, headers, query, request_id, resource_arn=resource, named_resource=resource
            )
            if denied is None:
                return None
        return denied

    app._enforce_rds_data = enforce


def _member(body: bytes, member: str) -> str | None:
    try:
        found = json.loads(body or b"{}").get(member)
    except (ValueError, AttributeError):
        return None
    return found if isinstance(found, str) else None


def on_reset(forget: Callable[[], None]) -> None:
    """Forget with the Data API: POST /_ministack/reset."""
    plain = rds_data.reset

    def reset() -> None:
        plain()
        forget()

    rds_data.reset = reset

"""The private names of ministack that role aliases and the device credentials stand on; emulator.py's companion."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ministack.core import iam_actions
from ministack.services import iot, sts

from .emulator import Response, Scope

Handler = Callable[[str, str, bytes, Mapping[str, str]], Response | None]


def take_requests(handle: Handler) -> None:
    """Ask `handle` (method, path, body, query) about each request to IoT first; None: it is not its own."""
    plain: Callable[..., Awaitable[Response]] = iot._route_request

    async def route(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Response:
        flat = {name: str(value[0] if isinstance(value, list) else value) for name, value in query.items()}
        found = handle(method, path, body, flat)
        return await plain(method, path, headers, body, query) if found is None else found

    iot._route_request = route


def name_resources(prefix: str, kind: str) -> None:
    """Let IAM enforcement know that requests to `/{prefix}/{name}` are on IoT's resource `{kind}/{name}`."""
    plain = iam_actions.extract_resource_arn

    def extract(
        service: str, method: str, path: str, headers: dict[str, str], body: bytes,
        query: dict[str, Any], region: str, account_id: str,
    ) -> str:  # fmt: skip
        parts = path.strip("/").split("/")
        if service == "iot" and parts[0] == prefix and len(parts) > 1:
            return Scope(account_id, region).arn("iot", f"{kind}/{parts[1]}")
        return str(plain(service, method, path, headers, body, query, region, account_id))

    iam_actions.extract_resource_arn = extract


def certificate_allows(certificate: str, thing: str, action: str, resource: str) -> bool:
    """Whether the policies of a certificate of this scope allow a device an action on a resource of IoT."""
    scope = Scope.current()
    context = iot._mqtt_policy_context(scope.account_id, scope.region, certificate, thing)
    return bool(
        iot._mqtt_policy_allows(scope.account_id, scope.region, certificate, context, action, resource)
    )


def certificate_is_of(certificate: str, thing: str) -> bool:
    """Whether the certificate is attached to the thing."""
    record = iot._certificates.get(certificate) or {}
    return iot._thing_arn(thing) in record.get("attachedThings", [])


def session_of(role_arn: str, name: str, seconds: int) -> dict[str, str]:
    """Credentials of a role, as IoT's credentials provider writes them."""
    account, role = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    key, secret, token = f"ASIA{secrets.token_hex(8).upper()}", secrets.token_hex(20), secrets.token_hex(32)
    expires = datetime.now(UTC) + timedelta(seconds=seconds)
    sts.register_session(
        key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role}/{name}",
            "UserId": f"{role}:{name}",
            "SecretAccessKey": secret,
            "SessionToken": token,
            "Expiration": expires.timestamp(),
        },
    )
    return {
        "accessKeyId": key,
        "secretAccessKey": secret,
        "sessionToken": token,
        "expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def when_reset(forget: Callable[[], None]) -> None:
    """Call `forget` when IoT forgets everything."""
    plain = iot.reset

    def reset() -> None:
        plain()
        forget()

    iot.reset = reset

"""Role aliases: the API and AWS::IoT::RoleAlias."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import emulator, emulator_role_aliases, registry
from ..emulator import Provisioned, ResourceType, Response, Scope
from ..shapes import Requests

TYPE = "AWS::IoT::RoleAlias"
SERVICE = "credentials.iot.amazonaws.com"
_PATH = re.compile(r"/role-aliases(?:/(?P<alias>[^/]+))?")
_OPERATIONS = {
    "POST": "CreateRoleAlias",
    "GET": "DescribeRoleAlias",
    "PUT": "UpdateRoleAlias",
    "DELETE": "DeleteRoleAlias",
}
_USUAL_SECONDS = 3600


@dataclass(slots=True)
class RoleAlias:
    """A name under which devices get the credentials of a role."""

    arn: str
    role_arn: str
    seconds: int = _USUAL_SECONDS
    created: float = field(default_factory=time.time)
    modified: float = field(default_factory=time.time)


class RefusedError(Exception):
    """What IoT answers when it refuses: the name of its exception and the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def _unknown_member(path: str, name: str, _known: Iterable[str]) -> str:
    return f"Unknown parameter '{name}' at '{path or 'request'}'"


_REQUESTS = Requests(service="iot", unknown_member=_unknown_member)
_aliases: dict[Scope, dict[str, RoleAlias]] = {}


def install() -> None:
    """Serve the API, and let CloudFormation know the type."""
    emulator_role_aliases.take_requests(_answer)
    emulator_role_aliases.name_resources("role-aliases", "rolealias")
    emulator_role_aliases.when_reset(_aliases.clear)
    emulator.add_resource_type(
        ResourceType(
            name=TYPE,
            create=_create,
            update=_update,
            delete=_delete,
            replaced_by=registry.create_only_properties(TYPE),
            name_property="RoleAlias",
        )
    )


def find(name: str) -> RoleAlias | None:
    """The role alias of that name in this scope, or None."""
    return _aliases.get(Scope.current(), {}).get(name)


def _answer(method: str, path: str, body: bytes, _query: Mapping[str, str]) -> Response | None:
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    try:
        if match["alias"] is None:
            return _response({"roleAliases": sorted(_aliases.get(Scope.current(), {}))})
        if method not in _OPERATIONS:
            raise RefusedError("InvalidRequestException", f"Unsupported method: {method}")
        return _response(perform(_OPERATIONS[method], {**_members(body), "roleAlias": match["alias"]}))
    except RefusedError as error:
        answer = {"message": str(error)}
        return (
            error.status,
            {"Content-Type": "application/json", "x-amzn-ErrorType": error.code},
            _json(answer),
        )


def _members(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise RefusedError("InvalidRequestException", "The request is not a JSON object")
    return found


def _response(members: Mapping[str, Any]) -> Response:
    return 200, {"Content-Type": "application/json"}, _json(members)


def _json(members: Mapping[str, Any]) -> bytes:
    return json.dumps(members).encode()


def perform(operation: str, request: dict[str, Any]) -> dict[str, Any]:
    """Check a request and carry it out. RefusedError when it is refused."""
    complaint = _REQUESTS.complaint(operation, request)
    if complaint is not None:
        raise RefusedError("InvalidRequestException", complaint)
    name, shelf = request["roleAlias"], _aliases.setdefault(Scope.current(), {})
    if operation == "CreateRoleAlias":
        if name in shelf:
            raise RefusedError("ResourceAlreadyExistsException", f"Role alias {name} already exists", 409)
        shelf[name] = RoleAlias(Scope.current().arn("iot", f"rolealias/{name}"), _role(request["roleArn"]))
    if name not in shelf:
        raise RefusedError("ResourceNotFoundException", f"Role alias {name} does not exist", 404)
    alias = shelf[name]
    if operation == "DeleteRoleAlias":
        del shelf[name]
        return {}
    if operation == "DescribeRoleAlias":
        return {"roleAliasDescription": _described(name, alias)}
    alias.role_arn = _role(request.get("roleArn", alias.role_arn))
    alias.seconds = request.get("credentialDurationSeconds", alias.seconds)
    alias.modified = time.time()
    return {"roleAlias": name, "roleAliasArn": alias.arn}


def _role(arn: str) -> str:
    """A role's ARN. Whether the role trusts IoT is asked when a device wants its credentials, as on AWS."""
    if not re.fullmatch(r"arn:aws[a-z-]*:iam::\d{12}:role/.+", arn):
        raise RefusedError("InvalidRequestException", f"{arn} is not the ARN of a role")
    return arn


def _described(name: str, alias: RoleAlias) -> dict[str, Any]:
    return {
        "roleAlias": name,
        "roleAliasArn": alias.arn,
        "roleArn": alias.role_arn,
        "owner": Scope.current().account_id,
        "credentialDurationSeconds": alias.seconds,
        "creationDate": alias.created,
        "lastModifiedDate": alias.modified,
    }


# --- CloudFormation -----------------------------------------------------------------------------


def _create(logical_id: str, properties: dict[str, Any], stack: str) -> Provisioned:
    given = _checked(properties)
    name = given.get("RoleAlias") or emulator.generated_name(stack, logical_id, max_length=128)
    return name, _put("CreateRoleAlias", name, given)


def _update(physical_id: str, _old: dict[str, Any], new: dict[str, Any], _stack: str) -> Provisioned:
    return physical_id, _put("UpdateRoleAlias", physical_id, _checked(new))


def _delete(physical_id: str, _properties: dict[str, Any]) -> None:
    """Delete the alias; one that is gone is not missed."""
    emulator.on_loop(lambda: _aliases.get(Scope.current(), {}).pop(physical_id, None))


def _checked(properties: dict[str, Any]) -> dict[str, Any]:
    tags = [tag for tag in properties.get("Tags", ()) if not str(tag.get("Key", "")).startswith("aws:")]
    return registry.checked_properties(
        TYPE, {**properties, **({"Tags": tags} if "Tags" in properties else {})}
    )


def _put(operation: str, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    request: dict[str, Any] = {"roleAlias": name, "roleArn": given["RoleArn"]}
    if "CredentialDurationSeconds" in given:
        request["credentialDurationSeconds"] = given["CredentialDurationSeconds"]
    try:
        answer = emulator.on_loop(perform, operation, request)
    except RefusedError as error:
        code = "AlreadyExists" if error.status == 409 else "InvalidRequest"
        raise ValueError(
            f'Resource handler returned message: "{error}" (HandlerErrorCode: {code})'
        ) from error
    return {"RoleAliasArn": answer["roleAliasArn"]}

"""AWS's REST-JSON protocol, read and written by botocore's model of Greengrass V2."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import unquote

from botocore.model import OperationModel, Shape

from ..shapes import service_model
from .errors import ApiError, InvalidError

MODEL = "greengrassv2"
_PLACE = re.compile(r"\{(\w+)(\+?)\}")
_JSON = {"Content-Type": "application/json"}


@cache
def _routes() -> list[tuple[str, re.Pattern[str], OperationModel]]:
    """What each operation's requests look like; those with the longest fixed parts first."""
    found = []
    for name in service_model(MODEL).operation_names:
        operation = service_model(MODEL).operation_model(name)
        found.append((operation.http["method"], _pattern(operation.http["requestUri"]), operation))
    return sorted(found, key=lambda route: len(_PLACE.sub("", route[2].http["requestUri"])), reverse=True)


def _pattern(uri: str) -> re.Pattern[str]:
    parts = []
    for piece in re.split(r"(\{\w+\+?\})", uri):
        place = _PLACE.fullmatch(piece)
        parts.append(f"(?P<{place[1]}>.+)" if place else re.escape(piece))
    return re.compile("".join(parts))


def read(method: str, path: str, query: Mapping[str, list[str]], body: bytes) -> tuple[str, dict[str, Any]]:
    """The operation that a request is, and its members. ApiError when there is none."""
    for wanted, pattern, operation in _routes():
        match = pattern.fullmatch(unquote(path)) if wanted == method else None
        if match is not None:
            return operation.name, {
                **_from_body(body),
                **_from_query(operation, query),
                **{_member(operation, name): value for name, value in match.groupdict().items()},
            }
    raise ApiError(f"There is no operation {method} {path}")


def _from_body(body: bytes) -> dict[str, Any]:
    try:
        given = json.loads(body or b"{}")
    except ValueError:
        raise InvalidError("The request is not JSON") from None
    if not isinstance(given, dict):
        raise InvalidError("The request is not a JSON object")
    return {name: value for name, value in given.items() if value is not None}


def _from_query(operation: OperationModel, query: Mapping[str, list[str]]) -> dict[str, Any]:
    members = operation.input_shape.members if operation.input_shape is not None else {}
    found = {}
    for name, shape in members.items():
        key = shape.serialization.get("name", name)
        if shape.serialization.get("location") == "querystring" and key in query:
            found[name] = _typed(shape, query[key])
    return found


def _typed(shape: Shape, given: list[str] | str) -> Any:
    texts = given if isinstance(given, list) else [given]
    if shape.type_name == "list":
        return texts
    if shape.type_name == "integer":
        # A text that is no number stays one: the shape then says what is wrong.
        return int(texts[0]) if texts[0].isdigit() else texts[0]
    return texts[0]


def _member(operation: OperationModel, place: str) -> str:
    members = operation.input_shape.members if operation.input_shape is not None else {}
    for name, shape in members.items():
        if shape.serialization.get("location") == "uri" and shape.serialization.get("name", name) == place:
            return str(name)
    return place


def answer(operation: str, members: Mapping[str, Any]) -> tuple[int, dict[str, str], bytes]:
    """The HTTP response to a request that was carried out."""
    status = int(service_model(MODEL).operation_model(operation).http.get("responseCode", 200))
    return status, dict(_JSON), b"" if status == 204 else json.dumps(dict(members)).encode()


def refusal(error: ApiError) -> tuple[int, dict[str, str], bytes]:
    """The HTTP response to a request that was refused."""
    body = {"message": str(error), **error.members}
    return error.status, {**_JSON, "x-amzn-ErrorType": error.code}, json.dumps(body).encode()

"""Calls of a deployed API: signed, with a token, or with neither."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest


@dataclass(frozen=True)
class Answered:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """By their names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """What the API says went wrong."""
        found: dict[str, Any] = self.json["error"]
        return found


@dataclass(frozen=True)
class Caller:
    """One who calls an API; connections go to this machine, whatever the name of its host."""

    url: str
    session: boto3.Session | None = None
    """Signs requests."""
    token: str | None = None

    def post(
        self, path: str, body: bytes | str = b"", *, headers: Mapping[str, str] | None = None
    ) -> Answered:
        return self._call("POST", path, body.encode() if isinstance(body, str) else body, headers)

    def get(self, path: str) -> Answered:
        return self._call("GET", path, b"", None)

    def _call(self, method: str, path: str, body: bytes, headers: Mapping[str, str] | None) -> Answered:
        where = urlsplit(self.url)
        told = {"Host": where.netloc, **(headers or {})}
        if self.token is not None:
            told["Authorization"] = f"Bearer {self.token}"
        if self.session is not None:
            request = AWSRequest(method, self.url + path, data=body, headers=told)
            SigV4Auth(self.session.get_credentials(), "execute-api", self.session.region_name).add_auth(
                request
            )
            told = dict(request.headers.items())
        connection = http.client.HTTPConnection("127.0.0.1", where.port, timeout=60)
        try:
            connection.request(method, where.path + path, body, told)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answered(answer.status, found, answer.read())
        finally:
            connection.close()

"""An endpoint and a bucket in memory, behind real boto3 clients, and an API's function in front of them."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.response import StreamingBody

from constructs_lib.access.runtime.front import Front, ping
from constructs_lib.access.runtime.invoking import Invoking
from constructs_lib.access.runtime.settings import Places, Settings
from constructs_lib.access.runtime.submitting import Submitting

from .fake_aws import Params, Refused, client_answered_by

PLACES = Places(input="s3://data/in", output="s3://data/out", failures="s3://data/failed")
MIB = 1024 * 1024


def settings(**given: Any) -> Settings:
    """Those of an API that lets everything in, unless told otherwise."""
    least = {"api": "fraud", "endpoint": "fraud", "timeout": 28, "most_bytes": 1000}
    return Settings(**{**least, "most_answer_bytes": 6 * MIB, **given})


@dataclass
class FakeEndpoint:
    """What it was asked, and what it answers."""

    answer: bytes = b'{"labels": ["benign"]}'
    error: Exception | None = None
    asked: list[Params] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        return client_answered_by(self._answer, service)

    def _answer(self, operation: str, params: Params) -> Params:
        answered: Params = getattr(self, f"_{operation}")(params)
        return answered

    def _InvokeEndpoint(self, params: Params) -> Params:  # noqa: N802
        self.asked.append(params)
        if self.error is not None:
            raise self.error
        return {
            "Body": StreamingBody(io.BytesIO(self.answer), len(self.answer)),
            "ContentType": "application/json",
            "InvokedProductionVariant": "AllTraffic",
            "CustomAttributes": "model=7",
        }

    def _InvokeEndpointAsync(self, params: Params) -> Params:  # noqa: N802
        self.asked.append(params)
        if self.error is not None:
            raise self.error
        number = len(self.asked)
        return {
            "OutputLocation": f"s3://data/out/{number}.out",
            "FailureLocation": f"s3://data/failed/{number}-error.out",
        }

    def _GetObject(self, params: Params) -> Params:  # noqa: N802
        body = self.objects.get(params["Key"])
        if body is None:
            raise Refused("NoSuchKey", "The specified key does not exist.")
        return {"Body": StreamingBody(io.BytesIO(body), len(body)), "ContentType": "text/csv"}

    def _HeadObject(self, params: Params) -> Params:  # noqa: N802
        if params["Key"] not in self.objects:
            raise Refused("404", "Not Found")
        return {"ContentLength": len(self.objects[params["Key"]])}

    def _PutObject(self, params: Params) -> Params:  # noqa: N802
        self.objects[params["Key"]] = params["Body"]
        return {}


@dataclass
class Fronted:
    """A function, called as API Gateway calls it; what it told the log."""

    endpoint: FakeEndpoint
    settings: Settings
    told: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        runtime = self.endpoint.client("sagemaker-runtime")
        routes: dict[str, Any] = {"GET /ping": ping}
        if self.settings.places is None:
            routes["POST /invocations"] = Invoking(self.settings, runtime=runtime).answer
        else:
            s3 = self.endpoint.client("s3")
            submitting = Submitting(self.settings, self.settings.places, runtime=runtime, s3=s3)
            routes["POST /invocations"] = submitting.answer
            routes["GET /results/{inferenceId}"] = submitting.result
        self.front = Front(
            self.settings, routes, clock=lambda: 0.0, tell=lambda line: self.told.append(json.loads(line))
        )

    def post(self, body: bytes = b"1,2", *, headers: Mapping[str, str] | None = None) -> Came:
        told = {"Content-Type": "text/csv", **(headers or {})}
        event = {
            "routeKey": "POST /invocations",
            "headers": {name.lower(): value for name, value in told.items()},
            "body": base64.b64encode(body).decode(),
            "isBase64Encoded": True,
            "requestContext": {"requestId": "r-1"},
        }
        return Came(self.front.handle(event))

    def get(self, route: str, **path: str) -> Came:
        event = {
            "routeKey": route,
            "headers": {},
            "pathParameters": path,
            "requestContext": {"requestId": "r-1"},
            "isBase64Encoded": False,
        }
        return Came(self.front.handle(event))


class Came:
    """What a function answered."""

    def __init__(self, answered: dict[str, Any]) -> None:
        self.status: int = answered["statusCode"]
        self.headers: dict[str, str] = answered["headers"]
        raw = answered["body"]
        self.in_base64: bool = answered["isBase64Encoded"]
        self.body: bytes = base64.b64decode(raw) if self.in_base64 else raw.encode()

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)["error"]
        return found

"""One request to an endpoint, and what came of it: an answer, or a reason to ask again or to give up."""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ...core.runtime.clients import client
from .expectation import Answer

# A model has a minute to answer; who repeats is us, with a reason to tell in the end.
_ONCE = Config(connect_timeout=5, read_timeout=70, retries={"total_max_attempts": 1})
_LOOK_SECONDS = 2.0

_PASSING = frozenset(
    {
        *("ThrottlingException", "Throttling", "ServiceUnavailable", "ServiceUnavailableException"),
        *("InternalFailure", "InternalDependencyException", "ModelNotReadyException", "RequestTimeout"),
    }
)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException"})
_NO_COPY = ("no capacity", "does not have any", "not in service")
_NOT_YET = frozenset({"404", "NoSuchKey", "NotFound"})


class Again(Enum):
    """Why to ask again."""

    NEVER = "the request was refused"
    PASSING = "busy, or not awake yet"
    DENIED = "rights that were just given take a while to be known everywhere"


class Refused(Exception):  # noqa: N818 - it is an outcome, which a second try may turn
    """No answer of the model's; says why, and whether to ask again."""

    def __init__(self, reason: str, again: Again) -> None:
        super().__init__(reason)
        self.again = again


def body_of(request: Mapping[str, Any]) -> bytes:
    """The body that the template carries, as text or as base64."""
    if "BodyBase64" in request:
        return base64.b64decode(request["BodyBase64"])
    return str(request["Body"]).encode()


def ask(properties: Mapping[str, Any], *, until: float) -> Answer:
    """The endpoint's answer to the request of a smoke test.

    :param until: when to stop waiting for an asynchronous answer, by the monotonic clock.
    :raises Refused: where there is none.
    """
    how = _ask_asynchronously if "Async" in properties else _ask_at_once
    try:
        return how(properties, until)
    except ClientError as error:
        return _answered_with(error)
    except BotoCoreError as error:  # no connection, or no answer in time
        raise Refused(f"{type(error).__name__}: {error}", Again.PASSING) from error


def _ask_at_once(properties: Mapping[str, Any], _until: float) -> Answer:
    request = properties["Request"]
    started = time.monotonic()
    told = client("sagemaker-runtime", _ONCE).invoke_endpoint(
        EndpointName=properties["EndpointName"], Body=body_of(request), **request.get("Headers", {})
    )
    body = told["Body"].read()
    return Answer(
        status=200, body=body, content_type=told.get("ContentType", ""), seconds=time.monotonic() - started
    )


def _ask_asynchronously(properties: Mapping[str, Any], until: float) -> Answer:
    request, place = properties["Request"], properties["Async"]
    key = f"{place['Prefix']}/smoke-test/{uuid.uuid4()}"
    client("s3").put_object(Bucket=place["Bucket"], Key=key, Body=body_of(request))
    told = client("sagemaker-runtime", _ONCE).invoke_endpoint_async(
        EndpointName=properties["EndpointName"],
        InputLocation=f"s3://{place['Bucket']}/{key}",
        **request.get("Headers", {}),
    )
    return awaited(
        lambda: _object(told["OutputLocation"]), lambda: _object(told.get("FailureLocation", "")), until=until
    )


def awaited(
    output: Callable[[], tuple[bytes, str] | None],
    failure: Callable[[], tuple[bytes, str] | None],
    *,
    until: float,
) -> Answer:
    """The answer, or the failure, that comes to lie in S3; each look gives a body and its type.

    :raises Refused: when neither has come.
    """
    while True:
        if (found := output()) is not None:
            return Answer(status=200, body=found[0], content_type=found[1])
        if (found := failure()) is not None:
            return Answer(status=500, body=found[0], content_type=found[1])
        if time.monotonic() >= until:
            raise Refused("no answer has come to lie in S3", Again.NEVER)
        time.sleep(_LOOK_SECONDS)


def _object(uri: str) -> tuple[bytes, str] | None:
    """An object, if it is there."""
    if not uri:
        return None
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        found = client("s3").get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in _NOT_YET:
            return None
        raise
    return found["Body"].read(), found.get("ContentType", "")


def _answered_with(error: ClientError) -> Answer:
    """What the model itself answered.

    :raises Refused: where SageMaker refused in its place.
    """
    told: Mapping[str, Any] = error.response
    code, message = told["Error"]["Code"], told["Error"].get("Message", "")
    if code == "ModelError":
        status = int(told.get("OriginalStatusCode") or 500)
        return Answer(status=status, body=str(told.get("OriginalMessage") or message).encode())
    raise Refused(f"{code}: {message}", again_after(code, message)) from error


def again_after(code: str, message: str) -> Again:
    """Whether an error of SageMaker's passes by itself."""
    if code in _DENIED:
        return Again.DENIED
    # A component that scales from zero has no copy for a while, which is told as a wrong request.
    asleep = code in ("ValidationError", "ValidationException") and any(each in message for each in _NO_COPY)
    return Again.PASSING if code in _PASSING or asleep else Again.NEVER

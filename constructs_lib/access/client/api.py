"""The way to a model through an `InferenceApi`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from urllib.parse import quote, urlsplit

import urllib3

from .api_errors import error_of
from .auth import ApiAuth
from .deadline import Deadline
from .errors import BadRequest, InferenceError, StreamInterrupted
from .http import Connections, blocks, body_of
from .settings import API_BYTES, ClientSettings
from .transport import Answer, OpenAnswer, Request, Ticket

INFERENCE_ID = "X-Amzn-SageMaker-Inference-Id"
VARIANT = "x-Amzn-Invoked-Production-Variant"
CUSTOM_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class ApiTransport:
    """Calls the routes of an `InferenceApi` over kept HTTPS connections; to this machine also over HTTP."""

    resubmits = True

    def __init__(self, url: str, auth: ApiAuth | None, settings: ClientSettings) -> None:
        """Call the API at `url`; `auth` says who asks.

        :raises ValueError: that is no HTTPS address.
        """
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise ValueError(f"{url!r} is no https:// address.")
        self._url = url.rstrip("/")
        self._auth = auth
        self._connections = Connections(url, settings)
        self.max_payload_bytes = settings.max_payload_bytes or API_BYTES
        self.max_async_bytes = self.max_payload_bytes

    def predict(self, request: Request, deadline: Deadline) -> Answer:
        """POST /invocations."""
        answer = self._invoke(request, deadline, expected=200)
        body = body_of(answer, deadline)
        return Answer(
            body=body,
            content_type=answer.headers.get("Content-Type", ""),
            inference_id=answer.headers.get(INFERENCE_ID, request.inference_id),
            variant=answer.headers.get(VARIANT),
            custom_attributes=answer.headers.get(CUSTOM_ATTRIBUTES),
        )

    def stream(self, request: Request, deadline: Deadline) -> OpenAnswer:
        """POST /invocations, read as it comes."""
        answer = self._invoke(request, deadline, expected=200)
        return OpenAnswer(
            chunks=_stream(answer, deadline, request.inference_id),
            close=answer.close,
            content_type=answer.headers.get("Content-Type", ""),
            inference_id=answer.headers.get(INFERENCE_ID, request.inference_id),
            variant=answer.headers.get(VARIANT),
        )

    def submit(self, request: Request, deadline: Deadline) -> Ticket:
        """POST /invocations of an asynchronous endpoint."""
        answer = self._invoke(request, deadline, expected=202)
        body_of(answer, deadline)
        return Ticket(inference_id=answer.headers.get(INFERENCE_ID, request.inference_id))

    def collect(self, ticket: Ticket, deadline: Deadline) -> Answer | None:
        """GET /results/…; a large result is fetched from where the API says that it is."""
        path = f"/results/{quote(ticket.inference_id, safe='')}"
        answer = self._send("GET", path, {}, b"", deadline)
        if answer.status == 202:
            body_of(answer, deadline)
            return None
        if answer.status == 303:
            body_of(answer, deadline)
            # The address is signed in itself, and is not the API's: it is not told who asks.
            answer = self._connections.send("GET", answer.headers.get("Location", ""), {}, b"", deadline)
        if answer.status != 200:
            raise _refused(answer, deadline, ticket.inference_id)
        return Answer(
            body=body_of(answer, deadline),
            content_type=answer.headers.get("Content-Type", ""),
            inference_id=ticket.inference_id,
        )

    def reward(self, inference_id: str, value: float, deadline: Deadline, at: float | None) -> None:
        """POST /rewards."""
        told = {"inference_id": inference_id, "value": value}
        if at is not None:
            told["at"] = at
        headers = {"Content-Type": "application/json"}
        answer = self._send("POST", "/rewards", headers, json.dumps(told).encode(), deadline)
        if answer.status not in (200, 202, 204):
            raise _refused(answer, deadline, inference_id)
        body_of(answer, deadline)

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def _invoke(self, request: Request, deadline: Deadline, *, expected: int) -> urllib3.BaseHTTPResponse:
        answer = self._send("POST", "/invocations", _headers(request), request.body, deadline)
        if answer.status == expected:
            return answer
        if answer.status in (200, 202):
            answer.close()
            raise _wrong_kind(answer.status, request.inference_id)
        raise _refused(answer, deadline, request.inference_id)

    def _send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, deadline: Deadline
    ) -> urllib3.BaseHTTPResponse:
        url = self._url + path
        who = {} if self._auth is None else self._auth.headers(method, url, headers, body)
        return self._connections.send(method, url, {**headers, **who}, body, deadline)


def _headers(request: Request) -> dict[str, str]:
    told = {
        "Content-Type": request.content_type,
        "Accept": request.accept,
        INFERENCE_ID: request.inference_id,
        "X-Amzn-SageMaker-Target-Variant": request.target.variant,
        "X-Amzn-SageMaker-Target-Model": request.target.model,
        "X-Amzn-SageMaker-Target-Container-Hostname": request.target.container,
        "X-Amzn-SageMaker-Inference-Component": request.target.component,
        CUSTOM_ATTRIBUTES: request.custom_attributes,
        "X-Amzn-SageMaker-InputLocation": request.input_location,
        "X-Unit-Id": request.unit,
    }
    return {name: value for name, value in told.items() if value is not None}


def _stream(answer: urllib3.BaseHTTPResponse, deadline: Deadline, inference_id: str) -> Iterator[bytes]:
    try:
        yield from blocks(answer, deadline)
    except InferenceError as error:
        raise StreamInterrupted(
            f"The answer was cut off. {error.message}", inference_id=inference_id
        ) from error


def _refused(answer: urllib3.BaseHTTPResponse, deadline: Deadline, inference_id: str) -> InferenceError:
    return error_of(answer.status, answer.headers, body_of(answer, deadline), inference_id)


def _wrong_kind(status: int, inference_id: str) -> InferenceError:
    hint = (
        "The endpoint is asynchronous: use submit()."
        if status == 202
        else "The endpoint answers at once: use predict()."
    )
    return BadRequest(hint, inference_id=inference_id, status=status)

"""Requests to an asynchronous endpoint: they are put where it reads, and what it wrote is fetched.

Beside each request, under its inference id, lies where its answer will be: so a request that is sent twice
is worked on once, and the id alone finds the answer.
"""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from .answers import Answer, as_json
from .faults import refusal_of
from .headers import INFERENCE_ID, INPUT_LOCATION, checked_id, header
from .invoking import checked, named
from .objects import link, parts, size_of
from .refusals import Refusal
from .requests import Request
from .settings import Places, Settings

_AGAIN_SECONDS = "2"
_LONGEST_FAILURE = 2048


class Submitting:
    """Has an asynchronous endpoint work on requests."""

    def __init__(self, settings: Settings, places: Places, *, runtime: Any, s3: Any) -> None:
        self._settings = settings
        self._places = places
        self._runtime = runtime
        self._s3 = s3

    def answer(self, request: Request, inference_id: str) -> Answer:
        """202: where the answer will be.

        :raises Refusal: where the request is none.
        """
        try:
            # A request that was sent before is worked on already.
            if self._whereabouts(inference_id) is None:
                self._submit(request, inference_id)
        except (ClientError, BotoCoreError) as error:
            raise refusal_of(error) from error
        path = f"/results/{inference_id}"
        told = {"inference_id": inference_id, "result": path}
        return as_json(told, status=202, Location=path, **{INFERENCE_ID: inference_id})

    def result(self, request: Request, _given: str) -> Answer:
        """200 with the answer, 303 to it where it is large, 202 while there is none yet.

        :raises Refusal: where the request failed, or there was none.
        """
        inference_id = checked_id(request.path.get("inferenceId"))
        try:
            return self._result(inference_id)
        except (ClientError, BotoCoreError) as error:
            raise refusal_of(error) from error

    def _submit(self, request: Request, inference_id: str) -> None:
        given = header(request.headers, INPUT_LOCATION)
        # What lies in S3 already is not fetched to be looked at.
        told = (checked if given is None else named)(request, self._settings)
        answer = self._runtime.invoke_endpoint_async(
            EndpointName=self._settings.endpoint,
            InputLocation=self._input(request, inference_id, given),
            InferenceId=inference_id,
            **told,
        )
        where = {"output": answer["OutputLocation"], "failure": answer.get("FailureLocation")}
        self._s3.put_object(**parts(self._pointer(inference_id)), Body=json.dumps(where).encode())

    def _input(self, request: Request, inference_id: str, given: str | None) -> str:
        if given is None:
            uri = f"{self._places.input}/{inference_id}/request"
            self._s3.put_object(**parts(uri), Body=request.body)
            return uri
        if not given.startswith(f"{self._places.input}/"):
            raise Refusal("TargetNotAllowed", f"{INPUT_LOCATION} is elsewhere", f"{self._places.input}/…")
        return given

    def _pointer(self, inference_id: str) -> str:
        return f"{self._places.input}/{inference_id}/result.json"

    def _whereabouts(self, inference_id: str) -> dict[str, Any] | None:
        """Where the answer will be; None where nobody asked."""
        try:
            found = self._s3.get_object(**parts(self._pointer(inference_id)))
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise
        where: dict[str, Any] = json.loads(found["Body"].read())
        return where

    def _result(self, inference_id: str) -> Answer:
        where = self._whereabouts(inference_id)
        if where is None:
            raise Refusal("NotFound", f"there was no request {inference_id}")
        size = size_of(self._s3, where["output"])
        if size is not None:
            return self._found(where["output"], size, inference_id)
        if where["failure"] is not None and size_of(self._s3, where["failure"]) is not None:
            said = self._s3.get_object(**parts(where["failure"]))["Body"].read(_LONGEST_FAILURE)
            raise Refusal("ModelError", said.decode(errors="replace"))
        told = {"inference_id": inference_id, "status": "waiting"}
        waits = {"Retry-After": _AGAIN_SECONDS, INFERENCE_ID: inference_id}
        return as_json(told, status=202, **waits)

    def _found(self, uri: str, size: int, inference_id: str) -> Answer:
        headers = {INFERENCE_ID: inference_id}
        if size > self._settings.most_bytes:
            return Answer(status=303, headers={**headers, "Location": link(self._s3, uri)})
        found = self._s3.get_object(**parts(uri))
        headers["Content-Type"] = found.get("ContentType", "application/octet-stream")
        return Answer(headers=headers, body=found["Body"].read())

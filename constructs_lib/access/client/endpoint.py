"""The way to a model through SageMaker's own API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from .aws import AwsClients, within
from .deadline import Deadline
from .errors import BadRequest, InferenceError, ModelError, NotAuthorised, NotFound, StreamInterrupted
from .settings import ASYNC_BYTES, ASYNC_INLINE_BYTES, REAL_TIME_BYTES, ClientSettings
from .transport import Answer, OpenAnswer, Request, Ticket

_BLOCK = 64 * 1024


class EndpointTransport:
    """Calls an endpoint with boto3's sagemaker-runtime client, and S3 for asynchronous ones."""

    resubmits = False

    def __init__(
        self,
        name: Callable[[Deadline], str],
        clients: AwsClients,
        settings: ClientSettings,
        *,
        async_input: str | None = None,
    ) -> None:
        """Call the endpoint that is called `name()`; `async_input`: the `s3://` prefix that it reads requests from.

        :raises ValueError: `async_input` is no `s3://` address.
        """
        if async_input is not None:
            _bucket_and_key(async_input)
        self._name = name
        self._clients = clients
        self._input = None if async_input is None else async_input.rstrip("/")
        self.max_payload_bytes = settings.max_payload_bytes or REAL_TIME_BYTES
        self.max_async_bytes = ASYNC_INLINE_BYTES if async_input is None else ASYNC_BYTES

    def predict(self, request: Request, deadline: Deadline) -> Answer:
        """InvokeEndpoint."""
        asked = self._asked(request, deadline)
        with within(deadline, request.inference_id):
            answer = self._clients.runtime.invoke_endpoint(Body=request.body, **asked)
            return Answer(
                body=_read(answer["Body"], deadline),
                content_type=answer.get("ContentType", ""),
                inference_id=request.inference_id,
                variant=answer.get("InvokedProductionVariant"),
                custom_attributes=answer.get("CustomAttributes"),
            )

    def stream(self, request: Request, deadline: Deadline) -> OpenAnswer:
        """InvokeEndpointWithResponseStream."""
        if request.target.model is not None:
            raise BadRequest("SageMaker streams no answer of a multi-model endpoint.")
        asked = self._asked(request, deadline)
        with within(deadline, request.inference_id):
            answer = self._clients.runtime.invoke_endpoint_with_response_stream(Body=request.body, **asked)
        return OpenAnswer(
            chunks=_chunks(answer["Body"], deadline, request.inference_id),
            close=answer["Body"].close,
            content_type=answer.get("ContentType", ""),
            inference_id=request.inference_id,
            variant=answer.get("InvokedProductionVariant"),
        )

    def submit(self, request: Request, deadline: Deadline) -> Ticket:
        """PutObject of the input, and InvokeEndpointAsync; without a prefix the input goes with the request."""
        if any(
            (request.target.variant, request.target.model, request.target.container, request.target.component)
        ):
            raise BadRequest(
                "An asynchronous endpoint has one variant of one model: a request names no target."
            )
        name = self._name(deadline)
        with within(deadline, request.inference_id):
            answer = self._clients.runtime.invoke_endpoint_async(
                EndpointName=name, **self._placed(request), **_about(request)
            )
        return Ticket(
            inference_id=answer.get("InferenceId", request.inference_id),
            output_location=answer["OutputLocation"],
            failure_location=answer.get("FailureLocation"),
        )

    def collect(self, ticket: Ticket, deadline: Deadline) -> Answer | None:
        """GetObject of the answer, then of the failure.

        :raises ModelError: the request failed; its message is what SageMaker wrote of the failure.
        """
        if ticket.output_location is None:
            raise BadRequest("The ticket says no output_location.", inference_id=ticket.inference_id)
        found = self._object(ticket.output_location, ticket, deadline)
        if found is not None:
            return Answer(body=found[0], content_type=found[1], inference_id=ticket.inference_id)
        failure = ticket.failure_location
        failed = None if failure is None else self._object(failure, ticket, deadline)
        if failed is None:
            return None
        said = failed[0].decode(errors="replace")
        raise ModelError(said, inference_id=ticket.inference_id, original_message=said)

    def reward(self, inference_id: str, value: float, deadline: Deadline, at: float | None) -> None:
        """An endpoint takes no rewards: an experiment does, behind its API or in a function that joined it."""
        raise BadRequest(
            "An endpoint takes no rewards: ask through the InferenceApi of the experiment.",
            inference_id=inference_id,
        )

    def close(self) -> None:
        """Close the connections."""
        self._clients.close()

    def _asked(self, request: Request, deadline: Deadline) -> dict[str, str]:
        if request.unit is not None:
            raise BadRequest("An endpoint knows no units: ask through the InferenceApi of the experiment.")
        target = request.target
        told = {
            "TargetVariant": target.variant,
            "TargetModel": target.model,
            "TargetContainerHostname": target.container,
            "InferenceComponentName": target.component,
        }
        named = {name: value for name, value in told.items() if value is not None}
        return {"EndpointName": self._name(deadline), **named, **_about(request)}

    def _placed(self, request: Request) -> dict[str, Any]:
        """Where the input is; it is put there if need be."""
        if request.input_location is not None:
            return {"InputLocation": request.input_location}
        if self._input is None:
            return {"Body": request.body}
        location = f"{self._input}/{request.inference_id}"
        bucket, key = _bucket_and_key(location)
        self._clients.s3.put_object(
            Bucket=bucket, Key=key, Body=request.body, ContentType=request.content_type
        )
        return {"InputLocation": location}

    def _object(self, location: str, ticket: Ticket, deadline: Deadline) -> tuple[bytes, str] | None:
        """An object with its content type; None if it is not there (yet).

        S3 says that access is denied, not that there is nothing, to who may not list the bucket.
        """
        bucket, key = _bucket_and_key(location)
        try:
            with within(deadline, ticket.inference_id):
                found = self._clients.s3.get_object(Bucket=bucket, Key=key)
                return _read(found["Body"], deadline), found.get("ContentType", "")
        except NotFound:
            return None
        except NotAuthorised as error:
            if error.code == "AccessDenied":
                return None
            raise


def _about(request: Request) -> dict[str, str]:
    told = {
        "ContentType": request.content_type,
        "Accept": request.accept,
        "InferenceId": request.inference_id,
        "CustomAttributes": request.custom_attributes,
    }
    return {name: value for name, value in told.items() if value is not None}


def _read(body: Any, deadline: Deadline) -> bytes:
    """A streaming body, all of it; the deadline is looked at between its blocks."""
    blocks = []
    for block in body.iter_chunks(_BLOCK):
        deadline.check()
        blocks.append(block)
    return b"".join(blocks)


def _chunks(events: Any, deadline: Deadline, inference_id: str) -> Iterator[bytes]:
    """What the events of a stream carry."""
    try:
        for event in events:
            deadline.check(inference_id)
            if "PayloadPart" in event:
                yield event["PayloadPart"]["Bytes"]
    except (ClientError, BotoCoreError, HTTPError, InferenceError) as error:
        # What has come by now has been given out. urllib3's errors come through botocore's streams as they are.
        raise StreamInterrupted(f"The answer was cut off: {error}", inference_id=inference_id) from error


def _bucket_and_key(location: str) -> tuple[str, str]:
    parts = urlsplit(location)
    if parts.scheme != "s3" or not parts.netloc:
        raise ValueError(f"{location!r} is no s3:// address.")
    return parts.netloc, parts.path.lstrip("/")

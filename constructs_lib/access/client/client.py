"""What applications ask a model with."""

from __future__ import annotations

import math
from types import TracebackType
from typing import TYPE_CHECKING, Generic, TypeVar, overload

from .api import ApiTransport
from .auth import ApiAuth
from .aws import AwsClients
from .deadline import Deadline
from .endpoint import EndpointTransport
from .errors import BadRequest
from .formats import Deserializer, Json, JsonValue, Serializer
from .names import ParameterName
from .predictions import AsyncPrediction, Prediction, read
from .requests import made
from .retrying import retried
from .settings import ClientSettings
from .streams import PredictionStream
from .transport import Target, Ticket, Transport

if TYPE_CHECKING:
    from boto3.session import Session

Default = TypeVar("Default")
Other = TypeVar("Other")


class InferenceClient(Generic[Default]):
    """Asks a model: an endpoint of SageMaker's, or an `InferenceApi` before one.

    Threads may share a client; it keeps its connections. Failed attempts are repeated where that is safe and may
    help, never beyond the deadline. Data are sent and read as JSON unless a call, or `speaking`, says otherwise.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        serializer: Serializer,
        deserializer: Deserializer[Default],
        settings: ClientSettings | None = None,
    ) -> None:
        """Ask through `transport`; mostly `for_endpoint` or `for_api` is what you want."""
        self._transport = transport
        self._serializer = serializer
        self._deserializer = deserializer
        self._settings = ClientSettings() if settings is None else settings

    @staticmethod
    def for_endpoint(
        name: str,
        *,
        async_input: str | None = None,
        session: Session | None = None,
        settings: ClientSettings | None = None,
    ) -> InferenceClient[JsonValue]:
        """Ask an endpoint itself; who asks needs `endpoint.grants.invoke(…)`.

        `async_input` is where an asynchronous endpoint reads requests (`s3://bucket/prefix`): without it, `submit`
        takes 128 000 bytes at most.
        """
        chosen = ClientSettings() if settings is None else settings
        clients = AwsClients(session, chosen)
        way = EndpointTransport(lambda _: name, clients, chosen, async_input=async_input)
        return InferenceClient(way, serializer=Json(), deserializer=Json(), settings=chosen)

    @staticmethod
    def for_parameter(
        parameter: str,
        *,
        async_input: str | None = None,
        session: Session | None = None,
        settings: ClientSettings | None = None,
    ) -> InferenceClient[JsonValue]:
        """Ask the endpoint whose name is in an SSM parameter, as this library's endpoints put it there.

        The parameter is read again every minute. Who asks needs `ssm:GetParameter` on it.
        """
        chosen = ClientSettings() if settings is None else settings
        clients = AwsClients(session, chosen)
        name = ParameterName(clients.ssm(), parameter)
        way = EndpointTransport(name, clients, chosen, async_input=async_input)
        return InferenceClient(way, serializer=Json(), deserializer=Json(), settings=chosen)

    @staticmethod
    def for_api(
        url: str, *, auth: ApiAuth | None, settings: ClientSettings | None = None
    ) -> InferenceClient[JsonValue]:
        """Ask an `InferenceApi`; `auth` is `IamAuth()` or `BearerAuth(…)`, None for an API behind another door.

        :raises ValueError: `url` is no HTTPS address.
        """
        chosen = ClientSettings() if settings is None else settings
        way = ApiTransport(url, auth, chosen)
        return InferenceClient(way, serializer=Json(), deserializer=Json(), settings=chosen)

    def speaking(self, serializer: Serializer, deserializer: Deserializer[Other]) -> InferenceClient[Other]:
        """The same client, its connections too, with other formats where a call names none."""
        return InferenceClient(
            self._transport, serializer=serializer, deserializer=deserializer, settings=self._settings
        )

    @overload
    def predict(
        self,
        data: object,
        *,
        serializer: Serializer | None = ...,
        deserializer: Deserializer[Other],
        deadline: Deadline | float | None = ...,
        inference_id: str | None = ...,
        unit: str | None = ...,
        target: Target | None = ...,
        custom_attributes: str | None = ...,
    ) -> Prediction[Other]: ...

    @overload
    def predict(
        self,
        data: object,
        *,
        serializer: Serializer | None = ...,
        deserializer: None = ...,
        deadline: Deadline | float | None = ...,
        inference_id: str | None = ...,
        unit: str | None = ...,
        target: Target | None = ...,
        custom_attributes: str | None = ...,
    ) -> Prediction[Default]: ...

    def predict(
        self,
        data: object,
        *,
        serializer: Serializer | None = None,
        deserializer: Deserializer[Other] | None = None,
        deadline: Deadline | float | None = None,
        inference_id: str | None = None,
        unit: str | None = None,
        target: Target | None = None,
        custom_attributes: str | None = None,
    ) -> Prediction[Other] | Prediction[Default]:
        """What the model says of `data`.

        `deadline` (seconds from now, or one that several calls share) bounds all attempts together. `inference_id`
        (1–64 letters, digits, dots, underscores, hyphens) is made if none is given. `unit` is who is asked for, in
        an experiment that gives each user the same arm. `custom_attributes` are at most 1024 printable ASCII.

        :raises InferenceError: there is no prediction; its type says why.
        """
        reader = self._deserializer if deserializer is None else deserializer
        request = made(
            data,
            self._serializer if serializer is None else serializer,
            accept=reader.accept,
            inference_id=inference_id,
            target=target,
            custom_attributes=custom_attributes,
            unit=unit,
            most_bytes=self._transport.max_payload_bytes,
        )
        until = self._until(deadline)
        answer = retried(
            lambda: self._transport.predict(request, until),
            settings=self._settings,
            deadline=until,
            inference_id=request.inference_id,
        )
        return read(answer, self._deserializer) if deserializer is None else read(answer, deserializer)

    def stream(
        self,
        data: object,
        *,
        serializer: Serializer | None = None,
        accept: str | None = None,
        deadline: Deadline | float | None = None,
        inference_id: str | None = None,
        unit: str | None = None,
        target: Target | None = None,
        custom_attributes: str | None = None,
    ) -> PredictionStream:
        """The answer while it comes. Attempts are repeated until it begins, and not after.

        `accept` is what the model is asked to answer in; default: what the client's deserializer reads.

        :raises InferenceError: no answer begins.
        """
        wanted = self._deserializer.accept if accept is None else accept
        request = made(
            data,
            self._serializer if serializer is None else serializer,
            accept=wanted,
            inference_id=inference_id,
            target=target,
            custom_attributes=custom_attributes,
            unit=unit,
            most_bytes=self._transport.max_payload_bytes,
        )
        until = self._until(deadline)
        answer = retried(
            lambda: self._transport.stream(request, until),
            settings=self._settings,
            deadline=until,
            inference_id=request.inference_id,
        )
        return PredictionStream(answer)

    @overload
    def submit(
        self,
        data: object,
        *,
        serializer: Serializer | None = ...,
        deserializer: Deserializer[Other],
        input_location: str | None = ...,
        deadline: Deadline | float | None = ...,
        inference_id: str | None = ...,
        custom_attributes: str | None = ...,
    ) -> AsyncPrediction[Other]: ...

    @overload
    def submit(
        self,
        data: object = ...,
        *,
        serializer: Serializer | None = ...,
        deserializer: None = ...,
        input_location: str | None = ...,
        deadline: Deadline | float | None = ...,
        inference_id: str | None = ...,
        custom_attributes: str | None = ...,
    ) -> AsyncPrediction[Default]: ...

    def submit(
        self,
        data: object = None,
        *,
        serializer: Serializer | None = None,
        deserializer: Deserializer[Other] | None = None,
        input_location: str | None = None,
        deadline: Deadline | float | None = None,
        inference_id: str | None = None,
        custom_attributes: str | None = None,
    ) -> AsyncPrediction[Other] | AsyncPrediction[Default]:
        """Have an asynchronous endpoint work on `data`, or on what is at `input_location` (`s3://…`) already.

        `deadline` is for the request to be taken, not for its result. A request that may have been taken is sent
        again only where that is harmless: an `InferenceApi` works once on an inference id, an endpoint does not.

        :raises InferenceError: the request was not taken.
        """
        request = made(
            data,
            self._serializer if serializer is None else serializer,
            accept=(self._deserializer if deserializer is None else deserializer).accept,
            inference_id=inference_id,
            custom_attributes=custom_attributes,
            input_location=input_location,
            most_bytes=self._transport.max_async_bytes,
        )
        until = self._until(deadline)
        ticket = retried(
            lambda: self._transport.submit(request, until),
            settings=self._settings,
            deadline=until,
            repeatable=self._transport.resubmits,
            inference_id=request.inference_id,
        )
        return self.pending(ticket) if deserializer is None else self.pending(ticket, deserializer)

    @overload
    def pending(self, ticket: Ticket) -> AsyncPrediction[Default]: ...

    @overload
    def pending(self, ticket: Ticket, deserializer: Deserializer[Other]) -> AsyncPrediction[Other]: ...

    def pending(
        self, ticket: Ticket, deserializer: Deserializer[Other] | None = None
    ) -> AsyncPrediction[Other] | AsyncPrediction[Default]:
        """The prediction of a request that was submitted before, here or elsewhere."""
        if deserializer is None:
            return AsyncPrediction(ticket, self._deserializer, self._transport, self._settings)
        return AsyncPrediction(ticket, deserializer, self._transport, self._settings)

    def reward(
        self,
        inference_id: str,
        value: float,
        *,
        at: float | None = None,
        deadline: Deadline | float | None = None,
    ) -> None:
        """Tell an experiment, through its `InferenceApi`, how good an answer was.

        `at` is when that was known, in seconds since 1970; default: now. One that is told twice counts once.

        :raises InferenceError: it was not taken.
        """
        if not math.isfinite(value):
            raise BadRequest(f"{value} is no reward: a finite number.", inference_id=inference_id)
        until = self._until(deadline)
        retried(
            lambda: self._transport.reward(inference_id, value, until, at),
            settings=self._settings,
            deadline=until,
            inference_id=inference_id,
        )

    def close(self) -> None:
        """Close the connections, also those of clients that `speaking` made of this one."""
        self._transport.close()

    def __enter__(self) -> InferenceClient[Default]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _until(self, deadline: Deadline | float | None) -> Deadline:
        return Deadline.of(self._settings.deadline if deadline is None else deadline)

"""Predictions: those that are there, and those that will be."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from .deadline import Deadline
from .errors import BadAnswer, DeadlineExceeded
from .formats import Deserializer
from .retrying import retried
from .settings import ClientSettings
from .transport import Answer, Ticket, Transport

Value = TypeVar("Value")
Value_co = TypeVar("Value_co", covariant=True)

_GROWTH = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction(Generic[Value_co]):
    """What the model answered."""

    value: Value_co
    content_type: str
    inference_id: str
    """What a reward is to be told with; captured data and logs have it too."""
    variant: str | None = None
    """The production variant that answered."""
    custom_attributes: str | None = None
    """What the model's container said beside its answer."""


def read(answer: Answer, deserializer: Deserializer[Value]) -> Prediction[Value]:
    """The answer as data.

    :raises BadAnswer: it is not in the format.
    """
    try:
        value = deserializer.load(answer.body, answer.content_type)
    except (ValueError, LookupError, RecursionError) as error:
        raise BadAnswer(
            f"The answer ({answer.content_type or 'of no content type'}) cannot be read: {error}",
            inference_id=answer.inference_id,
        ) from error
    return Prediction(
        value=value,
        content_type=answer.content_type,
        inference_id=answer.inference_id,
        variant=answer.variant,
        custom_attributes=answer.custom_attributes,
    )


class AsyncPrediction(Generic[Value]):
    """The prediction of a request that an asynchronous endpoint has taken."""

    def __init__(
        self,
        ticket: Ticket,
        deserializer: Deserializer[Value],
        transport: Transport,
        settings: ClientSettings,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.ticket = ticket
        """Keep it, and `client.pending(ticket)` is this prediction in another process."""
        self._deserializer = deserializer
        self._transport = transport
        self._settings = settings
        self._sleep = sleep

    @property
    def inference_id(self) -> str:
        """What a reward is to be told with."""
        return self.ticket.inference_id

    def poll(self, *, deadline: Deadline | float | None = None) -> Prediction[Value] | None:
        """The prediction, or None while there is none; looked for once.

        :raises ModelError: the request failed.
        :raises InferenceError: it cannot be looked for.
        """
        until = Deadline.of(self._settings.deadline if deadline is None else deadline)
        answer = retried(
            lambda: self._transport.collect(self.ticket, until),
            settings=self._settings,
            deadline=until,
            inference_id=self.inference_id,
        )
        return None if answer is None else read(answer, self._deserializer)

    def result(self, *, deadline: Deadline | float | None) -> Prediction[Value]:
        """The prediction, waited for until `deadline` (seconds from now, or None: however long it takes).

        :raises ModelError: the request failed.
        :raises DeadlineExceeded: there is no prediction by then; it may still come, and can be asked for again.
        :raises InferenceError: it cannot be looked for.
        """
        until = Deadline.of(deadline)
        pause = self._settings.poll
        try:
            while True:
                found = self.poll(deadline=until)
                if found is not None:
                    return found
                self._sleep(min(pause, until.remaining()))
                pause = min(self._settings.max_poll, pause * _GROWTH)
        except DeadlineExceeded as error:
            raise DeadlineExceeded(
                "There is no result yet. It may still come: ask again with the ticket.",
                inference_id=self.inference_id,
            ) from error

"""What a client needs of the way to a model. Two ways are here: `EndpointTransport` and `ApiTransport`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from .deadline import Deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Which part of an endpoint is to answer, where it has several. Default: the endpoint decides."""

    variant: str | None = None
    model: str | None = None
    """Of a multi-model endpoint: the archive's name under its prefix."""
    container: str | None = None
    """Of an inference pipeline that is invoked directly: the container's host name."""
    component: str | None = None
    """An inference component's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, as it is sent at each attempt."""

    body: bytes
    content_type: str
    accept: str
    inference_id: str
    target: Target = field(default_factory=Target)
    custom_attributes: str | None = None
    unit: str | None = None
    input_location: str | None = None
    """Of an asynchronous request: the `s3://` address of its input, which is then not in the body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    body: bytes
    content_type: str
    inference_id: str
    variant: str | None = None
    custom_attributes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """Where the result of an asynchronous request will be. Plain text: keep it, and ask with it elsewhere."""

    inference_id: str
    output_location: str | None = None
    """An `s3://` address, where the endpoint was asked itself."""
    failure_location: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAnswer:
    """An answer that is still coming."""

    chunks: Iterator[bytes]
    """Fails with an `InferenceError` where the answer is cut off."""
    close: Callable[[], None]
    """Gives up what has not come."""
    content_type: str
    inference_id: str
    variant: str | None = None


class Transport(Protocol):
    """One way to a model. Each method makes one attempt, and says in an `InferenceError` why it failed."""

    max_payload_bytes: int
    """What a request may weigh."""
    max_async_bytes: int
    """What the input of an asynchronous request may weigh."""
    resubmits: bool
    """Whether a request that is submitted twice under one inference id is worked on once."""

    def predict(self, request: Request, deadline: Deadline) -> Answer:
        """Ask, and wait for the answer."""

    def stream(self, request: Request, deadline: Deadline) -> OpenAnswer:
        """Ask, and return when the answer begins."""

    def submit(self, request: Request, deadline: Deadline) -> Ticket:
        """Have the request answered later."""

    def collect(self, ticket: Ticket, deadline: Deadline) -> Answer | None:
        """The result of such a request, or None while there is none."""

    def reward(self, inference_id: str, value: float, deadline: Deadline, at: float | None) -> None:
        """Tell how good an answer was, and since when that is known (seconds since 1970; default: now)."""

    def close(self) -> None:
        """Give up what is kept open."""

"""The queue of an asynchronous endpoint."""

from __future__ import annotations

import base64
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any

from ..settings import settings


@dataclass(slots=True, kw_only=True, eq=False)
class AsyncRequest:
    """One accepted InvokeEndpointAsync, until its result is delivered."""

    inference_id: str
    headers: dict[str, str]
    """What of the request's head reaches the container, by the names that it has there."""
    input_location: str | None
    body: bytes | None
    """The input, when it came with the request."""
    output_location: str
    failure_location: str | None
    ttl_seconds: int
    timeout_seconds: int
    received: float = field(default_factory=time.time)
    attempts: int = 0

    @property
    def age(self) -> float:
        """Seconds since it was accepted."""
        return time.time() - self.received

    @property
    def is_expired(self) -> bool:
        """Whether it has waited longer than its time to live."""
        return self.age > self.ttl_seconds * settings().request_ttl_scale

    def saved(self) -> dict[str, Any]:
        """The request, as JSON knows it."""
        body = None if self.body is None else base64.b64encode(self.body).decode()
        return {**asdict(self), "body": body}

    @classmethod
    def restored(cls, state: dict[str, Any]) -> AsyncRequest:
        """A saved request."""
        body = state["body"]
        return cls(**{**state, "body": None if body is None else base64.b64decode(body)})


class Backlog:
    """Requests that wait, the oldest first, and those that are being answered.

    A request stays until its result is delivered: one whose process goes away is put back.
    """

    def __init__(self) -> None:
        self._waiting: deque[AsyncRequest] = deque()
        self._running: dict[AsyncRequest, object] = {}

    @property
    def size(self) -> int:
        """How many requests wait or are being answered."""
        return len(self._waiting) + len(self._running)

    @property
    def has_waiting(self) -> bool:
        """Whether a request waits."""
        return bool(self._waiting)

    @property
    def oldest_age(self) -> float:
        """Seconds since the oldest request was accepted; 0 without one."""
        return max((request.age for request in (*self._waiting, *self._running)), default=0.0)

    def add(self, request: AsyncRequest) -> None:
        """Let a new request wait."""
        self._waiting.append(request)

    def take_expired(self) -> list[AsyncRequest]:
        """The waiting requests whose time to live is over; they wait no longer."""
        expired = [request for request in self._waiting if request.is_expired]
        for request in expired:
            self._waiting.remove(request)
        return expired

    def begin(self, variant: object) -> AsyncRequest:
        """Let a variant answer the request that has waited longest."""
        request = self._waiting.popleft()
        request.attempts += 1
        self._running[request] = variant
        return request

    def running_on(self, variant: object) -> int:
        """How many requests the variant is answering."""
        return sum(each is variant for each in self._running.values())

    def put_back(self, request: AsyncRequest, *, tried: bool) -> None:
        """The request was not answered: it is the next one again. `tried`: a process has seen it."""
        if not tried:
            request.attempts -= 1
        del self._running[request]
        self._waiting.appendleft(request)

    def finish(self, request: AsyncRequest) -> None:
        """The request's result is delivered."""
        del self._running[request]

    def saved(self) -> list[dict[str, Any]]:
        """All requests, as JSON knows them. Those being answered will have to be answered again."""
        return [request.saved() for request in (*self._running, *self._waiting)]

    def restore(self, state: list[dict[str, Any]]) -> None:
        """Let saved requests wait."""
        self._waiting.extend(AsyncRequest.restored(each) for each in state)

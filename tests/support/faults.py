"""Faults of AWS calls, by botocore's own hooks: each of a function's calls can be made to go wrong in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

Fault = Literal["no connection", "throttled", "conflict", "answer lost", "killed before", "killed after"]
FAULTS: tuple[Fault, ...] = ("no connection", "throttled", "answer lost", "killed before", "killed after")


class Killed(BaseException):
    """The function's process ends here."""


class Faults:
    """Counts the calls of some clients, and spoils one of them."""

    def __init__(self, *clients: Any) -> None:
        self.calls: list[str] = []
        self.waiting: dict[int, Fault] = {}
        """What is to go wrong, by the number of the call."""
        self.chosen: tuple[str, int, Fault] | None = None
        """Or: the operation, which of its calls, and what goes wrong with it."""
        self.happened: list[tuple[str, Fault]] = []
        self.after: Callable[[str], None] = lambda _operation: None
        """Called after every call that took effect: for what others do meanwhile."""
        for client in clients:
            client.meta.events.register_first("before-call.*.*", self._before)
            client.meta.events.register_last("after-call.*.*", self._after)

    @contextmanager
    def recorded(self) -> Iterator[list[str]]:
        """The calls that are made in the block."""
        self.calls = []
        yield self.calls
        self.calls = []

    def spoil(self, call: int, fault: Fault) -> None:
        """Let the call with this number, from 0 and counted from now on, go wrong."""
        self.calls = []
        self.waiting = {call: fault}

    def spoil_next(self, operation: str, times: int, fault: Fault) -> None:
        """Let a call of this operation go wrong: the first, the second…"""
        self.calls = []
        self.chosen = (operation, times, fault)

    def _before(self, model: Any, params: dict[str, Any], **_: Any) -> Any:
        number = len(self.calls)
        self.calls.append(model.name)
        if self.chosen is not None and self.chosen[:2] == (model.name, self.calls.count(model.name)):
            self.waiting[number], self.chosen = self.chosen[2], None
        fault = self.waiting.get(number)
        match fault:
            case "no connection":
                self._done(number, model.name)
                raise EndpointConnectionError(endpoint_url=params["url"])
            case "throttled":
                self._done(number, model.name)
                return _answer("ThrottlingException")
            case "conflict" if model.name == "TransactWriteItems":
                self._done(number, model.name)
                reasons = [{"Code": "TransactionConflict"}, {"Code": "None"}]
                return _answer("TransactionCanceledException", CancellationReasons=reasons)
            case "killed before":
                self._done(number, model.name)
                raise Killed
        return None

    def _after(self, model: Any, parsed: dict[str, Any], **_: Any) -> None:
        number = len(self.calls) - 1
        if "Error" not in parsed:
            self.after(model.name)
        match self.waiting.get(number):
            case "answer lost":
                self._done(number, model.name)
                raise ReadTimeoutError(endpoint_url="spoiled")
            case "killed after":
                self._done(number, model.name)
                raise Killed

    def _done(self, number: int, operation: str) -> None:
        self.happened.append((operation, self.waiting.pop(number)))


def _answer(code: str, **more: Any) -> tuple[Any, dict[str, Any]]:
    parsed = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": 400}, **more}
    return type("Response", (), {"status_code": 400}), parsed

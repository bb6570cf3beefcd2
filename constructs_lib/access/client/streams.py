"""Answers that are read while they come."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType

from .transport import OpenAnswer


class PredictionStream:
    """The bytes of an answer as they come; iterate it once, and close it (or use it in a `with`).

    :raises StreamInterrupted: while iterating; what was given out before is all there was.
    """

    def __init__(self, answer: OpenAnswer) -> None:
        self._answer = answer

    @property
    def inference_id(self) -> str:
        """What a reward is to be told with."""
        return self._answer.inference_id

    @property
    def variant(self) -> str | None:
        """The production variant that answers."""
        return self._answer.variant

    @property
    def content_type(self) -> str:
        """What the bytes are."""
        return self._answer.content_type

    def __iter__(self) -> Iterator[bytes]:
        return self._answer.chunks

    def lines(self) -> Iterator[bytes]:
        """Line by line, without the line ends; the last may have none. Read each with `JsonLines` or `Csv`."""
        rest = b""
        for chunk in self._answer.chunks:
            *whole, rest = (rest + chunk).split(b"\n")
            yield from (line.removesuffix(b"\r") for line in whole)
        if rest:
            yield rest

    def close(self) -> None:
        """Give up what has not come."""
        self._answer.close()

    def __enter__(self) -> PredictionStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

"""Why a model does not go to devices: the names are what people and state machines see, the statuses how it exits."""

from __future__ import annotations

LONGEST_MESSAGE = 1000
"""SageMaker keeps one kilobyte of what a container says when it exits."""


class OptimiseError(Exception):
    """The model is not published; its text says why, in words for who gave the model."""

    status = 1
    """The exit status."""

    @property
    def told(self) -> str:
        """``Name: reason``, in one line that SageMaker keeps whole."""
        line = " ".join(f"{type(self).__name__}: {self}".split())
        return line if len(line) <= LONGEST_MESSAGE else f"{line[: LONGEST_MESSAGE - 1]}…"


class BadModel(OptimiseError):  # noqa: N818 - the name is what is told; so below
    """The archive cannot be read, or holds no model that can be converted."""

    status = 3


class BadHeldOut(OptimiseError):  # noqa: N818
    """The held-out set cannot be read, or cannot tell a good model from a bad one."""

    status = 4


class LabelMismatch(OptimiseError):  # noqa: N818
    """The labels of the held-out set are none of the model's."""

    status = 5


class ConversionMismatch(OptimiseError):  # noqa: N818
    """The converted model does not predict what its source does."""

    status = 6


class AccuracyDrop(OptimiseError):  # noqa: N818
    """The model for devices is worse than its source by more than was allowed."""

    status = 7

"""How long two models take, side by side, so that what else the machine does befalls both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from .onnx_model import OnnxModel

Feed = Mapping[str, npt.NDArray[Any]]
_ROUNDS = 200
_LONGEST_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Medians over rounds of one call each, in milliseconds."""

    before: float
    after: float
    rounds: int

    @property
    def ratio(self) -> float:
        """Below 1: the model for devices is faster, on this machine."""
        return self.after / self.before if self.before else 1.0


def timed(before: OnnxModel, after: OnnxModel, feed: Feed, *, batch: int) -> Timing:
    """Both models on the first records, in turns."""
    part = before.first(feed, batch=batch)
    took: tuple[list[float], list[float]] = ([], [])
    until = time.perf_counter() + _LONGEST_SECONDS
    while len(took[0]) < _ROUNDS and (not took[0] or time.perf_counter() < until):
        for model, each in zip((before, after), took, strict=True):
            began = time.perf_counter()
            model.at_once(part)
            each.append(time.perf_counter() - began)
    # The first call of a session makes its arena.
    medians = [1000 * statistics.median(each[1:] or each) for each in took]
    return Timing(before=medians[0], after=medians[1], rounds=len(took[0]))

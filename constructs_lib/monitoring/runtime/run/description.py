"""A monitor as its construct describes it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

VARIABLE = "MONITOR"
"""The variable of a function's environment that holds the description."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A prefix of a bucket, without a slash at its end."""

    bucket: str
    prefix: str

    def key(self, *parts: str) -> str:
        """A key below it."""
        return "/".join((self.prefix, *parts))

    def uri(self, *parts: str) -> str:
        """A key below it, with the bucket."""
        return f"s3://{self.bucket}/{self.key(*parts)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundTruth:
    """Where labels arrive, and how long they may take."""

    place: Place
    within: float
    """Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """Times are seconds."""

    name: str
    kind: str
    """``data_quality``, ``model_quality``, ``bias`` or ``attribution``."""
    endpoint: str
    variant: str | None = None
    """The one whose requests are looked at. ``None``: all of the endpoint."""
    captured: Place
    """Of the endpoint's captured data; folders of variants lie in it."""
    results: Place
    """Of this monitor: baseline and windows lie in it."""
    baseline: str
    """The folder of the baseline in `results`, or of an existing one, as ``s3://…/``."""
    every: float
    settle: float
    """How long after its end a window is looked at."""
    least: int
    """Records that a window must have to be judged."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of the kind."""
    engine: str = "owned"
    """Who looks; the baseline is made here in any case."""
    ground_truth: GroundTruth | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Description:
        """The monitor that this function was deployed for."""
        return cls.of(json.loads((os.environ if environ is None else environ)[VARIABLE]))

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Description:
        """From what the construct has written."""
        truth = given.get("ground_truth")
        return cls(
            **{
                **given,
                "captured": Place(**given["captured"]),
                "results": Place(**given["results"]),
                "ground_truth": None
                if truth is None
                else GroundTruth(place=Place(**truth["place"]), within=truth["within"]),
            }
        )

    def described(self) -> dict[str, Any]:
        """As `of` reads it."""
        return asdict(self)

    @property
    def due_after(self) -> float:
        """How long after its end a window can be judged: when its files, and its labels, have arrived."""
        return max(self.settle, 0.0 if self.ground_truth is None else self.ground_truth.within)

    @property
    def has_existing_baseline(self) -> bool:
        """Whether the baseline is not the monitor's own."""
        return self.baseline.startswith("s3://")

    @property
    def baseline_place(self) -> Place:
        """Where the baseline's files lie."""
        if self.has_existing_baseline:
            bucket, _, prefix = self.baseline.removeprefix("s3://").rstrip("/").partition("/")
            return Place(bucket=bucket, prefix=prefix)
        return Place(bucket=self.results.bucket, prefix=self.results.key(self.baseline))

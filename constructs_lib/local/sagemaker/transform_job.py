"""A transform job, as the API shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from .job import TRANSFORM, Job, JobKind

# What AWS shows of a job that says nothing of it.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "TransformInput": {"CompressionType": "None", "SplitType": "None"},
    "TransformOutput": {"AssembleWith": "None"},
    "DataProcessing": {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"},
}


@dataclass(slots=True, kw_only=True)
class TransformJob(Job):
    """A transform job: its request, and what became of it."""

    kind: ClassVar[JobKind] = TRANSFORM

    def own_members(self) -> dict[str, Any]:
        """What the request left to AWS."""
        return {name: {**defaults, **self.request.get(name, {})} for name, defaults in _DEFAULTS.items()}

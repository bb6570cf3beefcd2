"""A compilation job of SageMaker Neo, as the API shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from .job import COMPILATION, Job, JobKind


@dataclass(slots=True, kw_only=True)
class CompilationJob(Job):
    """A compilation job: its request, and what became of it."""

    kind: ClassVar[JobKind] = COMPILATION
    outcome: ClassVar[tuple[str, ...]] = (*Job.outcome, "artifacts", "digest")

    artifacts: str = ""
    digest: str | None = None

    def own_members(self) -> dict[str, Any]:
        """Neo writes its statuses in capitals, and shows a reason and artefacts where there are none."""
        output = self.request["OutputConfig"]
        platform = output.get("TargetPlatform", {})
        return {
            "CompilationJobStatus": self.status.upper(),
            "FailureReason": self.failure_reason or "",
            "ModelArtifacts": {"S3ModelArtifacts": self.artifacts},
            "ModelDigests": {"ArtifactDigest": self.digest} if self.digest else None,
            "CompilationTargetDevice": output.get("TargetDevice"),
            **{f"CompilationTargetPlatform{name}": value for name, value in platform.items()},
        }

    def summary(self) -> dict[str, Any]:
        """The job in the answer to ListCompilationJobs, which has members that DescribeCompilationJob has not."""
        named = {
            name: value
            for name, value in self.own_members().items()
            if name.startswith("CompilationTarget") and value
        }
        return {**Job.summary(self), **named}

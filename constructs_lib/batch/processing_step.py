"""A processing job before or after the transform job of a run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from ..core.checks import duration, file, items_of, kind, known, settled, text, whole_number
from ..core.instance_types import PATTERN
from ..core.rules import API_REFERENCE, Broken, Rules
from ..model.image import ContainerImage
from .checks import variables
from .input import CONTENT_TYPE

_SOURCE = API_REFERENCE + "API_CreateProcessingJob.html"
_MOST_VARIABLES = 100
_LONGEST_VARIABLE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessingStep:
    """A SageMaker processing job: it reads ``/opt/ml/processing/input/data`` and writes ``/opt/ml/processing/output``.

    Before the transform job it gets the run's objects, and what it writes is transformed; after it, it gets the
    answers, and what it writes goes to the sinks. With several instances, each gets a share of the objects.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html

    :raises ConstraintError: SM-BATCH-040.
    """

    image: ContainerImage
    command: Sequence[str] = ("python3",)
    """What the container runs; the script follows it."""
    script: str | None = None
    """A file that is uploaded and run: ``"jobs/clean.py"``. Default: none, the image has all that it runs."""
    instance_type: str = "ml.m5.xlarge"
    instance_count: int = 1
    volume_gb: int = 30
    max_runtime: cdk.Duration | None = None
    """1 minute – 5 days. Default: 1 hour."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """At most 100 variables of at most 256 characters."""
    role: iam.IRole | None = None
    """What it runs under; it gets the grants it needs. Default: a new one."""
    content_type: str | None = None
    """MIME type of what it writes after the transform job. Default: as what it reads. Before the job, the type is the
    input's own ``content_type``."""
    keeps_count: bool = True
    """After the transform job: whether as many records come out as went in, which the run then checks."""

    def __post_init__(self) -> None:
        """Check."""
        step_rules.enforce(self, path="ProcessingStep")

    def decides(self) -> list[object]:
        """What of it decides on the predictions: what it runs."""
        content = None if self.script is None else hashlib.sha256(Path(self.script).read_bytes()).hexdigest()
        return [list(self.command), content, dict(self.environment)]

    @property
    def longest_seconds(self) -> int:
        """How long it may take, with its default applied."""
        return 3600 if self.max_runtime is None else int(self.max_runtime.to_seconds())


step_rules = Rules[ProcessingStep]()


@step_rules.rule("SM-BATCH-040", source=_SOURCE)
def step_can_run(step: ProcessingStep) -> Iterator[Broken]:
    """A processing step has an image, a command, 1–100 instances of a known kind, and an environment that fits."""
    yield from kind("image", step.image, ContainerImage, optional=False, fix="ContainerImage.framework(…)")
    yield from items_of("command", step.command, str)
    if isinstance(step.command, list | tuple) and not 1 <= len(step.command) <= 100:
        yield Broken("command", step.command, "1–100 words", '["python3"]')
    if step.script is not None and known(step.script) and not file(step.script):
        yield Broken("script", step.script, "an existing file", f"looked in {Path.cwd()}")
    yield from text("instance_type", step.instance_type, PATTERN, "a type such as ml.m5.xlarge")
    yield from whole_number("instance_count", step.instance_count, 1, 100)
    yield from whole_number("volume_gb", step.volume_gb, 1, 16_384)
    yield from duration("max_runtime", step.max_runtime, 60, 432_000)
    yield from text("content_type", step.content_type, CONTENT_TYPE, "a MIME type such as text/csv")
    yield from settled("max_runtime", step.max_runtime, "the run's own limit is worked out from it")
    yield from settled("script", step.script, "the file is uploaded then")
    yield from variables(
        "environment",
        step.environment,
        most=_MOST_VARIABLES,
        longest_name=_LONGEST_VARIABLE,
        longest=_LONGEST_VARIABLE,
    )

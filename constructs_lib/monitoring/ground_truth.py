"""Ground truth: what was really so, told later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3

from ..core.checks import KEY_PREFIX, duration, known, text
from ..core.rules import DEVELOPER_GUIDE, Broken, Rules
from ..core.tokens import is_token

_SOURCE = DEVELOPER_GUIDE + "model-monitor-model-quality-merge.html"
_LONGEST = 60 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundTruth:
    """Labels under ``prefix/yyyy/mm/dd/hh/*.jsonl``, by the hour they were written, each with its inference id.

    A record is ``{"groundTruthData": {"data": "1", "encoding": "CSV"}, "eventMetadata": {"eventId": "…"},
    "eventVersion": "0"}``; ``eventId`` is the caller's ``InferenceId``, or SageMaker's own id where there is
    none. A label that comes twice counts as it came last.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-merge.html

    :raises ConstraintError: SM-TRUTH-001.
    """

    bucket: s3.IBucket
    prefix: str
    within: cdk.Duration
    """How long labels may take, 1 hour – 60 days. A window is judged so long after its end."""

    def __post_init__(self) -> None:
        """Check."""
        ground_truth_rules.enforce(self, path="GroundTruth")


ground_truth_rules = Rules[GroundTruth]()


@ground_truth_rules.rule("SM-TRUTH-001", source=_SOURCE)
def labels_have_a_place_and_a_time(truth: GroundTruth) -> Iterator[Broken]:
    """Labels lie under a prefix, and take 1 hour – 60 days, known at synthesis."""
    if known(truth.prefix):
        yield from text("prefix", truth.prefix, KEY_PREFIX, "a key prefix without slashes at its ends")
    yield from duration("within", truth.within, 3600, _LONGEST)
    if isinstance(truth.within, cdk.Duration) and is_token(truth.within):
        yield Broken("within", "a token", "a Duration known at synthesis")

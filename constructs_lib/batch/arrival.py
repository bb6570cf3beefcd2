"""What starts a run when it arrives."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..core.checks import kind, settled, text
from ..core.rules import Broken, Rules

_SOURCE = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html"
_MANIFEST = ".manifest"
_SUFFIX = re.compile(r"[A-Za-z0-9._-]{1,100}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchArrival:
    """An object whose arrival says that the input is complete: make it with `success_marker` or `manifest`.

    The bucket sends its events to EventBridge, which `BatchTransform` turns on. One run a marker, not one a file.

    :raises ConstraintError: SM-BATCH-012.
    """

    suffix: str
    """How its key ends."""
    lists_objects: bool = False
    """Whether it lists the input, instead of standing in its folder."""

    def __post_init__(self) -> None:
        """Check."""
        arrival_rules.enforce(self, path="BatchArrival")

    def keys(self, folder: str) -> Sequence[str]:
        """Its keys in and below `folder`, which ends with a slash or is empty; ``*`` stands for anything."""
        if self.lists_objects and self.suffix.startswith("."):
            return [f"{folder}*{self.suffix}"]
        # A whole name: not_SUCCESS is none.
        return [f"{folder}{self.suffix}", f"{folder}*/{self.suffix}"]

    @staticmethod
    def success_marker(name: str = "_SUCCESS") -> BatchArrival:
        """An object of that name: what lies in its folder, and below, is scored. Spark and EMR write one last."""
        return BatchArrival(suffix=name)

    @staticmethod
    def manifest(suffix: str = ".manifest") -> BatchArrival:
        """A manifest in SageMaker's format, whose objects are scored.

        :param suffix: ends with ``.manifest``, by which a manifest is told from a folder wherever one is named.
        """
        return BatchArrival(suffix=suffix, lists_objects=True)


arrival_rules = Rules[BatchArrival]()


@arrival_rules.rule("SM-BATCH-012", source=_SOURCE)
def suffix_is_the_end_of_a_key(arrival: BatchArrival) -> Iterator[Broken]:
    """What arrives is told by the end of its key: a marker by its name, a manifest by .manifest."""
    yield from kind("suffix", arrival.suffix, str, optional=False)
    yield from text("suffix", arrival.suffix, _SUFFIX, "1–100 letters, digits and ._- such as _SUCCESS")
    yield from settled("suffix", arrival.suffix, "it tells markers from manifests")
    if isinstance(arrival.suffix, str) and arrival.suffix.endswith(_MANIFEST) is not arrival.lists_objects:
        ending = "a name that ends" if arrival.lists_objects else "a name that does not end"
        yield Broken("suffix", arrival.suffix, f"{ending} with {_MANIFEST}: only manifests do")

"""What the job is asked to do: its command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

METRICS = ("accuracy", "macro_f1", "rmse", "top_k")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One run of the job."""

    model: Path
    """The archive, or the folder that holds it."""
    held_out: Path
    """The CSV or npz file, or the folder that holds it."""
    output: Path
    """Where ``model.tar.gz`` goes; nothing does before all is well."""
    report: Path
    """Where ``report.json`` and ``report.md`` go, however it ends."""
    message: Path | None = None
    """Where the last words go; SageMaker tells them as the job's exit message."""
    label: str = "label"
    """The column of the CSV."""
    ignore: tuple[str, ...] = ()
    """Columns of the CSV that are no features."""
    allow_missing: bool = False
    """Whether features may be empty or NaN, which the model then has to take."""
    metric: str = "accuracy"
    k: int = 5
    """Of ``top_k``."""
    max_drop: float = 0.01
    quantise: bool = True
    weight_type: str = "int8"
    per_channel: bool = False
    reduce_range: bool = False
    opset: int = 17
    """Of what is converted; a model that is ONNX already keeps its own."""
    batch: int = 1
    """Records that a device scores at once: int8 scales what a batch holds together."""
    golden: int = 8
    """Records that go with the model, for devices to check it by."""

    @property
    def classifies(self) -> bool:
        """Whether the labels are classes, not numbers."""
        return self.metric != "rmse"

    @staticmethod
    def parse(arguments: Sequence[str]) -> Options:
        """The options; SystemExit with status 2 and a usage line for what is none."""
        return Options(**vars(_parser().parse_args(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="optimise",
        description="Converts a model to ONNX, quantises it, and publishes it if it still predicts as well.",
        allow_abbrev=False,
    )
    for name in ("model", "held-out", "output", "report"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--message", type=Path)
    parser.add_argument("--label", default="label")
    parser.add_argument("--ignore", action="append", default=[])
    parser.add_argument("--allow-missing", action="store_true")
    parser.add_argument("--metric", choices=METRICS, default="accuracy")
    parser.add_argument("--k", type=_at_least(1), default=5)
    parser.add_argument("--max-drop", type=_share, default=0.01)
    parser.add_argument("--no-quantise", dest="quantise", action="store_false")
    parser.add_argument("--weight-type", choices=("int8", "uint8"), default="int8")
    parser.add_argument("--per-channel", action="store_true")
    parser.add_argument("--reduce-range", action="store_true")
    parser.add_argument("--opset", type=_at_least(13), default=17)
    parser.add_argument("--batch", type=_at_least(1), default=1)
    parser.add_argument("--golden", type=_at_least(1), default=8)
    return parser


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to 1")
    return value


def _at_least(least: int) -> type[int]:
    def parse(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"{text} is less than {least}")
        return value

    return parse  # type: ignore[return-value]  # argparse only calls it

"""Real models and held-out sets, and the job that makes the ones fit for devices by the others."""

from __future__ import annotations

import copy
import csv
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from constructs_lib.edge.runtime.optimise.archive import packed
from constructs_lib.edge.runtime.optimise.job import run
from constructs_lib.edge.runtime.optimise.options import Options

ROOT = Path(__file__).parents[2]
LOADERS = {"cancer": load_breast_cancer, "digits": load_digits, "diabetes": load_diabetes}
TRAINED = 0.6


@cache
def data(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training features and labels, then those held out; of the cancer, labels are texts."""
    features, labels = LOADERS[name](return_X_y=True)
    if name == "cancer":
        labels = np.array(["bösartig", "gutartig"])[labels]
    order = np.random.RandomState(0).permutation(len(labels))
    split = int(TRAINED * len(labels))
    first, rest = order[:split], order[split:]
    return features[first], labels[first], features[rest], labels[rest]


@cache
def a_network(name: str) -> Any:
    """A perceptron behind a scaler, as one trains it."""
    kind = MLPRegressor if name == "diabetes" else MLPClassifier
    network = kind(hidden_layer_sizes=(64, 32), max_iter=300, random_state=0)
    return make_pipeline(StandardScaler(), network).fit(*data(name)[:2])


@cache
def a_forest(name: str) -> Any:
    """Boosted trees."""
    return GradientBoostingClassifier(random_state=0, n_estimators=40).fit(*data(name)[:2])


@cache
def a_folded_network() -> Any:
    """The same perceptron with the scaler folded into its first layer, as some do to save an operator.

    Its weights then differ by five orders of magnitude, and in 8 bits with one scale the small ones are zero.
    """
    scaler, network = (copy.deepcopy(step) for _, step in _steps("cancer"))
    network.coefs_[0] = network.coefs_[0] / scaler.scale_[:, None]
    network.intercepts_[0] = network.intercepts_[0] - scaler.mean_ @ network.coefs_[0]
    return network


def _steps(name: str) -> Any:
    return a_network(name).steps


def pickled(estimator: Any) -> bytes:
    """As joblib saves it."""
    raw = io.BytesIO()
    joblib.dump(estimator, raw)
    return raw.getvalue()


def an_archive(folder: Path, members: dict[str, bytes]) -> Path:
    """A model.tar.gz."""
    path = folder / "given.tar.gz"
    path.write_bytes(packed(members))
    return path


def a_table(folder: Path, name: str, rows: int | None = None, label: str = "label") -> Path:
    """The held-out records as CSV."""
    _, _, features, labels = data(name)
    path = folder / "held-out.csv"
    header = [*(f"f{at}" for at in range(features.shape[1])), label]
    records = [[*map(float, row), each] for row, each in zip(features[:rows], labels[:rows], strict=True)]
    write_table(path, [header, *records])
    return path


def write_table(path: Path, rows: Sequence[Sequence[object]]) -> None:
    """As spreadsheets do."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def some_arrays(folder: Path, **arrays: Any) -> Path:
    """A held-out set as npz."""
    path = folder / "held-out.npz"
    np.savez(path, **arrays)
    return path


class Job:
    """One run of the job in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output, self.report_folder = folder / "output", folder / "report"

    def arguments(self, model: Path, held_out: Path, *more: str) -> list[str]:
        """Its command line."""
        places = {"model": model, "held-out": held_out, "output": self.output, "report": self.report_folder}
        places["message"] = self.folder / "message"
        return [*(f"--{name}={path}" for name, path in places.items()), *more]

    def run(self, model: Path, held_out: Path, *more: str) -> int:
        """Here; its exit status."""
        return run(Options.parse(self.arguments(model, held_out, *more)))

    def start(self, model: Path, held_out: Path, *more: str, **environment: str) -> subprocess.Popen[bytes]:
        """In a process of its own."""
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "constructs_lib.edge.runtime.optimise",
                *self.arguments(model, held_out, *more),
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    @property
    def report(self) -> dict[str, Any]:
        """What it found."""
        return dict(json.loads((self.report_folder / "report.json").read_text(encoding="utf-8")))

    @property
    def message(self) -> str:
        """Its last words."""
        return (self.folder / "message").read_text(encoding="utf-8")

    @property
    def published(self) -> list[str]:
        """What there is for devices, half of a file included."""
        return sorted(each.name for each in self.output.iterdir()) if self.output.exists() else []

    def archive(self) -> dict[str, bytes]:
        """The members of what it published."""
        with tarfile.open(self.output / "model.tar.gz") as found:
            return {each.name: found.extractfile(each).read() for each in found.getmembers()}  # type: ignore[union-attr]

    def metadata(self) -> dict[str, Any]:
        """What goes with the model."""
        return dict(json.loads(self.archive()["metadata.json"]))

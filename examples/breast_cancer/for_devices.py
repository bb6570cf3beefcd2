"""Train a small network on scikit-learn's breast-cancer data, and make it fit for devices: ONNX, in 8 bits, compared.

    python -m examples.breast_cancer.for_devices OUTPUT_FOLDER [--hidden 16]

What comes out is what `EdgeFleet` takes: ``model.onnx``, ``metadata.json``, and ``golden.npz``, some held-out records
with the model's own answers, by which a device finds out whether it answers as it did here.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
import tarfile
import tempfile
from pathlib import Path

import joblib
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from constructs_lib.edge.runtime.optimise.archive import packed
from constructs_lib.edge.runtime.optimise.job import run
from constructs_lib.edge.runtime.optimise.options import Options

from .train import SEED, split


def make(folder: Path, hidden: int) -> None:
    """Train, optimise, and unpack into `folder`.

    :raises SystemExit: the job refuses the model; it says why.
    """
    train_x, test_x, train_y, test_y = split()
    network = MLPClassifier(hidden_layer_sizes=(hidden,), max_iter=600, random_state=SEED)
    classifier = make_pipeline(StandardScaler(), network).fit(train_x, train_y)
    with tempfile.TemporaryDirectory() as work:
        place = Path(work)
        model = io.BytesIO()
        joblib.dump(classifier, model)
        (place / "given.tar.gz").write_bytes(packed({"model.joblib": model.getvalue()}))
        with (place / "held-out.csv").open("w", newline="") as file:
            rows = [[*map(float, row), label] for row, label in zip(test_x, test_y, strict=True)]
            csv.writer(file).writerows([[*(f"f{at}" for at in range(len(test_x[0]))), "label"], *rows])
        status = run(
            Options(
                model=place / "given.tar.gz",
                held_out=place / "held-out.csv",
                output=place / "output",
                report=place / "report",
            )
        )
        if status:
            sys.exit(status)
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(place / "output" / "model.tar.gz") as archive:
            for each in archive:  # plain files, just packed
                (folder / Path(each.name).name).write_bytes(archive.extractfile(each).read())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hidden", type=int, default=16)
    options = parser.parse_args()
    make(options.folder, options.hidden)

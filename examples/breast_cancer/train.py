"""Train a classifier on scikit-learn's breast-cancer data and keep it as readable JSON.

    python -m examples.breast_cancer.train OUTPUT_FOLDER [--features 10] [--version 2] [--baseline FILE]

JSON, not a pickle: it loads under any version of scikit-learn (the serving image's is seldom the one that
trained), shows in a diff, and runs nothing when it is read.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SEED = 7
LABELS = ["malignant", "benign"]


def split() -> tuple[list[list[float]], list[list[float]], list[int], list[int]]:
    """The data set, always split the same way: train and test features, train and test labels."""
    data = load_breast_cancer()
    return train_test_split(data.data, data.target, test_size=0.3, random_state=SEED, stratify=data.target)


def train(features: int, version: str) -> dict[str, object]:
    """A logistic regression on the first `features` standardised columns."""
    train_x, _, train_y, _ = split()
    scaler = StandardScaler().fit([row[:features] for row in train_x])
    classifier = LogisticRegression(max_iter=1000).fit(
        scaler.transform([row[:features] for row in train_x]), train_y
    )
    return {
        "version": version,
        "features": features,
        "mean": scaler.mean_.round(6).tolist(),
        "scale": scaler.scale_.round(6).tolist(),
        "coefficients": classifier.coef_[0].round(6).tolist(),
        "intercept": round(float(classifier.intercept_[0]), 6),
        "labels": LABELS,
    }


def baseline() -> list[list[object]]:
    """What monitors compare with: the training data, and what a model that had not seen a row said of it."""
    train_x, _, train_y, _ = split()
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    probabilities = cross_val_predict(model, train_x, train_y, cv=5, method="predict_proba")[:, 1]
    names = [str(name) for name in load_breast_cancer().feature_names]
    rows: list[list[object]] = [[*names, "diagnosis", "predicted", "probability"]]
    for row, label, probability in zip(train_x, train_y, probabilities, strict=True):
        told = [LABELS[label], LABELS[int(probability >= 0.5)], round(float(probability), 4)]
        rows.append([*(float(f"{value:.5g}") for value in row), *told])
    return rows


def main() -> None:
    """Train and write ``model.json``, and the baseline where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--features", type=int, default=30, choices=range(1, 31), metavar="1-30")
    parser.add_argument("--version", default="1")
    parser.add_argument("--baseline", type=Path, metavar="FILE", help="write the training data as CSV, too")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    model = train(options.features, options.version)
    (options.output / "model.json").write_text(json.dumps(model, indent=1) + "\n", encoding="utf-8")
    if options.baseline is not None:
        with options.baseline.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(baseline())


if __name__ == "__main__":
    main()

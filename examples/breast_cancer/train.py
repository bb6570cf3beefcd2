"""Train a classifier on scikit-learn's breast-cancer data and keep it as readable JSON.

    python -m examples.breast_cancer.train OUTPUT_FOLDER [--features 10] [--version 2]

JSON, not a pickle: it loads under any version of scikit-learn (the serving image's is seldom the one that
trained), shows in a diff, and runs nothing when it is read.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

SEED = 7


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
        "labels": ["malignant", "benign"],
    }


def main() -> None:
    """Train and write ``model.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--features", type=int, default=30, choices=range(1, 31), metavar="1-30")
    parser.add_argument("--version", default="1")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    model = train(options.features, options.version)
    (options.output / "model.json").write_text(json.dumps(model, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Train many small models on scikit-learn's images of digits: one for each digit and each fold of the data.

    python -m examples.digits.train OUTPUT_FOLDER [--models 50]

makes ``OUTPUT_FOLDER/fold-0/digit-0/model.json`` and so on: each tells one digit from the nine others.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

SEED = 7
FOLDS = 5


def names(count: int) -> list[str]:
    """The names of the first `count` models."""
    return [f"fold-{index // 10}/digit-{index % 10}" for index in range(count)]


def train(name: str) -> dict[str, object]:
    """The parameters of the model `name`, trained on all but its fold."""
    fold, digit = (int(part.split("-")[1]) for part in name.split("/"))
    data = load_digits()
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(data.data, data.target)
    kept = list(folds)[fold][0]
    classifier = LogisticRegression(max_iter=200, C=0.01).fit(
        data.data[kept] / 16, np.equal(data.target[kept], digit)
    )
    return {
        "name": name,
        "digit": digit,
        "coefficients": classifier.coef_[0].round(4).tolist(),
        "intercept": round(float(classifier.intercept_[0]), 4),
    }


def main() -> None:
    """Train and write a ``model.json`` for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument(
        "--models", type=int, default=10 * FOLDS, choices=range(1, 10 * FOLDS + 1), metavar="1-50"
    )
    options = parser.parse_args()
    for name in names(options.models):
        folder = options.output / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.json").write_text(json.dumps(train(name)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

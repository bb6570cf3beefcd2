"""Train the three steps of a pipeline on scikit-learn's wine data, each kept as readable JSON.

    python -m examples.wine.train OUTPUT_FOLDER

makes ``OUTPUT_FOLDER/scale``, ``classify`` and ``label``, each with the ``model.json`` of one container.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

SEED = 7
LABELS = ("Barolo", "Grignolino", "Barbera")
"""What the data set calls class_0, class_1 and class_2: the cultivars."""


def split() -> tuple[list[list[float]], list[list[float]], list[int], list[int]]:
    """The data set, always split the same way: train and test features, train and test classes."""
    data = load_wine()
    return train_test_split(data.data, data.target, test_size=0.3, random_state=SEED, stratify=data.target)


def train() -> dict[str, dict[str, object]]:
    """The parameters of each step."""
    train_x, _, train_y, _ = split()
    scaler = StandardScaler().fit(train_x)
    classifier = LogisticRegression(max_iter=1000).fit(scaler.transform(train_x), train_y)
    return {
        "scale": {"mean": scaler.mean_.round(6).tolist(), "scale": scaler.scale_.round(6).tolist()},
        "classify": {
            "coefficients": classifier.coef_.round(6).tolist(),
            "intercepts": classifier.intercept_.round(6).tolist(),
        },
        "label": {"labels": list(LABELS)},
    }


def main() -> None:
    """Train and write a ``model.json`` for each step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    output = parser.parse_args().output
    for step, parameters in train().items():
        folder = output / step
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.json").write_text(json.dumps(parameters, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""What Evidently says of the drift of sklearn's breast cancer data: the oracle of tests/monitoring.

Evidently takes a gigabyte and another pandas than the tests do, so it is run by hand, in an environment of its own:

    pip install evidently==0.7.23 "pandas<3" scikit-learn
    python -m tools.evidently_oracle > tests/monitoring/oracles/evidently.json
"""

from __future__ import annotations

import json
import random
from typing import Any

SEED = 5
OF_NUMBERS = ("psi", "jensenshannon", "ks", "wasserstein")
OF_CATEGORIES = ("psi", "jensenshannon", "chisquare")
CATEGORIES = ("size", "size, some unheard of")
DRIFTED = ("mean radius", "mean smoothness", "worst texture")

Columns = dict[str, list[Any]]


def halves() -> tuple[Columns, Columns]:
    """The reference, and the current data: the halves of a seeded shuffle, the second with a drift in three columns."""
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    names, rows = [str(name) for name in found.feature_names], found.data.tolist()
    random.Random(SEED).shuffle(rows)  # noqa: S311 - no secret
    middle = len(rows) // 2
    reference, current = _columns(names, rows[:middle]), _columns(names, rows[middle:])
    current["size, some unheard of"] = [
        "vast" if size == "large" and row % 2 else size for row, size in enumerate(current["size"])
    ]
    current["mean radius"] = [value * 1.2 for value in current["mean radius"]]
    current["mean smoothness"] = [value + 0.01 for value in current["mean smoothness"]]
    current["worst texture"] = [25 + (value - 25) * 2.5 for value in current["worst texture"]]
    return reference, current


def _columns(names: list[str], rows: list[list[float]]) -> Columns:
    columns: Columns = {name: [row[at] for row in rows] for at, name in enumerate(names)}
    columns["size"] = [
        "small" if area < 450 else "middle" if area < 800 else "large" for area in columns["mean area"]
    ]
    columns["size, some unheard of"] = list(columns["size"])
    return columns


def told() -> dict[str, Any]:
    """Evidently's numbers: distances, of "ks" and "chisquare" p."""
    import evidently
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    reference, current = halves()
    numbers = [name for name in reference if name not in CATEGORIES]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=list(CATEGORIES))
    asked = [
        (name, method)
        for name in reference
        for method in (OF_CATEGORIES if name in CATEGORIES else OF_NUMBERS)
    ]
    report = Report([ValueDrift(column=name, method=method) for name, method in asked])
    run = report.run(
        Dataset.from_pandas(pd.DataFrame(current), data_definition=definition),
        Dataset.from_pandas(pd.DataFrame(reference), data_definition=definition),
    )
    values = [float(metric["value"]) for metric in run.dict()["metrics"]]
    features: dict[str, dict[str, float]] = {name: {} for name in reference}
    for (name, method), value in zip(asked, values, strict=True):
        features[name][method] = value
    return {"evidently": evidently.__version__, "features": features}


if __name__ == "__main__":
    print(json.dumps(told(), indent=1))

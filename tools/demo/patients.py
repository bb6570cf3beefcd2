"""The records that no model has seen, and how right an answer is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from examples.breast_cancer.train import LABELS, split

_, RECORDS, _, _truth = split()
TRUTH = [LABELS[label] for label in _truth]


def csv_of(records: Sequence[Sequence[float]]) -> bytes:
    """As the endpoints take them."""
    return "\n".join(",".join(f"{value:g}" for value in record) for record in records).encode()


def answer_of(body: bytes) -> dict[str, Any]:
    """What an endpoint has answered."""
    return dict(json.loads(body))


def accuracy(labels: Sequence[str], truth: Sequence[str] = TRUTH) -> str:
    """For people."""
    hits = sum(label == true for label, true in zip(labels, truth, strict=True))
    return f"{hits / len(truth):.1%} of {len(truth)} right"

"""Clarify's bias metrics that need no model, of counts.

A facet splits the records in two: those with the sensitive value (disadvantaged, *d* in Clarify's pages) and the
others (advantaged, *a*). Labels and predictions are positive or negative.

A ratio with nothing below is infinite, and 0 with nothing above either, as in Clarify's own library. A metric that
has no meaning, such as one of a side without records, is left out. The distances between distributions (TVD, LP, KS,
JS) are taken over both outcomes as the pages define them; KL is infinite where *d* has none of an outcome that *a*
has. Clarify's library leaves out outcomes that one side does not have.

Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-measure-data-bias.html and
clarify-measure-post-training-bias.html.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

DESCRIPTIONS = {
    "CDDL": "Conditional Demographic Disparity in Labels (CDDL)",
    "CI": "Class Imbalance (CI)",
    "DPL": "Difference in Positive Proportions in Labels (DPL)",
    "JS": "Jensen-Shannon Divergence (JS)",
    "KL": "Kullback-Leibler Divergence (KL)",
    "KS": "Kolmogorov-Smirnov Distance (KS)",
    "LP": "L-p Norm (LP)",
    "TVD": "Total Variation Distance (TVD)",
    "AD": "Accuracy Difference (AD)",
    "CDDPL": "Conditional Demographic Disparity in Predicted Labels (CDDPL)",
    "DAR": "Difference in Acceptance Rates (DAR)",
    "DCA": "Difference in Conditional Acceptance (DCA)",
    "DCR": "Difference in Conditional Rejection (DCR)",
    "DI": "Disparate Impact (DI)",
    "DPPL": "Difference in Positive Proportions in Predicted Labels (DPPL)",
    "DRR": "Difference in Rejection Rates (DRR)",
    "GE": "Generalized Entropy (GE)",
    "RD": "Recall Difference (RD)",
    "SD": "Specificity Difference (SD)",
    "TE": "Treatment Equality (TE)",
}
PRE_TRAINING = ("CDDL", "CI", "DPL", "JS", "KL", "KS", "LP", "TVD")
POST_TRAINING = ("AD", "CDDPL", "DAR", "DCA", "DCR", "DI", "DPPL", "DRR", "GE", "RD", "SD", "TE")
FAIR = {"DI": 1.0}
"""The value without bias, where it is not 0."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Records by label and prediction."""

    true_positives: int = 0
    false_positives: int = 0
    false_negatives: int = 0
    true_negatives: int = 0

    @property
    def count(self) -> int:
        """All of them."""
        return self.positives + self.negatives

    @property
    def positives(self) -> int:
        """With a positive label."""
        return self.true_positives + self.false_negatives

    @property
    def negatives(self) -> int:
        """With a negative label."""
        return self.false_positives + self.true_negatives

    @property
    def accepted(self) -> int:
        """With a positive prediction."""
        return self.true_positives + self.false_positives

    @property
    def rejected(self) -> int:
        """With a negative prediction."""
        return self.false_negatives + self.true_negatives


Split = tuple[int, int]
"""Positive and negative ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The counts behind the metrics of one facet: first of the others, then of the sensitive value."""

    records: tuple[int, int]
    labels: tuple[Split, Split]
    """Of records with a label."""
    predictions: tuple[Split, Split]
    """Of records with a prediction."""
    outcomes: tuple[Outcomes, Outcomes]
    """Of records with both."""
    groups: Sequence[tuple[Split, Split]] = ()
    """As `labels`, by group."""
    predicted_groups: Sequence[tuple[Split, Split]] = ()


def metrics(sides: Sides) -> dict[str, float]:
    """Each metric that the counts give, by its short name; some may be infinite."""
    found: dict[str, float] = {}
    others, sensitive = sides.records
    if others and sensitive:
        found["CI"] = (others - sensitive) / (others + sensitive)
    if _both(sides.labels):
        found |= _of_labels(*sides.labels)
    if _both(sides.predictions):
        found |= _of_predictions(*sides.predictions)
    others_said, sensitive_said = sides.outcomes
    if others_said.count and sensitive_said.count:
        found |= _of_outcomes(others_said, sensitive_said)
    for name, splits in (("CDDL", sides.groups), ("CDDPL", sides.predicted_groups)):
        disparity = _conditional_disparity(splits)
        if disparity is not None:
            found[name] = disparity
    return found


def supports(sides: Sides) -> dict[str, int]:
    """How many records each metric stands on: the fewest below any of its ratios."""
    labels = min(map(sum, sides.labels))
    predictions = min(map(sum, sides.predictions))
    return {
        "CI": min(sides.records),
        **dict.fromkeys(("DPL", "KL", "JS", "LP", "TVD", "KS", "CDDL"), labels),
        **dict.fromkeys(("DPPL", "CDDPL"), predictions),
        "DI": min(predictions, sides.predictions[0][0]),
        **dict.fromkeys(("AD", "GE"), min(side.count for side in sides.outcomes)),
        "RD": min(side.positives for side in sides.outcomes),
        "SD": min(side.negatives for side in sides.outcomes),
        **dict.fromkeys(("DAR", "DCA"), min(side.accepted for side in sides.outcomes)),
        **dict.fromkeys(("DRR", "DCR"), min(side.rejected for side in sides.outcomes)),
        "TE": min(side.false_positives for side in sides.outcomes),
    }


def _both(splits: tuple[Split, Split]) -> bool:
    return all(map(sum, splits))


def _of_labels(others: Split, sensitive: Split) -> dict[str, float]:
    a, d = _shares(others), _shares(sensitive)
    middle = [(x + y) / 2 for x, y in zip(a, d, strict=True)]
    apart = [abs(x - y) for x, y in zip(a, d, strict=True)]
    return {
        "DPL": a[0] - d[0],
        "KL": _divergence(a, d),
        "JS": (_divergence(a, middle) + _divergence(d, middle)) / 2,
        "LP": math.hypot(*apart),
        "TVD": sum(apart) / 2,
        "KS": max(apart),
    }


def _shares(split: Split) -> list[float]:
    return [part / sum(split) for part in split]


def _divergence(of: Sequence[float], against: Sequence[float]) -> float:
    """Kullback and Leibler's, in natural units."""
    if any(p and not q for p, q in zip(of, against, strict=True)):
        return math.inf
    return max(math.fsum(p * math.log(p / q) for p, q in zip(of, against, strict=True) if p), 0.0)


def _of_predictions(others: Split, sensitive: Split) -> dict[str, float]:
    a, d = others[0] / sum(others), sensitive[0] / sum(sensitive)
    return {"DPPL": a - d, "DI": _ratio(d, a)}


_OUTCOMES: Mapping[str, tuple[Callable[[Outcomes], float], int]] = {
    "AD": (lambda side: _ratio(side.true_positives + side.true_negatives, side.count), 1),
    "RD": (lambda side: _ratio(side.true_positives, side.positives), 1),
    "SD": (lambda side: _ratio(side.true_negatives, side.negatives), -1),
    "DAR": (lambda side: _ratio(side.true_positives, side.accepted), 1),
    "DRR": (lambda side: _ratio(side.true_negatives, side.rejected), -1),
    "DCA": (lambda side: _ratio(side.positives, side.accepted), 1),
    "DCR": (lambda side: _ratio(side.negatives, side.rejected), -1),
    "TE": (lambda side: _ratio(side.false_negatives, side.false_positives), -1),
}
"""What is compared between the sides, and 1 if it is the others' minus the sensitive one's."""


def _of_outcomes(others: Outcomes, sensitive: Outcomes) -> dict[str, float]:
    found = {
        name: _difference(rate(others), rate(sensitive)) * sign for name, (rate, sign) in _OUTCOMES.items()
    }
    entropy = _entropy(others, sensitive)
    return found if entropy is None else found | {"GE": entropy}


def _difference(others: float, sensitive: float) -> float:
    """0 where both are infinite."""
    return 0.0 if others == sensitive else others - sensitive


def _entropy(others: Outcomes, sensitive: Outcomes) -> float | None:
    """The generalised entropy index of the benefits, with α = 2, of all records. None where nobody has any benefit.

    What is right is a benefit of 1, a false positive one of 2, a false negative none.
    """
    count = others.count + sensitive.count
    wrong = others.false_positives + sensitive.false_positives
    missed = others.false_negatives + sensitive.false_negatives
    total = count + wrong - missed
    if not total:
        return None
    squares = (count - wrong - missed) + 4 * wrong
    return (squares * count / (total * total) - 1) / 2


def _conditional_disparity(groups: Sequence[tuple[Split, Split]]) -> float | None:
    """The sensitive value's share of the rejected less its share of the accepted, by group, weighted by size.

    None without groups, and where all are accepted or all rejected.
    """
    accepted = sum(others[0] + sensitive[0] for others, sensitive in groups)
    rejected = sum(others[1] + sensitive[1] for others, sensitive in groups)
    if not (accepted and rejected):
        return None
    disparities = [
        (sum(others) + sum(sensitive))
        * (_ratio(sensitive[1], others[1] + sensitive[1]) - _ratio(sensitive[0], others[0] + sensitive[0]))
        for others, sensitive in groups
    ]
    return math.fsum(disparities) / (accepted + rejected)


def _ratio(above: float, below: float) -> float:
    """Infinite with nothing below, and 0 with nothing above either."""
    if below:
        return above / below
    return math.inf if above else 0.0

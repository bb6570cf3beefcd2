"""The names that people use for what the files call by short ones."""

from __future__ import annotations

KINDS = {
    "data_quality": "Data quality",
    "model_quality": "Model quality",
    "bias": "Bias drift",
    "attribution": "Attribution drift",
}
STATUSES = {
    "passed": "passed",
    "violated": "violated",
    "too_few": "too few records",
    "no_data": "no data",
    "no_baseline": "no baseline",
    "unknown": "not known",
}
ENGINES = {"owned": "the library's own engine", "model_monitor": "Amazon SageMaker Model Monitor"}
SHORT_METHODS = {
    "ks": "KS",
    "kolmogorov_smirnov": "KS",
    "psi": "PSI",
    "jensen_shannon": "JS",
    "chi_square": "V",
    "wasserstein": "W",
    "l_infinity": "L∞",
}
"""Where there is little room."""
METHODS = {
    "ks": "Kolmogorov–Smirnov distance",
    "kolmogorov_smirnov": "Kolmogorov–Smirnov distance",
    "psi": "population stability index",
    "jensen_shannon": "Jensen–Shannon distance",
    "chi_square": "Cramér's V",
    "wasserstein": "Wasserstein distance",
    "l_infinity": "L∞ distance",
}
CHECKS = {
    "baseline_drift_check": "drift",
    "data_type_check": "type",
    "completeness_check": "missing values",
    "missing_column_check": "missing column",
    "extra_column_check": "extra column",
    "categorical_values_check": "new categories",
    "range_check": "out of range",
    "LessThanThreshold": "below its threshold",
    "GreaterThanThreshold": "above its threshold",
    "bias_drift_check": "bias drift",
    "feature_attribution_drift_check": "attribution drift",
}
CONSTANT = "_best_constant_classifier"
"""What Model Monitor adds to a metric's name: the best that a model which looks at nothing could do."""
_METRICS = {
    "auc": "AUC",
    "au_prc": "area under PR",
    "mae": "MAE",
    "mse": "MSE",
    "rmse": "RMSE",
    "r2": "R²",
    "f0_5": "F0.5",
    "f1": "F1",
    "f2": "F2",
}


def metric(name: str) -> str:
    """A metric of a model."""
    return _METRICS.get(name, name.replace("_", " "))


def method(name: str) -> str:
    """A distance between distributions."""
    return METHODS.get(name, f"{name.replace('_', ' ')} distance".strip())

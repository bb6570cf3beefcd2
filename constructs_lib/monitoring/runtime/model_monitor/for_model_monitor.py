"""Baselines as Model Monitor and Clarify take them: without what is only ours, and without exponents.

That the analyzer ignores what it does not know is nowhere said, and "scientific notation" it does not read:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-constraints.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

_OURS = {"noise", "allowed_change", "ignored", "range", "num_unfit", "num_fractional", "free_text"}
_TEXT_OR_EXPONENT = re.compile(r'"(?:\\.|[^"\\])*"|-?\d+(?:\.\d+)?[eE][+-]?\d+')


def without_ours(value: Any) -> Any:
    """A file without the keys that only this library knows; of ignored features there are no constraints."""
    if isinstance(value, list):
        return [without_ours(each) for each in value if not (isinstance(each, dict) and each.get("ignored"))]
    if not isinstance(value, dict):
        return value
    found = {name: without_ours(each) for name, each in value.items() if name not in _OURS}
    drift = found.pop("drift", None) if "distribution_constraints" in found else None
    if drift is not None:
        found["distribution_constraints"] |= _thresholds(drift)
    return found


def _thresholds(drift: Mapping[str, Any]) -> dict[str, float]:
    """The nearest that the analyzer knows of: its own two distances, with our thresholds."""
    return {
        "comparison_threshold": drift["numeric"]["threshold"],
        "categorical_comparison_threshold": drift["categorical"]["threshold"],
    }


def plainly_written(value: Any) -> str:
    """JSON whose numbers have no exponents."""
    return _TEXT_OR_EXPONENT.sub(_plain, json.dumps(value, indent=1, allow_nan=False))


def _plain(match: re.Match[str]) -> str:
    found = match.group()
    if found.startswith('"'):
        return found
    written = format(Decimal(found), "f")
    return written if "." in written else f"{written}.0"

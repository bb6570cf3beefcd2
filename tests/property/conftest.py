"""Hypothesis profiles: the same examples on every run, unless asked to explore."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

# Examples are stacks: each is slow to make, and that is no reason to give up on it.
COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}

# No shrinking in CI: a smaller example would cost minutes, and the one that failed is printed.
settings.register_profile(
    "ci", derandomize=True, database=None, phases=[Phase.explicit, Phase.generate], **COMMON
)
settings.register_profile("explore", max_examples=1_000, **COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

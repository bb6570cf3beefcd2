"""Hypothesis profiles: the same examples on every run, unless asked to explore."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Examples are stacks: each is slow to make, and that is no reason to give up on it.
COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}

settings.register_profile("ci", derandomize=True, database=None, print_blob=True, **COMMON)
settings.register_profile("explore", max_examples=1_000, print_blob=True, **COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

"""The monitor of data: is what is asked still like what the model was trained on?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from ..drift.constraints import profile_for, suggest
from ..drift.judge import judge
from ..drift.profile import Profile
from ..reading.rows import Reading
from ..reading.source import Source
from ..reading.table import Chunk
from ..reading.tally import Tally
from ..run.description import Description
from ..run.result import Found
from .schema import Features, columns_of

STRAY = 0.01
"""The share of rows that may have a column more than the baseline has: one client's slip is no change of schema."""


def baseline(_monitor: Description, spec: Mapping[str, Any], chunks: Iterable[Chunk]) -> dict[str, Any]:
    """Statistics of the training data, and the constraints that they suggest."""
    options = spec.get("options", {})
    features = Features(spec)
    profile = Profile(options.get("types"))
    for chunk in features.of(chunks):
        profile.add(features.only(chunk))
    features.must_have(options.get("types", ()), features=True)
    return {
        "statistics.json": profile.statistics(),
        "constraints.json": suggest(profile, options),
        "schema.json": features.described(),
    }


def look(monitor: Description, files: Mapping[str, Any], source: Source) -> Found:
    """Compare the requests of a window with the baseline."""
    constraints = files["constraints.json"]
    reading = Reading(columns=columns_of(files), path=monitor.options.get("path") or "")
    (profile, tally), *others = source.each(partial(_profiled, constraints=constraints, reading=reading))
    for other, its in others:
        profile.merge(other)
        tally.merge(its)
    verdict = judge(
        constraints,
        Profile.of_statistics(files["statistics.json"]),
        profile,
        extra_columns=[name for name, count in tally.extra.items() if count > STRAY * tally.rows],
    )
    return Found(
        records=profile.size,
        unread=tally.unread,
        statistics=profile.statistics(),
        violations=verdict.violations,
        features=verdict.features,
        notes={"reading": tally.described(), "checks": verdict.checks, "level": verdict.level},
    )


def _profiled(source: Source, *, constraints: Mapping[str, Any], reading: Reading) -> tuple[Profile, Tally]:
    tally, profile = Tally(), profile_for(constraints)
    for chunk in source.chunks(reading, tally):
        profile.add(chunk)
    return profile, tally

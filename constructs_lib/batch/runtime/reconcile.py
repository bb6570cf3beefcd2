"""Whether as many records came out as went in: of each object, and in all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .pairing import MOST_NAMED, named
from .problems import CountMismatch, write_problem
from .results import results
from .run_files import FINISHED, INSPECT, PAIRS, Run, counts_key


@dataclass(slots=True)
class Counts:
    """Records by kind of file (``in``, ``out``, ``finished``) and key."""

    by_key: dict[tuple[str, str], int] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    nulls: int = 0

    @classmethod
    def of(cls, results: Iterable[Mapping[str, Any]]) -> Counts:
        """Sum up what the workers found."""
        counts = cls()
        for each in results:
            what, key, records = each["what"], (each["what"], each["key"]), each["records"]
            counts.by_key[key] = counts.by_key.get(key, 0) + records
            counts.totals[what] = counts.totals.get(what, 0) + records
            counts.nulls += each["nulls"]
        return counts

    def of_file(self, what: str, key: str) -> int:
        """Records of a file; none of one without chunks, for it is empty."""
        return self.by_key.get((what, key), 0)

    def total(self, what: str) -> int:
        """Records of all files of a kind."""
        return self.totals.get(what, 0)


@dataclass(frozen=True, slots=True)
class Difference:
    """An object whose records did not all come out, or came out more than once."""

    key: str
    given: int
    got: int


def reconcile(run: Run, now: float) -> dict[str, Any]:
    """Sum up what was counted, and compare.

    :param now: Seconds since 1970.
    :returns: ``at``, in milliseconds: the time that captured records have, since monitors do not look back for hours
        to when a long run began. ``counts``: ``in``, ``out`` and ``finished``, as far as their records were counted;
        ``records``, those of what the sinks read; and ``nulls`` among their values.
    :raises CountMismatch: where they differ. The output stays, and the problems name the objects.
    :raises MissingResult: where a chunk was not counted.
    """
    counts = Counts.of(results(run, run.read_list(INSPECT), counts_key))
    if run.settings.lines:
        _check_pairs(run, counts)
    if run.settings.finishes and run.settings.finish_keeps_count:
        _check_finished(run, counts)
    totals = {what: counts.total(what) for what in run.settings.counted}
    told = {**totals, "records": totals.get(run.settings.facing_sinks, 0), "nulls": counts.nulls}
    return {"counts": told, "at": round(now * 1000)}


def differences(counts: Counts, pairs: Iterable[Sequence[str]]) -> list[Difference]:
    """The objects that do not have as many records in their output, the greatest difference first."""
    found = [
        Difference(key, given, got)
        for key, output in pairs
        if (given := counts.of_file("in", key)) != (got := counts.of_file("out", output))
    ]
    return sorted(found, key=lambda each: (-abs(each.got - each.given), each.key))


def _check_pairs(run: Run, counts: Counts) -> None:
    file = run.read(PAIRS)
    found = differences(counts, file["pairs"])
    if not found:
        return
    for number, each in enumerate(found[:MOST_NAMED]):
        one = CountMismatch(f"{each.given:,} records in, {each.got:,} out")
        write_problem(run, "reconcile", number, one, f"s3://{file['bucket']}/{each.key}")
    raise CountMismatch(mismatch_text(counts.total("in"), counts.total("out"), found))


def mismatch_text(given: int, got: int, found: Sequence[Difference]) -> str:
    """What differs, in all and in which objects."""
    told = named([f"in {each.key} {each.given:,} in, {each.got:,} out" for each in found])
    return f"{given:,} records in, {got:,} out; {told}"


def _check_finished(run: Run, counts: Counts) -> None:
    got, kept = counts.total("out"), counts.total("finished")
    if got == kept:
        return
    error = CountMismatch(f"{got:,} records of output, {kept:,} after the post-processing job")
    write_problem(run, "reconcile", 0, error, run.store.uri(f"{FINISHED}/{run.attempt('finish')}/"))
    raise error

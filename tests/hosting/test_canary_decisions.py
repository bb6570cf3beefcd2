"""What a canary analysis decides: tables, and what holds for any series."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import guard

decision = guard.module("canary_decision")
Bound, Limits, Measurement, Verdict = (
    decision.Bound,
    decision.Limits,
    decision.Measurement,
    decision.Verdict,
)
LETTERS = {
    "s": Measurement.SUCCESSFUL,
    "f": Measurement.FAILED,
    "i": Measurement.INCONCLUSIVE,
    "-": Measurement.NO_DATA,
}
LIMITS = Limits(failure=2, success=3)
EAGER = Limits(failure=2, success=3, inconclusive=2)


def judged(*checks: str, limits: Limits = LIMITS, due: bool = False) -> Verdict:
    """The verdict on checks written as one letter an interval."""
    columns = [[LETTERS[letter] for letter in check] for check in checks]
    return decision.judge(zip(*columns, strict=True), limits, due=due)


# --- one measurement ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bound", "value", "measured"),
    [
        (Bound(at_most=5), 5, "s"),
        (Bound(at_most=5), 5.001, "f"),
        (Bound(at_most=5, margin=1), 5.5, "i"),
        (Bound(at_most=5, margin=1), 6, "i"),
        (Bound(at_most=5, margin=1), 6.5, "f"),
        (Bound(at_least=0.9), 0.9, "s"),
        (Bound(at_least=0.9), 0.89, "f"),
        (Bound(at_least=0.5, margin=0.25), 0.25, "i"),
        (Bound(at_least=0.5, margin=0.25), 0.2, "f"),
        (Bound(at_most=0), 0, "s"),
        (Bound(at_least=0), -1, "f"),
        (Bound(at_most=5), None, "-"),
        (Bound(at_most=5), float("nan"), "-"),
        (Bound(at_most=5), float("inf"), "-"),
    ],
)
def test_a_value_is_measured_against_its_bound(bound: Bound, value: float | None, measured: str) -> None:
    assert decision.measure(bound, value, None) is LETTERS[measured]


@pytest.mark.parametrize(("samples", "measured"), [(None, "f"), (0, "-"), (49, "-"), (50, "f"), (51, "f")])
def test_too_few_samples_are_no_data(samples: float | None, measured: str) -> None:
    assert decision.measure(Bound(at_most=1, minimum_samples=50), 2, samples) is LETTERS[measured]


@pytest.mark.parametrize(
    ("since", "now", "starts"),
    [
        (600, 600, []),
        (600, 659.9, []),
        (600, 660, [600]),
        (601, 720, [660]),
        (601, 719, []),
        (599, 800, [600, 660, 720]),
        (900, 600, []),
    ],
)
def test_only_whole_intervals_within_the_bake_are_measured(
    since: float, now: float, starts: list[float]
) -> None:
    assert decision.whole_intervals(since, now, 60) == starts


# --- verdicts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("checks", "verdict"),
    [
        ((), Verdict.RUNNING),
        (("",), Verdict.RUNNING),
        (("f",), Verdict.RUNNING),
        (("ff",), Verdict.FAILURE),
        (("fsf",), Verdict.RUNNING),
        (("fif",), Verdict.RUNNING),
        (("f--f",), Verdict.FAILURE),
        (("ss",), Verdict.RUNNING),
        (("sss",), Verdict.SUCCESS),
        (("ssfs",), Verdict.RUNNING),
        (("ss-s",), Verdict.SUCCESS),
        (("ssis",), Verdict.RUNNING),
        # A failure stands, before and after a success.
        (("ffsss",), Verdict.FAILURE),
        (("sssff",), Verdict.FAILURE),
        (("sssf",), Verdict.SUCCESS),
        # All checks succeed, or one fails.
        (("sss", "ss-"), Verdict.RUNNING),
        (("sss-", "-sss"), Verdict.SUCCESS),
        (("ssssss", "ffssss"), Verdict.FAILURE),
        (("sssfss", "---sss"), Verdict.RUNNING),
        (("fs", "sf"), Verdict.RUNNING),
        (("iiii",), Verdict.RUNNING),
    ],
)
def test_runs_of_measurements_make_a_verdict(checks: tuple[str, ...], verdict: Verdict) -> None:
    assert judged(*checks) is verdict


@pytest.mark.parametrize("checks", [(), ("",), ("----",), ("ss",), ("sss", "---"), ("fsfsf",)])
def test_what_is_undecided_when_time_is_up_is_inconclusive(checks: tuple[str, ...]) -> None:
    assert judged(*checks, due=True) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("checks", "verdict"),
    [
        (("i",), Verdict.RUNNING),
        (("ii",), Verdict.INCONCLUSIVE),
        (("i-i",), Verdict.INCONCLUSIVE),
        (("isi",), Verdict.RUNNING),
        # The first of the two stands.
        (("sssii",), Verdict.SUCCESS),
        (("iisss",), Verdict.INCONCLUSIVE),
        (("iiff",), Verdict.FAILURE),
    ],
)
def test_a_run_of_inconclusive_measurements_is_inconclusive_where_asked(
    checks: tuple[str, ...], verdict: Verdict
) -> None:
    assert judged(*checks, limits=EAGER) is verdict


# --- what holds for any series --------------------------------------------------------------------

LIMITS_OF_ANY_KIND = st.builds(
    Limits,
    failure=st.integers(1, 4),
    success=st.integers(1, 4),
    inconclusive=st.none() | st.integers(1, 4),
)


@st.composite
def series(draw: st.DrawFn) -> list[tuple[Measurement, ...]]:
    checks = draw(st.integers(1, 3))
    row = st.tuples(*[st.sampled_from(list(Measurement))] * checks)
    return draw(st.lists(row, max_size=12))


@given(rows=series(), at=st.integers(0, 12), limits=LIMITS_OF_ANY_KIND, due=st.booleans())
def test_an_interval_without_data_changes_no_verdict(
    rows: list[tuple[Measurement, ...]], at: int, limits: Limits, due: bool
) -> None:
    nothing = tuple(Measurement.NO_DATA for _ in rows[0]) if rows else (Measurement.NO_DATA,)
    paused = [*rows[:at], nothing, *rows[at:]]
    assert decision.judge(paused, limits, due=due) is decision.judge(rows, limits, due=due)


@given(rows=series(), limits=LIMITS_OF_ANY_KIND)
def test_verdicts_stand_but_for_a_failure_that_comes_later(
    rows: list[tuple[Measurement, ...]], limits: Limits
) -> None:
    seen = [decision.judge(rows[:count], limits, due=False) for count in range(len(rows) + 1)]
    for before, after in itertools.pairwise(seen):
        assert after is before or before is Verdict.RUNNING or after is Verdict.FAILURE
        assert before is not Verdict.FAILURE or after is Verdict.FAILURE


@given(rows=series(), limits=LIMITS_OF_ANY_KIND)
def test_time_decides_only_what_is_undecided(rows: list[tuple[Measurement, ...]], limits: Limits) -> None:
    early, late = (decision.judge(rows, limits, due=due) for due in (False, True))
    assert late is (Verdict.INCONCLUSIVE if early is Verdict.RUNNING else early)


@given(rows=series(), limits=LIMITS_OF_ANY_KIND, order=st.randoms())
def test_the_order_of_the_checks_does_not_matter(
    rows: list[tuple[Measurement, ...]], limits: Limits, order: object
) -> None:
    columns = list(range(len(rows[0]))) if rows else []
    order.shuffle(columns)  # type: ignore[attr-defined]
    shuffled = [tuple(row[column] for column in columns) for row in rows]
    assert decision.judge(shuffled, limits, due=True) is decision.judge(rows, limits, due=True)


@given(check=st.text("si-", max_size=20), limit=st.integers(1, 5))
def test_without_a_failed_measurement_nothing_fails(check: str, limit: int) -> None:
    limits = Limits(failure=limit, success=3, inconclusive=2)
    assert judged(check, limits=limits, due=True) is not Verdict.FAILURE


@given(check=st.text("sfi-", max_size=30), limits=LIMITS_OF_ANY_KIND)
def test_one_check_fails_exactly_where_its_data_has_the_run(check: str, limits: Limits) -> None:
    """The oracle says it with strings."""
    data = check.replace("-", "")
    assert (judged(check, limits=limits) is Verdict.FAILURE) == ("f" * limits.failure in data)

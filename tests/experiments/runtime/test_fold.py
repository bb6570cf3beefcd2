"""What is known of answers, and what it counts, whatever the order."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.experiments.runtime.amounts import Amounts, Unit, gathered
from constructs_lib.experiments.runtime.events import Event, Exposure, Reward
from constructs_lib.experiments.runtime.fold import NOTHING, Counting, Known, fold
from tests.support.experiment_events import EXPERIMENT, NOON, NUMERIC, PERIOD, WINDOW

COUNTING = Counting(EXPERIMENT)
ONE = Unit(EXPERIMENT.reward).units(1.0)
START = int(NOON // PERIOD * PERIOD)

times = st.sampled_from([NOON, NOON + 60, NOON + PERIOD, NOON + WINDOW, NOON + WINDOW + 61, NOON - 400])
events = st.one_of(
    st.builds(Exposure, st.sampled_from("abc"), times, st.sampled_from(EXPERIMENT.names)),
    st.builds(Reward, st.sampled_from("abc"), times, st.integers(-3, 3)),
)


def shown(at: float = NOON, arm: str = "control") -> Exposure:
    return Exposure("a", at, arm)


def rewarded(after: float = 60.0, units: int = ONE) -> Reward:
    return Reward("a", NOON + after, units)


@given(st.lists(events, max_size=20), st.integers(0, 2**32))
def test_neither_order_nor_repetition_nor_batches_matter(told: list[Event], seed: int) -> None:
    shuffled = [*told, *told[::2]]
    random.Random(seed).shuffle(shuffled)  # noqa: S311
    cut = seed % (len(shuffled) + 1)
    one, other = fold(shuffled[:cut]), fold(shuffled[cut:])
    together = {id: one.get(id, NOTHING).merged(other.get(id, NOTHING)) for id in one | other}
    assert together == fold(told)


@given(st.lists(events, max_size=12))
def test_changes_add_up_to_what_is_known_in_the_end(told: list[Event]) -> None:
    known: dict[str, Known] = {}
    added = []
    for event in told:
        before = known.get(event.id, NOTHING)
        known[event.id] = before.merged(fold([event])[event.id])
        added.extend(COUNTING.change(before, known[event.id]).items())
    worth = [each for each in map(COUNTING.worth, fold(told).values()) if each is not None]
    assert gathered(added) == gathered(worth)


def test_an_exposure_counts_in_its_own_period() -> None:
    assert COUNTING.worth(Known(shown())) == ((START, "control"), Amounts(exposures=1))
    last = Known(shown(START + PERIOD - 0.001))
    assert COUNTING.worth(last) == ((START, "control"), Amounts(exposures=1))
    next = Known(shown(START + PERIOD))
    assert COUNTING.worth(next) == ((START + int(PERIOD), "control"), Amounts(exposures=1))


def test_a_reward_counts_where_its_exposure_does() -> None:
    counted = COUNTING.worth(Known(shown(arm="bold"), rewarded(after=PERIOD)))
    assert counted == ((START, "bold"), Amounts(1, 1, ONE, ONE * ONE))


def test_a_reward_without_an_exposure_counts_nothing_yet() -> None:
    assert COUNTING.worth(Known(reward=rewarded())) is None
    change = COUNTING.change(Known(reward=rewarded()), Known(shown(), rewarded()))
    assert change == {(START, "control"): Amounts(1, 1, ONE, ONE * ONE)}


def test_a_reward_counts_until_the_window_closes() -> None:
    assert not COUNTING.is_late(Known(shown(), rewarded(WINDOW)))
    assert COUNTING.is_late(Known(shown(), rewarded(WINDOW + 0.001)))
    assert not COUNTING.is_late(Known(shown(), rewarded(-300)))  # clocks differ
    assert COUNTING.is_late(Known(shown(), rewarded(-300.001)))
    late = Known(shown(), rewarded(WINDOW + 1))
    assert COUNTING.worth(late) == ((START, "control"), Amounts(exposures=1))


def test_an_earlier_reward_takes_the_place_of_a_later_one() -> None:
    before = Known(shown(), rewarded(600, units=0))
    after = before.merged(Known(reward=rewarded(60)))
    assert COUNTING.change(before, after) == {(START, "control"): Amounts(0, 0, ONE, ONE * ONE)}
    assert after.merged(Known(reward=rewarded(900))) == after


def test_an_earlier_exposure_moves_what_was_counted() -> None:
    before = Known(shown(NOON + PERIOD), rewarded(PERIOD + 60))
    after = before.merged(Known(shown(arm="shy")))
    assert COUNTING.change(before, after) == {
        (START + int(PERIOD), "control"): Amounts(1, 1, ONE, ONE * ONE).negative(),
        (START, "shy"): Amounts(1, 1, ONE, ONE * ONE),
    }


@given(st.lists(st.floats(-5, 250), max_size=50))
def test_sums_do_not_depend_on_their_order(values: list[float]) -> None:
    unit = Unit(NUMERIC.reward)
    total = sum(unit.units(value) for value in values)
    assert unit.units(unit.decimal(total)) == total
    squares = sum(unit.units(value) ** 2 for value in reversed(values))
    assert unit.squared(unit.decimal_squares(squares)) == squares
    assert unit.totals(Amounts(total=total)).total == float(unit.decimal(total))

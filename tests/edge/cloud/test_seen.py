"""Which summaries were counted, against a plain set of all of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.edge.runtime.cloud.seen import WINDOW, Boot, Seen

BOOTS = st.sampled_from(["aa", "bb", "cc"])
TOLD = st.tuples(BOOTS, st.integers(0, WINDOW - 1))


def counted(told: list[tuple[str, int]]) -> Seen:
    seen = Seen()
    for boot, number in told:
        seen = seen.counting(boot, number)
    return seen


@given(st.lists(TOLD, max_size=60))
def test_in_any_order_each_is_known_and_no_other(told: list[tuple[str, int]]) -> None:
    seen = counted(told)
    for boot in ("aa", "bb", "cc"):
        for number in range(0, WINDOW, 7):
            assert seen.has(boot, number) == ((boot, number) in told)
    assert all(seen.has(*each) for each in told)


@given(st.lists(TOLD, max_size=30), st.lists(TOLD, max_size=30))
def test_what_two_batches_counted_is_joined(one: list[tuple[str, int]], other: list[tuple[str, int]]) -> None:
    joined = counted(one).joined(counted(other).boots)
    for boot in ("aa", "bb", "cc"):
        for number in range(0, WINDOW, 5):
            assert joined.has(boot, number) == ((boot, number) in [*one, *other])


@given(st.lists(TOLD, max_size=40))
def test_it_is_told_and_read(told: list[tuple[str, int]]) -> None:
    seen = counted(told)
    assert Seen.of(seen.told()) == seen


def test_what_is_too_old_to_know_is_taken_for_counted() -> None:
    seen = counted([("aa", 0), ("aa", 10_000)])
    assert seen.has("aa", 10_000 - WINDOW)
    assert not seen.has("aa", 10_000 - WINDOW + 1)
    assert seen.boots == (Boot("aa", 10_000, 1),)
    assert counted([("aa", 10_000), ("aa", 0)]).boots == seen.boots


def test_the_last_four_starts_are_remembered_and_an_item_stays_small() -> None:
    told = [(f"{boot:08x}", number) for boot in range(9) for number in range(2 * WINDOW)]
    seen = counted(told)
    assert [each.name for each in seen.boots] == [f"{boot:08x}" for boot in range(5, 9)]
    assert len(seen.told()) < 700


def test_a_start_that_is_heard_of_again_is_not_forgotten() -> None:
    seen = counted([("aa", 1), ("bb", 1), ("cc", 1), ("dd", 1), ("aa", 2), ("ee", 1)])
    assert [each.name for each in seen.boots] == ["cc", "dd", "aa", "ee"]

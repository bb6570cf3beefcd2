"""Pairing: every answer finds its partner, however many there are, in memory that does not grow with them."""

from __future__ import annotations

import hashlib
import random
import tracemalloc

from constructs_lib.experiments.runtime.captured import Answer
from constructs_lib.experiments.runtime.pairing import Paired, Pairing

START, END = 1000.0, 2000.0


def key(name: object) -> bytes:
    return hashlib.sha256(str(name).encode()).digest()[:16]


def label(text: object) -> Answer:
    return Answer(labels=(str(text),))


def pairing(room: int = 1_000_000) -> Pairing:
    return Pairing(START, END, room=room)


def of(found: Paired) -> list[tuple[str, str]]:
    return sorted((a.labels[0], b.labels[0]) for a, b in found.pairs)


def test_partners_find_each_other_in_any_order() -> None:
    events = [("production", n, f"p{n}") for n in range(100)] + [
        ("challenger", n, f"c{n}") for n in range(100)
    ]
    random.Random(1).shuffle(events)  # noqa: S311
    both = pairing()
    for side, number, text in events:
        both.add(side, key(number), 1500, label(text))
    found = both.result()
    assert of(found) == sorted((f"p{n}", f"c{n}") for n in range(100))
    assert (found.unpaired, found.not_copied, found.sampled_share) == (0, 0, 1.0)


def test_what_has_no_partner_is_counted_apart() -> None:
    both = pairing()
    both.add("production", key(1), 1500, label("p"))
    both.add("challenger", key(2), 1500, label("c"))
    both.add("challenger", key(3), 1500, label("c"))
    found = both.result()
    assert (found.pairs, found.not_copied, found.unpaired) == ([], 1, 2)


def test_equal_requests_are_paired_one_by_one_in_time() -> None:
    both = pairing()
    for at in (1300, 1100, 1200):
        both.add("production", key("same"), at, label(f"p{at}"))
    for at in (1201, 1101):
        both.add("challenger", key("same"), at, label(f"c{at}"))
    found = both.result()
    assert of(found) == [("p1100", "c1101"), ("p1200", "c1201")]
    assert found.not_copied == 1


def test_a_pair_belongs_to_the_window_of_its_request() -> None:
    both = pairing()
    # The copy is answered in the next window, the request in this one: ours.
    both.add("production", key(1), END - 1, label("p1"))
    both.add("challenger", key(1), END + 1, label("c1"))
    # The other way round: the window before has it.
    both.add("production", key(2), START - 1, label("p2"))
    both.add("challenger", key(2), START + 1, label("c2"))
    # Partners of windows beside it, without theirs.
    both.add("production", key(3), END, label("p3"))
    both.add("challenger", key(4), START - 1, label("c4"))
    found = both.result()
    assert of(found) == [("p1", "c1")]
    assert (found.unpaired, found.not_copied) == (0, 0)


def test_beyond_its_room_it_keeps_a_sample_of_whole_pairs() -> None:
    count, room = 20_000, 4_000  # an answer takes 2: room for 1,000 pairs
    both = pairing(room)
    for number in range(count):
        both.add("production", key(number), 1500, label(number % 2))
    for number in reversed(range(count)):
        both.add("challenger", key(number), 1500, label(number % 2))
    found = both.result()
    assert 900 <= len(found.pairs) <= 1000
    # Nobody lost a partner to the sampling.
    assert (found.unpaired, found.not_copied) == (0, 0)
    assert all(a == b for a, b in found.pairs)
    # And it is a fair one.
    assert 0.4 < sum(a.labels == ("1",) for a, _ in found.pairs) / len(found.pairs) < 0.6
    assert abs(found.sampled_share - len(found.pairs) / count) < 0.005


def test_the_sample_does_not_depend_on_the_order() -> None:
    numbers = list(range(2_000))
    results = []
    for seed in (1, 2):
        random.Random(seed).shuffle(numbers)  # noqa: S311
        both = pairing(400)
        for number in numbers:
            both.add("production", key(number), 1500, label(number))
            both.add("challenger", key(number), 1500, label(number))
        results.append(of(both.result()))
    # What was there last may differ by the few that are dropped while more come than go.
    one, other = (set(each) for each in results)
    assert len(one & other) / len(one | other) > 0.95


def test_one_request_sent_for_ever_does_not_fill_the_memory() -> None:
    both = pairing(10_000)
    tracemalloc.start()
    for _ in range(50_000):
        both.add("production", key("health"), 1500, label("ok"))
        both.add("challenger", key("health"), 1500, label("ok"))
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert used < 5_000_000
    assert len(both.result().pairs) == 1000

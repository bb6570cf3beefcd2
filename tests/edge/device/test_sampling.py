"""Which results a device tells of."""

from __future__ import annotations

import hashlib

import pytest

from constructs_lib.edge.runtime.device.sampling import Sampler

IDS = [f"cam-1-0badcafe-{i}" for i in range(20_000)]


@pytest.mark.parametrize("percent", [0.5, 10, 50, 99])
def test_the_share_is_what_was_asked_for(percent: float) -> None:
    chosen = sum(Sampler(percent).wanted(each, failed=False) for each in IDS) / len(IDS)
    deviation = (percent / 100 * (1 - percent / 100) / len(IDS)) ** 0.5
    assert abs(chosen - percent / 100) < 4 * deviation


@pytest.mark.parametrize(("percent", "all_of_them"), [(0, False), (100, True)])
def test_none_and_all(percent: float, all_of_them: bool) -> None:
    sampler = Sampler(percent)
    assert {sampler.wanted(each, failed=False) for each in IDS} == {all_of_them}


def test_a_smaller_share_is_part_of_a_larger() -> None:
    few, many = Sampler(5), Sampler(20)
    assert all(many.wanted(each, failed=False) for each in IDS if few.wanted(each, failed=False))


def test_it_is_the_hash_of_the_id_that_decides_so_that_others_can_tell() -> None:
    known = {each: int(hashlib.sha256(each.encode()).hexdigest()[:16], 16) / 2**64 for each in IDS[:500]}
    sampler = Sampler(30)
    assert {each: sampler.wanted(each, failed=False) for each in known} == {
        each: place < 0.3 for each, place in known.items()
    }


def test_failures_are_told_of_besides_unless_they_are_not_wanted() -> None:
    assert Sampler(0).wanted("a", failed=True)
    assert not Sampler(0, errors_always=False).wanted("a", failed=True)
    assert Sampler(100, errors_always=False).wanted("a", failed=True)


def test_any_text_is_an_id() -> None:
    assert Sampler(100).wanted("\ud800 ü", failed=False)


@pytest.mark.parametrize("percent", [-0.1, 100.1, float("nan")])
def test_a_share_is_of_a_hundred(percent: float) -> None:
    with pytest.raises(ValueError, match="0–100"):
        Sampler(percent)

"""The account of a fleet finds what it is there to find."""

from __future__ import annotations

from typing import Any

import pytest

from .ledger import MOST_LOST, Answer, Life, account


def answer(number: int, **other: Any) -> Answer:
    given = {"inference_id": f"i{number}", "status": 200, "version": "v1", "outputs": {"y": [number]}}
    return Answer(**{**given, **other})


def record(number: int, **other: Any) -> dict[str, Any]:
    said = {"model_version": "v1", "status": "ok", "output": {"y": [number]}}
    return {"id": f"cam-0-{number}", "inference_id": f"i{number}", **said, **other}


def life(count: int, *, killed: bool = False) -> Life:
    return Life("cam", 1, killed, [answer(number) for number in range(count)])


def records(*numbers: int) -> list[dict[str, Any]]:
    return [record(each) for each in numbers]


def test_what_is_there_is_accounted_for_also_twice() -> None:
    found = account([life(3)], records(2, 0, 1, 0, 7))
    assert (found.wrong, found.lost) == ([], {})


@pytest.mark.parametrize("killed", [False, True])
def test_one_in_the_middle_is_missed(killed: bool) -> None:
    found = account([life(4, killed=killed)], records(0, 1, 3))
    assert found.wrong == ["cam, life 1: 1 of 4 missing: i2"]


def test_the_last_are_missed_unless_their_process_was_killed() -> None:
    assert account([life(4)], records(0, 1)).wrong == ["cam, life 1: 2 of 4 missing: i2, i3"]
    found = account([life(4, killed=True)], records(0, 1))
    assert (found.wrong, found.lost) == ([], {("cam", 1): 2})


def test_a_kill_costs_no_more_than_was_in_line() -> None:
    kept = records(*range(5))
    assert account([life(5 + MOST_LOST, killed=True)], kept).wrong == []
    assert len(account([life(6 + MOST_LOST, killed=True)], kept).wrong) == 1


@pytest.mark.parametrize(
    "other",
    [{"model_version": "v2"}, {"status": "error"}, {"output": None}],
    ids=lambda each: next(iter(each)),
)
def test_a_record_says_what_the_client_was_told(other: dict[str, Any]) -> None:
    assert "i1 was told" in account([life(2)], [record(0), record(1, **other)]).wrong[0]


def test_what_comes_twice_is_the_same() -> None:
    changed = record(0, output={"y": [5]})
    assert account([life(1)], [record(0), changed]).wrong == ["cam-0-0 came twice, and not the same"]
    again = record(0, id="cam-0-9")
    assert account([life(1)], [record(0), again]).wrong == ["i0 was recorded twice"]

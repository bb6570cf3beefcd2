"""Settings at their bounds, and how long is slept between attempts."""

from __future__ import annotations

import math

import pytest

from constructs_lib.access.client import ClientSettings, Deadline, DeadlineExceeded, Throttled, Unavailable
from constructs_lib.access.client.retrying import retried, sleep_before


@pytest.mark.parametrize(
    "given",
    [
        {"attempts": 0},
        {"attempts": 11},
        {"backoff": -1},
        {"max_backoff": math.inf},
        {"connect_timeout": 0},
        {"read_timeout": math.nan},
        {"deadline": 0},
        {"connections": 0},
        {"max_payload_bytes": 0},
        {"poll": 0},
    ],
)
def test_settings_out_of_range(given: dict[str, float]) -> None:
    (name,) = given
    with pytest.raises(ValueError, match=name):
        ClientSettings(**given)  # type: ignore[arg-type]


def test_sleeps_are_jittered_and_bounded() -> None:
    settings = ClientSettings(backoff=1, max_backoff=3)
    for attempt, most in ((1, 1), (2, 2), (3, 3), (9, 3)):
        slept = [sleep_before(attempt, settings, None) for _ in range(300)]
        assert 0 <= min(slept) < most / 4
        assert most * 3 / 4 < max(slept) <= most
    assert 7 <= sleep_before(1, settings, 7) <= 8


@pytest.mark.parametrize(("taken", "tried"), [(True, 1), (False, 3)])
def test_what_may_not_be_repeated_is_not_once_it_may_have_been_taken(taken: bool, tried: int) -> None:
    attempts = []

    def attempt() -> None:
        attempts.append(1)
        raise Unavailable("cut", maybe_taken=taken)

    with pytest.raises(Unavailable):
        retried(attempt, settings=ClientSettings(backoff=0), deadline=Deadline.of(None), repeatable=False)
    assert len(attempts) == tried


def test_no_attempt_is_made_that_would_come_too_late() -> None:
    def attempt() -> None:
        raise Throttled("slow down", retry_after=60)

    with pytest.raises(DeadlineExceeded) as caught:
        retried(attempt, settings=ClientSettings(), deadline=Deadline.after(30))
    assert isinstance(caught.value.__cause__, Throttled)


def test_deadlines() -> None:
    assert Deadline.of(None).remaining() == math.inf
    shared = Deadline.after(5)
    assert Deadline.of(shared) is shared
    assert 0 < Deadline.of(5).remaining() <= 5
    assert Deadline.after(-1).remaining() == 0
    with pytest.raises(ValueError, match="seconds"):
        Deadline.after(math.nan)

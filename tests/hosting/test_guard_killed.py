"""The deploy guard's function may be killed between any two calls, and called again: nothing is lost."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import guard
from tests.support.fake_aws import FakeAws, Killed
from tests.support.guard import Clock, Guard
from tests.support.receiver import Receiver

LARGE, XLARGE = "ml.m5.large", "ml.m5.xlarge"
RELEASE_CALLS = 11
"""Of one variant: 2 to look, 5 to take it down (page by page), 3 to remember and let go, 1 to look after the other."""
SETTLE_CALLS = 10


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


Make = Callable[[], Guard]


@pytest.fixture
def make(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Accounts with an endpoint of two scaled variants, of which A is to change its type."""

    def account() -> Guard:
        aws = FakeAws(configs={"one": {"A": LARGE, "B": LARGE}, "two": {"A": XLARGE, "B": LARGE}})
        aws.update_endpoint("fraud", "one")
        aws.scale("fraud", "A")
        aws.scale("fraud", "B", MinCapacity=1)
        clock = Clock()
        monkeypatch.setattr(guard.module(), "time", clock)
        monkeypatch.setattr(guard.module().boto3, "client", aws.client)
        return Guard(aws=aws, clock=clock, receiver=receiver)

    return account


def killed_once(function: Guard, call: Callable[[], dict[str, Any]], before: int) -> int:
    """Run `call`, killed before one of its calls to AWS, and again as Lambda does; calls of the first run."""
    function.aws.calls.clear()
    function.aws.kill_before = before
    with suppress(Killed):
        call()
    made = len(function.aws.calls)
    function.aws.kill_before = None
    assert call()["Status"] == "SUCCESS"
    return made


@pytest.mark.parametrize("before", range(1, RELEASE_CALLS + 1))
def test_a_release_killed_before_any_call_is_finished_by_the_next(make: Make, before: int) -> None:
    function = make()
    whole = copy.deepcopy(function.aws.targets)
    made = killed_once(function, lambda: function.release(A=XLARGE, B=LARGE), before)
    assert made == before, "it was killed there"
    function.aws.update_endpoint("fraud", "two")
    assert function.settle("two")["Status"] == "SUCCESS"
    assert function.aws.targets == whole
    assert function.aws.parameters == {}


@pytest.mark.parametrize("before", range(1, SETTLE_CALLS + 1))
def test_a_settle_killed_before_any_call_is_finished_by_the_next(make: Make, before: int) -> None:
    function = make()
    whole = copy.deepcopy(function.aws.targets)
    function.release(A=XLARGE, B=LARGE)
    function.aws.update_endpoint("fraud", "two")
    made = killed_once(function, lambda: function.settle("two"), before)
    assert made == before, "it was killed there"
    assert function.aws.targets == whole
    assert function.aws.parameters == {}


@pytest.mark.parametrize("before", range(1, SETTLE_CALLS + 1))
def test_a_settle_killed_for_good_loses_nothing_to_the_rollback(make: Make, before: int) -> None:
    """Half of the scaling may be registered when the way back releases it again."""
    function = make()
    whole = copy.deepcopy(function.aws.targets)
    function.release(A=XLARGE, B=LARGE)
    function.aws.update_endpoint("fraud", "two")
    function.aws.calls.clear()
    function.aws.kill_before = before
    with pytest.raises(Killed):
        function.settle("two")
    function.aws.kill_before = None
    _take(function, "back")
    assert function.aws.targets == whole
    assert function.aws.parameters == {}


def test_no_call_is_left_out_of_the_above(make: Make) -> None:
    function = make()
    function.release(A=XLARGE, B=LARGE)
    assert len(function.aws.calls) == RELEASE_CALLS, function.aws.calls
    function.aws.update_endpoint("fraud", "two")
    function.aws.calls.clear()
    function.settle("two")
    assert len(function.aws.calls) == SETTLE_CALLS, function.aws.calls


STEPS = st.lists(
    st.tuples(st.sampled_from(["there", "back", "event"]), st.none() | st.integers(1, 12)), max_size=6
)


@given(steps=STEPS)
@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_after_any_sequence_of_killed_deployments_a_whole_one_leaves_scaling_as_it_was(
    make: Make, steps: list[tuple[str, int | None]]
) -> None:
    """Deployments there and back, and events, each killed anywhere and not repeated; then one that is not."""
    function = make()
    whole = copy.deepcopy(function.aws.targets)
    for step, kill in steps:
        function.clock.now += 60
        function.aws.calls.clear()
        function.aws.kill_before = kill
        with suppress(Killed):
            _take(function, step)
    function.aws.kill_before = None
    function.clock.now += 60
    _take(function, "there")
    assert function.aws.endpoints["fraud"]["EndpointConfigName"] == "two"
    assert function.aws.targets == whole
    assert function.aws.parameters == {}


def _take(function: Guard, step: str) -> None:
    if step == "event":
        function.at_rest(time=datetime.fromtimestamp(function.clock.now, UTC).isoformat())
        return
    config = "two" if step == "there" else "one"
    function.release(**function.aws.configs[config])
    function.aws.update_endpoint("fraud", config)
    function.settle(config)

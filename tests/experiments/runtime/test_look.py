"""Looks of the controller: what it does in each situation, and that it may be killed anywhere."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
from dataclasses import replace

import pytest

from constructs_lib.experiments.runtime.counts import Bucket, Totals
from constructs_lib.experiments.runtime.decision import Belief, Decision, SampleRatio
from constructs_lib.experiments.runtime.experiment import Arm, Guardrail
from constructs_lib.experiments.runtime.look import Measure, WrongWeightsError, check, same
from tests.support.controlled import BOLD, EVENLY, Bench, keep, towards
from tests.support.experiment_events import EXPERIMENT, NOON, PERIOD
from tests.support.faults import FAULTS, Fault, Faults, Killed

GUARDED = replace(EXPERIMENT, guardrails=(Guardrail(alarm="bold-errors", arm="bold"), Guardrail(alarm="all")))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_first_look_begins_with_the_next_period(bench: Bench) -> None:
    bench.look()
    state = bench.state()
    assert state.began == (NOON // PERIOD + 1) * PERIOD
    assert (state.epoch, state.weights, state.pending) == (1, EVENLY, None)
    (epoch,) = bench.epochs()
    assert (epoch.reason, epoch.requested_at, epoch.settled_at, epoch.ended_at) == (
        "began", NOON + 300, NOON + 300, None,
    )  # fmt: skip
    assert bench.endpoint.asked == []  # it was deployed with these


def test_an_endpoint_with_other_weights_gets_the_shares_first(bench: Bench) -> None:
    bench.endpoint.weights = {"control": 1.0, "bold": 1.0, "shy": 1.0}
    bench.look()
    assert bench.endpoint.asked == [EVENLY]
    assert bench.state().pending is not None
    bench.endpoint.settle()
    bench.look()
    assert bench.state().pending is None
    assert bench.epochs()[0].settled_at == NOON + 600


def test_a_decision_is_written_asked_for_and_settled_at_a_later_look(bench: Bench) -> None:
    bench.look()
    bench.wanted = towards(BOLD)
    bench.look()
    pending = bench.state().pending
    assert pending is not None
    assert (pending.epoch, pending.weights, bench.state().weights) == (2, BOLD, EVENLY)
    assert bench.endpoint.asked == [BOLD]
    assert "Updating" in bench.look()
    assert bench.endpoint.asked == [BOLD]
    bench.endpoint.settle()
    bench.look()
    assert (bench.state().epoch, bench.state().weights, bench.state().pending) == (2, BOLD, None)
    first, second = bench.epochs()
    assert (first.settled_at, first.ended_at) == (NOON + 300, NOON + 600)
    assert (second.requested_at, second.settled_at, second.ended_at) == (NOON + 600, NOON + 1200, None)
    assert [epoch.number for epoch in bench.situations[-1].epochs] == [1, 2]


def test_decisions_are_told_what_has_happened(bench: Bench) -> None:
    bench.look()
    bench.look()
    situation = bench.situations[-1]
    assert (situation.now, situation.weights, situation.stopped) == (NOON + 600, EVENLY, False)
    assert situation.began == bench.state().began
    assert situation.epochs[0].settled_at == NOON + 300


def test_only_what_was_counted_since_it_began_is_looked_at(bench: Bench) -> None:
    bench.look()
    began = bench.state().began
    old, new = (Bucket(arm="bold", start=at, totals=Totals(exposures=5.0)) for at in (began - PERIOD, began))
    bench.counted = [old, new]
    bench.look()
    assert Measure("Exposures", 5.0, "bold") in bench.measured


def test_without_a_change_there_is_one_look_a_period_in_the_report(bench: Bench) -> None:
    for _ in range(int(PERIOD / 300)):
        bench.look()
    assert len(bench.table.partition("look")) == 2  # noon is not the beginning of a period
    (item, *_) = bench.table.partition("look").values()
    told = json.loads(item["look"]["S"])
    assert told["decision"]["reason"] == "as it is"
    assert told["decision"]["weights"] == EVENLY


def test_a_change_has_a_look_of_its_own(bench: Bench) -> None:
    bench.look()
    bench.wanted = towards(BOLD)
    bench.look()
    assert f"{NOON + 600:016.3f}" in bench.table.partition("look")


def test_weights_that_a_deployment_has_reset_are_asked_for_again(bench: Bench) -> None:
    bench.wanted = towards(BOLD)
    for _ in range(2):
        bench.look()
        bench.endpoint.settle()
    bench.look()
    seen_at = bench.state().seen_at
    bench.endpoint.weights = dict(EVENLY)
    assert "other weights" in bench.look()
    assert bench.endpoint.asked[-1] == BOLD
    bench.endpoint.settle()
    bench.look()
    *_, before, after = bench.epochs()
    assert before.ended_at == seen_at < after.requested_at  # from when on is not known
    assert (after.weights, after.settled_at) == (BOLD, bench.now)


def test_an_endpoint_without_all_arms_is_left_alone(bench: Bench) -> None:
    bench.look()
    del bench.endpoint.weights["shy"]
    bench.wanted = towards(BOLD)
    assert bench.look() == "the endpoint is InService with variants bold, control"
    assert bench.endpoint.asked == []
    assert bench.measured[-1] == Measure("NotReady", 1.0)


def test_a_variant_that_is_no_arm_does_not_matter(bench: Bench) -> None:
    bench.endpoint.weights["canary"] = 7.0
    bench.look()
    assert bench.state().pending is None


def test_a_new_generation_begins_anew_and_counts_its_epochs_on(bench: Bench) -> None:
    bench.experiment = GUARDED
    bench.alarms = {"bold-errors"}
    bench.wanted = towards(BOLD)
    for _ in range(3):
        bench.look()
        bench.endpoint.settle()
    assert bench.state().tripped == {"bold"}
    epoch = bench.state().epoch
    control, *others = EXPERIMENT.arms
    bench.experiment = replace(EXPERIMENT, arms=(control, *others[:1], Arm(name="new", model="m", share=0.2)))
    bench.endpoint.weights = {"control": 0.5, "bold": 0.3, "new": 0.2}
    bench.wanted = keep
    bench.now = NOON + 10 * PERIOD
    bench.look()
    state = bench.state()
    assert (state.epoch, state.tripped, state.began) == (
        epoch + 1,
        frozenset(),
        bench.now // PERIOD * PERIOD + PERIOD,
    )
    assert bench.epochs()[-2].ended_at == bench.now
    assert [each.number for each in bench.situations[-1].epochs] == [epoch + 1]


def test_a_guardrail_trips_its_arm_until_a_person_resets_it() -> None:
    bench = Bench(GUARDED)
    bench.wanted = towards(EVENLY)
    bench.look()
    bench.alarms = {"bold-errors", "another's"}
    bench.look()
    assert bench.state().tripped == {"bold"}
    assert bench.endpoint.asked[-1]["bold"] == 0.0
    bench.endpoint.settle()
    bench.alarms = set()
    bench.look()
    assert bench.state().tripped == {"bold"}
    bench.look(reset="bold")
    assert bench.state().tripped == frozenset()
    assert bench.endpoint.asked[-1] == EVENLY


def test_a_guardrail_without_an_arm_leaves_the_control_only() -> None:
    bench = Bench(GUARDED)
    bench.wanted = towards(EVENLY)
    bench.alarms = {"all"}
    bench.look()
    assert bench.state().tripped == {"bold", "shy"}
    assert bench.endpoint.asked == [{"control": 1.0, "bold": 0.0, "shy": 0.0}]


def test_an_arm_in_alarm_cannot_be_reset() -> None:
    bench = Bench(GUARDED)
    bench.alarms = {"bold-errors"}
    bench.look()
    bench.look(reset="bold")
    assert bench.state().tripped == {"bold"}


def test_a_guardrail_trips_while_the_endpoint_is_busy() -> None:
    bench = Bench(GUARDED)
    bench.look()
    bench.endpoint.status = "Updating"
    bench.alarms = {"bold-errors"}
    bench.look()
    assert bench.state().tripped == {"bold"}  # applications that assign know at once


def test_a_guardrail_outranks_weights_that_have_not_arrived() -> None:
    bench = Bench(GUARDED)
    bench.look()
    bench.wanted = towards(BOLD)
    bench.look()
    bench.endpoint.status = "InService"  # the update has failed
    bench.alarms = {"bold-errors"}
    bench.look()
    assert bench.endpoint.asked[-1] == {"control": 0.5, "bold": 0.0, "shy": 0.5}
    bench.endpoint.settle()
    bench.look()
    _, never, last = bench.epochs()
    assert never.settled_at is None
    assert never.ended_at == last.requested_at


def test_weights_that_have_not_arrived_are_asked_for_again(bench: Bench) -> None:
    bench.look()
    bench.wanted = towards(BOLD)
    bench.look()
    bench.endpoint.status = "InService"
    assert bench.look() == "asked again for epoch 2"
    assert bench.endpoint.asked == [BOLD, BOLD]
    assert len(bench.epochs()) == 2


def test_stopping_is_remembered_with_the_best_arm(bench: Bench) -> None:
    bench.look()
    only = {"control": 0.0, "bold": 1.0, "shy": 0.0}
    bench.wanted = lambda _: Decision(weights=only, change=True, reason="won", stop=True, best="bold")
    bench.look()
    bench.endpoint.settle()
    bench.wanted = keep
    bench.look()
    assert (bench.state().stopped, bench.state().best, bench.state().weights) == (True, "bold", only)
    assert bench.situations[-1].stopped


def test_stopping_without_a_change_is_remembered_too(bench: Bench) -> None:
    bench.look()
    bench.wanted = lambda situation: replace(keep(situation), stop=True, best="control")
    bench.look()
    assert (bench.state().stopped, bench.state().best) == (True, "control")
    assert bench.endpoint.asked == []


@pytest.mark.parametrize(
    "weights",
    [
        {},
        {"control": 1.0},
        {**BOLD, "other": 0.1},
        {**BOLD, "bold": math.nan},
        {**BOLD, "bold": math.inf},
        {**BOLD, "bold": -0.1},
        dict.fromkeys(BOLD, 0.0),
    ],
)
def test_weights_that_the_endpoint_would_not_take_are_not_even_written(
    bench: Bench, weights: dict[str, float]
) -> None:
    bench.look()
    before = bench.state()
    bench.wanted = lambda _: Decision(weights=weights, change=True, reason="broken")
    with pytest.raises(WrongWeightsError):
        bench.look()
    assert replace(bench.state(), seen_at=before.seen_at) == before
    assert bench.endpoint.asked == []


def test_weights_are_the_same_by_their_shares() -> None:
    check({"a": 0.0, "b": 3.0}, ["a", "b"])
    assert same({"a": 2.0, "b": 6.0, "c": 5.0}, {"a": 0.25, "b": 0.75})
    assert same({"a": 0.10000000149011612, "b": 0.8999999761581421}, {"a": 0.1, "b": 0.9})  # 32 bits
    assert not same({"a": 0.251, "b": 0.749}, {"a": 0.25, "b": 0.75})
    assert not same({"a": 0.0, "b": 0.0}, {"a": 0.25, "b": 0.75})


def test_applications_that_assign_get_time_to_follow() -> None:
    bench = Bench(replace(EXPERIMENT, routing="assignment"))
    bench.look()
    assert bench.epochs()[0].settled_at == bench.now + 30


def test_measures_of_a_look(bench: Bench) -> None:
    belief = Belief(mean=0.1, low=0.0, high=0.2, probability_best=0.7, units=10.0)
    bench.wanted = lambda situation: replace(
        keep(situation),
        value_remaining=0.05,
        sample_ratio=SampleRatio(p=0.0001, mismatch=True),
        beliefs={"bold": belief},
    )
    bench.look()
    for expected in (
        Measure("SampleRatioMismatch", 1.0),
        Measure("ValueRemaining", 0.05),
        Measure("Weight", 0.3, "bold"),
        Measure("ProbabilityBest", 0.7, "bold"),
        Measure("Tripped", 0.0, "control"),
    ):
        assert expected in bench.measured


def test_a_look_does_not_fail_because_nobody_was_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "put", lambda _: 1 / 0)
    assert bench.look() == "no change: as it is"


# --- two at once, and killed ----------------------------------------------------------------------------


def test_of_two_controllers_at_once_one_decides(bench: Bench) -> None:
    bench.look()
    other = {"control": 0.2, "bold": 0.2, "shy": 0.6}

    def interrupted(situation: object) -> Decision:
        bench.wanted = towards(other)
        bench.look()  # the other controller, from its beginning to its end
        return Decision(weights=BOLD, change=True, reason="too late")

    bench.wanted = interrupted
    assert bench.look() == "another look was faster"
    assert bench.endpoint.asked == [other]
    bench.endpoint.settle()
    bench.look()
    assert bench.state().weights == other


def test_of_two_first_looks_one_begins(bench: Bench) -> None:
    faults = Faults(bench.client)

    def rival(operation: str) -> None:
        faults.after = lambda _: None
        bench.look()

    faults.after = rival  # after the first look has read that there is no state
    assert bench.look() == "another look was faster"
    assert len(bench.epochs()) == 1


def story(bench: Bench) -> list[str]:
    """An experiment's life, look by look; each look may end early, and the next comes all the same."""
    endings = []

    def look(**more: str) -> None:
        with contextlib.suppress(Exception, Killed):
            endings.append(bench.look(**more))  # type: ignore[arg-type]
        bench.endpoint.settle()

    look()
    bench.wanted = towards(BOLD)
    for _ in range(3):
        look()
    bench.endpoint.weights = dict(EVENLY)  # a deployment
    for _ in range(3):
        look()
    bench.alarms = {"bold-errors"}
    for _ in range(3):
        look()
    bench.alarms = set()
    look(reset="bold")
    look(reset="bold")
    for _ in range(3):
        look()
    return endings


def check_story(bench: Bench) -> None:
    state = bench.state()
    assert (state.weights, state.pending, state.tripped) == (BOLD, None, frozenset())
    assert same(bench.endpoint.weights, BOLD)
    assert bench.endpoint.unwritten == []
    for asked in bench.endpoint.asked:
        check(asked, EXPERIMENT.names)
    epochs = bench.epochs()
    assert [epoch.number for epoch in epochs] == list(range(1, state.epoch + 1))
    for epoch, following in itertools.pairwise(epochs):
        assert epoch.ended_at is not None
        assert epoch.ended_at <= following.requested_at
        assert epoch.settled_at is None or epoch.settled_at <= epoch.ended_at
    assert epochs[-1].settled_at is not None
    assert epochs[-1].ended_at is None


@pytest.mark.parametrize("fault", FAULTS)
def test_killed_or_failed_between_any_two_calls_the_next_looks_carry_on(fault: Fault) -> None:
    recording = Bench(GUARDED)
    with Faults(recording.client).recorded() as calls:
        story(recording)
    check_story(recording)
    for number, call in enumerate(calls):
        if call in ("GetItem", "Query") and fault not in ("throttled", "killed after"):
            continue  # a read that was not made, or was in vain, is the same
        bench = Bench(GUARDED)
        faults = Faults(bench.client)
        faults.spoil(number, fault)
        story(bench)
        assert faults.happened
        check_story(bench)
    assert len(calls) > 40

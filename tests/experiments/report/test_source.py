"""What the controller has written is what the report is about."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from constructs_lib.experiments.report.findings import Findings
from constructs_lib.experiments.report.page import page
from constructs_lib.experiments.report.source import PARAMETER_PREFIX, ReportError, findings_of
from constructs_lib.experiments.runtime.counts import Bucket, Totals
from constructs_lib.experiments.runtime.decision import Belief, Decision, SampleRatio, Situation
from constructs_lib.experiments.runtime.experiment import Arm, Experiment, Guardrail
from tests.support.controlled import BOLD, EVENLY, Bench, keep, towards
from tests.support.experiment_clients import Answers
from tests.support.experiment_events import EXPERIMENT, NOON
from tests.support.experiment_findings import verdict

GUARDED = replace(EXPERIMENT, guardrails=(Guardrail(alarm="bold-errors", arm="bold"),))


def read(bench: Bench, described: Experiment | None = None) -> Findings:
    answers = Answers(bench.table)
    answers.place()
    answers.description(bench.experiment if described is None else described)
    with answers.ready() as clients:
        return findings_of("pricing", clients, now=bench.now + 60)


def looked(experiment: Experiment = EXPERIMENT) -> Bench:
    """After three looks: the first weights were asked for and settled, then others were, and settled."""
    bench = Bench(experiment)
    bench.look()
    bench.wanted = towards(BOLD)
    bench.look()
    bench.endpoint.settle()
    bench.look()
    return bench


def sure(situation: Situation) -> Decision:
    beliefs = {
        arm: Belief(mean=0.05, low=0.04, high=0.06, probability_best=0.2, units=1500.0) for arm in EVENLY
    }
    return Decision(
        weights=situation.weights,
        change=False,
        reason="as it is",
        value_remaining=0.02,
        beliefs=beliefs,
        verdicts=(verdict("bold", "better", 0.01, 0.03), verdict("shy", "no data")),
        sample_ratio=SampleRatio(p=0.25),
    )


def test_epochs_and_weights_are_those_of_the_controller() -> None:
    of = read(looked())

    assert of.weights == BOLD
    assert [(each.reason, each.weights) for each in of.epochs] == [("began", EVENLY), ("towards", BOLD)]
    first, second = of.epochs
    assert first.requested_at == NOON + 300
    assert first.ended_at == second.requested_at == NOON + 600
    assert (second.settled_at, second.ended_at) == (NOON + 900, None)
    assert (of.stopped, of.best, of.trips) == (False, None, ())
    assert (of.made_at, of.seen_at) == (NOON + 960, NOON + 900)


def test_a_look_comes_back_as_it_was_decided() -> None:
    bench = looked()
    bench.counted = [Bucket(arm="bold", start=NOON + 3600, totals=Totals(exposures=7, rewards=2, total=2.0))]
    bench.wanted = sure
    bench.look(later=3600)

    last = read(bench).last

    assert last is not None
    assert last.at == bench.now
    assert last.decision == sure(Situation(now=0, began=0, weights=BOLD, epochs=()))
    assert last.totals == {"bold": Totals(exposures=7, rewards=2, total=2.0)}


def test_looks_come_in_the_order_of_their_time() -> None:
    """One that changes nothing is kept under the start of its period, so below one that changed something in it."""
    bench = looked()
    bench.wanted = towards(EVENLY)
    bench.look(later=3600)
    bench.endpoint.settle()
    bench.wanted = sure
    bench.look(later=10)

    times = [each.at for each in read(bench).looks]

    assert times == sorted(times)
    assert times[-2:] == [bench.now - 10, bench.now]


def test_what_is_read_makes_a_page() -> None:
    bench = looked()
    bench.wanted = sure
    bench.look(later=3600)

    assert "bold is better than the control" in page(read(bench))


def test_stopped() -> None:
    bench = looked()
    bench.wanted = stop
    bench.look()

    of = read(bench)

    assert (of.stopped, of.best) == (True, "bold")


def stop(situation: Situation) -> Decision:
    return replace(keep(situation), stop=True, best="bold")


def test_a_tripped_arm_is_out_since_its_weight_was_taken() -> None:
    bench = looked(GUARDED)
    bench.alarms = {"bold-errors"}
    bench.look()
    asked = bench.now
    bench.endpoint.settle()
    bench.look()

    (trip,) = read(bench).trips

    assert (trip.arm, trip.at) == ("bold", asked)
    assert read(bench).alarms("bold") == ["bold-errors"]
    assert "A guardrail has taken bold out" in page(read(bench))


def test_a_trip_that_the_endpoint_could_not_follow_has_no_time() -> None:
    bench = looked(GUARDED)
    bench.alarms, bench.endpoint.status = {"bold-errors"}, "Updating"
    bench.look()

    (trip,) = read(bench).trips

    assert trip.at is None


def test_an_arm_that_came_back_and_went_again_is_out_since_the_second_time() -> None:
    bench = looked(GUARDED)
    for alarms, reset in (({"bold-errors"}, None), (set(), "bold"), ({"bold-errors"}, None)):
        bench.alarms = alarms
        bench.look(reset=reset)
        asked = bench.now
        bench.endpoint.settle()
        bench.look()

    (trip,) = read(bench).trips

    assert trip.at == asked


def test_an_earlier_generation_is_left_out() -> None:
    bench = looked()
    bench.look(later=3600)  # within the period before the change
    arms = (*EXPERIMENT.arms[:2], Arm(name="shy", model="model-4", share=0.2))
    bench.experiment = replace(EXPERIMENT, arms=arms)
    before = len(read(bench, EXPERIMENT).looks)
    bench.look(later=1800)
    began = bench.now
    bench.endpoint.settle()
    bench.look()
    bench.endpoint.settle()
    bench.look(later=4000)

    of = read(bench)

    assert before > 0
    assert all(epoch.requested_at >= began for epoch in of.epochs)
    assert of.looks
    assert all(look.at >= began for look in of.looks)


def test_what_a_later_version_adds_is_left_out() -> None:
    bench = looked()
    for (pk, _), item in bench.table.items.items():
        if pk == "look":
            told = json.loads(item["look"]["S"])
            told["decision"]["mood"] = "fine"
            item["look"]["S"] = json.dumps(told)

    assert read(bench).last is not None


# --- there can be no report -----------------------------------------------------------------------------


def unlooked() -> Bench:
    return Bench()


def not_in_service() -> Bench:
    bench = Bench()
    bench.endpoint.status = "Creating"
    bench.look()
    return bench


@pytest.mark.parametrize(
    ("bench", "words"), [(unlooked, "has not run"), (not_in_service, "no endpoint that is")]
)
def test_nothing_looked_at_yet(bench: Callable[[], Bench], words: str) -> None:
    with pytest.raises(ReportError, match="nothing has been looked at yet") as raised:
        read(bench())

    assert words in str(raised.value)
    assert "python -m constructs_lib.experiments look pricing" in str(raised.value)


def test_a_generation_that_was_not_looked_at_yet() -> None:
    arms = (*EXPERIMENT.arms[:2], Arm(name="shy", model="model-4", share=0.2))

    with pytest.raises(ReportError, match="was deployed anew"):
        read(looked(), replace(EXPERIMENT, arms=arms))


def test_no_such_experiment() -> None:
    answers = Answers(Bench().table)
    answers.ssm.add_client_error("get_parameter", "ParameterNotFound")

    with answers.ready() as clients, pytest.raises(ReportError) as raised:
        findings_of("pricing", clients, now=NOON)

    assert str(raised.value) == (
        "there is no experiment 'pricing' in this account in eu-west-1: "
        "no SSM parameter /constructs-lib/experiments/pricing"
    )


@pytest.mark.parametrize("value", ["no JSON", "[]", "{}"])
def test_a_parameter_that_is_another_ones(value: str) -> None:
    answers = Answers(Bench().table)
    answers.place(value)

    with answers.ready() as clients, pytest.raises(ReportError, match="does not tell where"):
        findings_of("pricing", clients, now=NOON)


@pytest.mark.parametrize("variables", [{}, {"EXPERIMENT": "{}"}, {"EXPERIMENT": "x"}])
def test_a_controller_of_another_version(variables: dict[str, str]) -> None:
    answers = Answers(Bench().table)
    answers.place()
    answers.environment(variables)

    with answers.ready() as clients, pytest.raises(ReportError, match="told of no experiment"):
        findings_of("pricing", clients, now=NOON)


def test_the_parameter_is_where_the_construct_writes_it() -> None:
    from constructs_lib.experiments import ab_test

    assert PARAMETER_PREFIX == ab_test.PARAMETER_PREFIX

"""The controller on an endpoint, with alarms and a table that are not ours."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from constructs_lib.experiments.runtime.look import check, same
from tests.support.controlled import BOLD, EVENLY, keep, towards
from tests.support.experiment_events import EXPERIMENT
from tests.support.faults import FAULTS, Fault, Faults, Killed
from tools.embedded_aws import LocalAws, until

from ..hosting import Hosting
from .pricing import Controlled, at_once, config

WITHOUT_BOLD = {"control": 0.5, "bold": 0.0, "shy": 0.5}


@pytest.fixture(scope="module")
def endpoint(aws: LocalAws) -> Iterator[str]:
    hosting = Hosting(aws)
    name = hosting.endpoint(config(hosting, EVENLY))
    yield name
    hosting.settled(name)
    hosting.delete(name)


@pytest.fixture
def lab(aws: LocalAws, endpoint: str) -> Iterator[Controlled]:
    mine = Controlled(aws, endpoint)
    yield mine
    mine.settled()
    mine.delete()


def test_weights_are_decided_asked_for_and_in_force(lab: Controlled) -> None:
    lab.look()
    lab.look()
    assert lab.weights() == EVENLY
    lab.wanted = towards(BOLD)
    assert lab.look() == f"epoch {lab.state().latest}: towards"
    assert lab.weights() == BOLD
    lab.look()
    assert (lab.state().weights, lab.state().pending) == (BOLD, None)
    instances = [each["CurrentInstanceCount"] for each in lab.settled()["ProductionVariants"]]
    assert instances == [1, 1, 1]  # weights only


def test_an_alarm_takes_an_arm_out_until_a_person_puts_it_back(lab: Controlled) -> None:
    lab.wanted = towards(EVENLY)
    lab.look()
    lab.look()
    lab.alarm(on=True)
    lab.look()
    assert lab.weights()["bold"] == 0.0
    lab.alarm(on=False)
    lab.look()
    assert lab.weights()["bold"] == 0.0
    lab.look(reset="bold")
    assert lab.weights() == EVENLY


def test_an_alarm_that_does_not_exist_is_none(lab: Controlled) -> None:
    lab.aws.client("cloudwatch").delete_alarms(AlarmNames=["bold-errors"])
    lab.look()
    assert lab.state().tripped == frozenset()


def test_while_the_endpoint_is_updated_nothing_is_asked_and_then_weights_are_restored(
    lab: Controlled,
) -> None:
    lab.wanted = towards(BOLD)
    for _ in range(3):
        lab.look()
    assert lab.weights() == BOLD
    new = config(lab.hosting, EVENLY)
    lab.sagemaker.update_endpoint(EndpointName=lab.experiment.endpoint, EndpointConfigName=new)
    assert lab.controller().look().startswith("the endpoint is Updating")
    assert lab.weights() == EVENLY  # the deployment has reset them
    assert "other weights" in lab.look()
    assert lab.weights() == BOLD
    lab.look()
    *_, before, after = lab.store.epochs()
    assert before.ended_at is not None
    assert after.settled_at is not None
    assert before.ended_at < after.requested_at < after.settled_at
    assert after.weights == BOLD


def test_an_endpoint_that_someone_begins_to_update_just_then(lab: Controlled) -> None:
    lab.look()
    lab.look()
    faults = Faults(lab.dynamodb)
    lab.wanted = towards(BOLD)

    def rival(operation: str) -> None:
        if operation == "TransactWriteItems":  # the intent is written, the endpoint not asked yet
            faults.after = lambda _: None
            evenly = [{"VariantName": arm, "DesiredWeight": weight} for arm, weight in EVENLY.items()]
            lab.sagemaker.update_endpoint_weights_and_capacities(
                EndpointName=lab.experiment.endpoint, DesiredWeightsAndCapacities=evenly
            )

    faults.after = rival
    lab.look()
    assert lab.weights() == EVENLY
    assert "asked again" in lab.look()
    assert lab.weights() == BOLD


def test_an_endpoint_without_an_arm_is_left_alone(lab: Controlled) -> None:
    control, *_ = EXPERIMENT.arms
    lab.experiment = replace(lab.experiment, arms=(*lab.experiment.arms, replace(control, name="missing")))
    assert lab.look() == "the endpoint is InService with variants bold, control, shy"


def test_a_new_generation_begins_with_its_shares(lab: Controlled) -> None:
    lab.wanted = towards(BOLD)
    for _ in range(3):
        lab.look()
    epoch = lab.state().epoch
    arms = tuple(replace(arm, model="another", share=1 / 3) for arm in EXPERIMENT.arms)
    lab.experiment = replace(lab.experiment, arms=arms)
    lab.wanted = keep
    lab.look()
    lab.look()
    assert (lab.state().epoch, lab.state().pending) == (epoch + 1, None)
    assert set(lab.weights().values()) == {0.33333}


def test_of_many_controllers_at_once_the_endpoint_and_the_table_agree(lab: Controlled) -> None:
    lab.look()
    lab.look()
    outcomes: list[str] = []
    others = [{"control": share, "bold": 0.0, "shy": 1.0 - share} for share in (0.25, 0.5, 0.75, 0.0)]
    controllers = [
        lab.controller(decide=lambda _e, situation, _b, w=weights: towards(w)(situation))
        for weights in others
    ]
    at_once(*(lambda c=controller: outcomes.append(c.look()) for controller in controllers))
    assert len([outcome for outcome in outcomes if outcome.startswith("epoch")]) == 1
    lab.wanted = keep
    lab.settled()
    lab.look()
    lab.look()
    assert lab.state().pending is None
    assert same(lab.weights(), lab.state().weights)
    assert lab.state().weights in others


def test_measures_are_cloudwatchs(lab: Controlled) -> None:
    lab.look()
    lab.look()

    def known() -> set[tuple[str, ...]]:
        metrics = lab.aws.client("cloudwatch").list_metrics(Namespace="ConstructsLib/Experiments")["Metrics"]
        return {(each["MetricName"], *(d["Value"] for d in each["Dimensions"])) for each in metrics}

    until(lambda: {("Weight", "pricing", "bold"), ("Epoch", "pricing")} <= known(), what="the measures")


SPOILED = [
    *(("UpdateEndpointWeightsAndCapacities", 1, fault) for fault in FAULTS),
    *(("TransactWriteItems", 1, fault) for fault in FAULTS),  # the decision
    *(("TransactWriteItems", 2, fault) for fault in FAULTS),  # its settlement
    *(("DescribeEndpoint", 2, fault) for fault in ("throttled", "answer lost")),
    ("GetItem", 2, "killed after"),
    ("Query", 100, "throttled"),
    ("DescribeAlarms", 1, "throttled"),
    ("PutMetricData", 1, "throttled"),
]


@pytest.mark.parametrize(("call", "times", "fault"), SPOILED)
def test_whatever_goes_wrong_with_a_call_the_next_looks_carry_on(
    lab: Controlled, call: str, times: int, fault: Fault
) -> None:
    lab.look()
    lab.look()
    assert lab.weights() == EVENLY
    faults = Faults(lab.dynamodb, lab.sagemaker, lab.cloudwatch)
    faults.spoil_next(call, times, fault)
    lab.wanted = towards(BOLD)
    for _ in range(4):
        with contextlib.suppress(Exception, Killed):
            lab.look()
        check(lab.weights(), EVENLY)
    assert faults.happened == [(call, fault)]
    assert (lab.state().weights, lab.state().pending) == (BOLD, None)
    assert lab.weights() == BOLD
    lab.alarm(on=True)
    lab.look()
    lab.look()
    assert lab.weights() == WITHOUT_BOLD

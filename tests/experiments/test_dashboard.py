"""The dashboard shows metrics that the functions put, and nothing that is not there."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from constructs_lib import ABTest, FixedSplit, Guardrail, Stopping, ThompsonSampling
from constructs_lib.experiments.runtime import ingest, recount
from constructs_lib.experiments.runtime.decision import Belief, Decision, Situation
from constructs_lib.experiments.runtime.fold import Counting
from constructs_lib.experiments.runtime.ledger import Ledger
from tests.support.controlled import Bench
from tests.support.experiment_events import EXPERIMENT, NOON, batch, exposure, reward
from tests.support.experiments import an_ab_test
from tests.support.memory_table import MemoryTable
from tests.support.synth import Template, fresh_app, resource, resources, synthesized

DASHBOARD = "AWS::CloudWatch::Dashboard"


def made(**props: Any) -> tuple[ABTest, Template]:
    stack = cdk.Stack(fresh_app(), "Stack")
    test = an_ab_test(stack, experiment_name="ranker", **props)
    return test, synthesized(stack)


def widgets(template: Template) -> dict[str, dict[str, Any]]:
    """The properties of each widget by its title; references are replaced by their targets."""
    body = resource(template, DASHBOARD)["Properties"]["DashboardBody"]["Fn::Join"][1]
    text = "".join(part if isinstance(part, str) else _target(part) for part in body)
    return {
        each["properties"].get("title", each["type"]): each["properties"]
        for each in json.loads(text)["widgets"]
    }


def _target(reference: dict[str, Any]) -> str:
    value = next(iter(reference.values()))
    return ".".join(value) if isinstance(value, list) else str(value)


def own_metrics(template: Template) -> list[tuple[str, dict[str, str], dict[str, Any]]]:
    """Name, dimensions and rendering of the metrics of experiments."""
    found = []
    for widget in widgets(template).values():
        for namespace, name, *dimensions, rendered in full(widget.get("metrics", [])):
            if namespace == "ConstructsLib/Experiments":
                found.append((name, dict(zip(dimensions[::2], dimensions[1::2], strict=True)), rendered))
    return found


def full(metrics: list[list[Any]]) -> list[list[Any]]:
    return [each if isinstance(each[-1], dict) else [*each, {}] for each in metrics]


def put() -> tuple[set[str], set[str]]:
    """The names of what the functions put when they run: of the experiment, and of an arm."""
    bench = Bench()
    bench.endpoint.status = "Creating"
    bench.look()
    bench.endpoint.status = "InService"
    bench.wanted = sure
    bench.look()
    lines: list[str] = []
    counting = Counting(EXPERIMENT)
    counted = ingest.Ingest(EXPERIMENT, Ledger(MemoryTable().client(), "t", counting), log=lines.append)
    ingest.respond(counted, batch([exposure("a"), reward("b"), b"junk"]))
    recount.tell(EXPERIMENT, recount.Report(), at=NOON, log=lines.append)
    logged = {
        metric["Name"]
        for line in lines
        for each in json.loads(line)["_aws"]["CloudWatchMetrics"]
        if each["Dimensions"] == [["Experiment"]]
        for metric in each["Metrics"]
    }
    return (
        logged | {each.name for each in bench.measured if each.arm is None},
        {each.name for each in bench.measured if each.arm is not None},
    )


def sure(situation: Situation) -> Decision:
    belief = Belief(mean=0.1, low=0, high=1, probability_best=0.3, units=1)
    beliefs = dict.fromkeys(situation.weights, belief)
    return Decision(weights=situation.weights, change=False, reason="", value_remaining=0.1, beliefs=beliefs)


def test_every_metric_is_one_that_the_functions_put() -> None:
    of_experiment, of_arms = put()

    shown = own_metrics(made(allocation=ThompsonSampling(), guardrails=[Guardrail.errors(percent=2)])[1])

    assert {name for name, dimensions, _ in shown if set(dimensions) == {"Experiment"}} == (
        of_experiment - {"Epoch", "RecountedPeriods"}
    )
    assert {name for name, dimensions, _ in shown if set(dimensions) == {"Experiment", "Arm"}} == of_arms
    assert {dimensions["Experiment"] for _, dimensions, _ in shown} == {"ranker"}
    assert {dimensions.get("Arm", "A") for _, dimensions, _ in shown} == {"A", "B"}


def test_what_a_look_tells_is_not_added_up() -> None:
    shown = own_metrics(made(look_every=cdk.Duration.minutes(15))[1])
    statistics = {name: (rendered.get("stat"), rendered.get("period")) for name, _, rendered in shown}

    assert statistics["Exposures"] == ("Maximum", 900)
    assert statistics["Weight"] == ("Maximum", 900)
    assert statistics["Events"][0] == statistics["Refused"][0] == "Sum"


def test_shares_are_stacked_and_shares() -> None:
    shares = widgets(made()[1])["Shares of the traffic"]

    assert shares["stacked"] is True
    assert shares["yAxis"]["left"] == {"min": 0, "max": 1, "showUnits": False}


def test_a_bandit_shows_where_it_stops() -> None:
    stopping = Stopping(probability_best=0.99, value_remaining_percent=2)
    shown = widgets(made(allocation=ThompsonSampling(stopping=stopping))[1])

    assert stops(shown, "Probability that a variant is the best") == [0.99]
    assert stops(shown, "What another choice might still gain, relative") == [0.02]


def test_a_fixed_split_stops_nowhere() -> None:
    shown = widgets(made(allocation=FixedSplit())[1])

    assert stops(shown, "Probability that a variant is the best") == []


def stops(shown: dict[str, dict[str, Any]], title: str) -> list[float]:
    return [each["value"] for each in shown[title].get("annotations", {}).get("horizontal", [])]


def test_guardrails_own_and_given_are_shown() -> None:
    stack = cdk.Stack(fresh_app(), "Stack")
    given = cloudwatch.Alarm.from_alarm_arn(
        stack, "Given", "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:given"
    )
    an_ab_test(stack, guardrails=[Guardrail.errors(percent=2), Guardrail.alarm(given)])
    template = synthesized(stack)
    (own,) = [id for id in resources(template, "AWS::CloudWatch::Alarm") if "Guardrail" in id]

    assert widgets(template)["Guardrails"]["alarms"] == [
        f"{own}.Arn",
        "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:given",
    ]


def test_without_guardrails_no_alarm_is_shown() -> None:
    assert "Guardrails" not in widgets(made()[1])


def test_the_plumbing_is_watched() -> None:
    shown = full(widgets(made()[1])["Errors and failed batches (left), delay (right)"]["metrics"])

    assert [(namespace, name) for namespace, name, *_ in shown] == [
        *[("AWS/Lambda", "Errors")] * 3,
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        ("AWS/Lambda", "IteratorAge"),
    ]


def test_it_is_an_attribute_and_can_be_left_out() -> None:
    test, template = made()
    bare, without = made(dashboard=False)

    assert isinstance(test.dashboard, cloudwatch.Dashboard)
    assert "DashboardName" not in resource(template, DASHBOARD)["Properties"]
    assert bare.dashboard is None
    assert resources(without, DASHBOARD) == {}

"""Each rule that only the whole real-time endpoint can tell."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import count

import aws_cdk as cdk
import pytest
from aws_cdk import aws_applicationautoscaling as appscaling
from aws_cdk import aws_cloudwatch as cloudwatch

from constructs_lib import (
    AutoScaling,
    MetricsPublishing,
    Model,
    RealtimeEndpoint,
    Rollback,
    Rollout,
    ScheduledScaling,
    Variant,
)
from tests.support.refusals import (
    WRONG_LISTS,
    WRONG_OBJECTS,
    WRONG_SWITCHES,
    WRONG_TEXTS,
    WRONG_WHOLE_NUMBERS,
    Refusal,
    WrongType,
    as_parameters,
    assert_refused_for,
    refused,
    wrong_types,
)
from tests.support.synth import a_model, fresh_app

minutes = cdk.Duration.minutes
ids = count()


@cache
def scope() -> cdk.Stack:
    return cdk.Stack(fresh_app(), "Endpoints")


@cache
def model() -> Model:
    return a_model(scope())


@cache
def alarms(number: int) -> tuple[cloudwatch.IAlarm, ...]:
    return tuple(
        cloudwatch.Alarm.from_alarm_name(scope(), f"Alarm{number}of{index}", f"alarm-{index}")
        for index in range(number)
    )


def endpoint(**props: object) -> RealtimeEndpoint:
    if "variants" not in props:
        props = {"model": model(), "instance_type": "ml.m5.large", **props}
    return RealtimeEndpoint(scope(), f"Endpoint{next(ids)}", **props)


def variant(name: str = "A", **props: object) -> Variant:
    return Variant(**{"name": name, "model": model(), "instance_type": "ml.m5.large", **props})


def variants(number: int, **props: object) -> list[Variant]:
    return [variant(f"V{index}", **props) for index in range(number)]


def scaling(low: int = 1, **props: object) -> AutoScaling:
    return AutoScaling(min_capacity=low, max_capacity=4, invocations_per_instance=600, **props)


def asleep_at_night() -> AutoScaling:
    night = appscaling.Schedule.expression("cron(0 22 * * ? *)")
    return scaling(schedules=[ScheduledScaling(name="Night", schedule=night, min_capacity=0)])


def canary_of(instances: int) -> Rollout:
    return Rollout.canary(size_instances=instances, wait=minutes(5))


ROLLING = Rollout.rolling(batch_percent=50, wait=minutes(5))
ONE_OF_BOTH = "exactly one of model and variants"

REFUSALS = [
    Refusal("SM-ENDPOINT-001", lambda: endpoint(model=None, instance_type=None), "model", None, ONE_OF_BOTH),
    Refusal(
        "SM-ENDPOINT-001",
        lambda: endpoint(instance_type=None),
        "instance_type",
        None,
        "an instance type, since model is given",
    ),
    Refusal("SM-ENDPOINT-001", lambda: endpoint(model="fraud"), "model", "fraud", "a Model"),
    Refusal(
        "SM-ENDPOINT-001",
        lambda: endpoint(variants=variants(1), instance_type="ml.m5.large"),
        "instance_type",
        "ml.m5.large",
        "nothing beside variants",
    ),
    Refusal(
        "SM-ENDPOINT-001",
        lambda: endpoint(variants=variants(1), instance_count=2),
        "instance_count",
        2,
        "nothing beside variants",
    ),
    Refusal("SM-ENDPOINT-002", lambda: endpoint(variants=[]), "variants", "0 variants", "1–10"),
    Refusal("SM-ENDPOINT-002", lambda: endpoint(variants=variants(11)), "variants", "11 variants", "1–10"),
    Refusal(
        "SM-ENDPOINT-002",
        lambda: endpoint(variants=[variant(), variant()]),
        "variants",
        ["A", "A"],
        "a name of its own",
    ),
    Refusal("SM-ENDPOINT-003", lambda: endpoint(endpoint_name=""), "endpoint_name", "", "1–63"),
    Refusal("SM-ENDPOINT-003", lambda: endpoint(endpoint_name="a" * 64), "endpoint_name", "a" * 64, "1–63"),
    Refusal("SM-ENDPOINT-003", lambda: endpoint(endpoint_name="a_b"), "endpoint_name", "a_b", "hyphens"),
    Refusal(
        "SM-ENDPOINT-004",
        lambda: endpoint(variants=variants(2, weight=0)),
        "variants",
        "weights [0, 0]",
        "at least one weight above 0",
    ),
    Refusal("SM-ENDPOINT-005", lambda: endpoint(rollout="canary"), "rollout", "canary", "a Rollout"),
    Refusal("SM-ENDPOINT-005", lambda: endpoint(capture=True), "capture", True, "a DataCapture"),
    Refusal(
        "SM-ENDPOINT-007",
        lambda: endpoint(metrics=MetricsPublishing(every=cdk.Duration.seconds(20))),
        "every",
        "20 seconds",
        "10, 30, 60, 120, 180, 240, 300",
    ),
    Refusal(
        "SM-ENDPOINT-006",
        lambda: endpoint(parameter_name="/aws/fraud"),
        "parameter_name",
        "/aws/fraud",
        "path",
    ),
    Refusal("SM-ENDPOINT-006", lambda: endpoint(parameter_name="SSMx"), "parameter_name", "SSMx", "a path"),
    Refusal("SM-ENDPOINT-006", lambda: endpoint(parameter_name="/a//b"), "parameter_name", "/a//b", "a path"),
    Refusal(
        "SM-ENDPOINT-006",
        lambda: endpoint(parameter_name="/a" * 16),
        "parameter_name",
        "/a" * 16,
        "a path",
    ),
    Refusal(
        "SM-SCALING-010",
        lambda: endpoint(instance_count=1, scaling=scaling(0)),
        "scaling.min_capacity",
        0,
        "at least 1",
    ),
    Refusal(
        "SM-SCALING-010",
        lambda: endpoint(variants=[variant(scaling=asleep_at_night())]),
        "variants[A].scaling.schedules[Night].min_capacity",
        0,
        "at least 1",
    ),
    Refusal(
        "SM-ROLLOUT-010",
        lambda: endpoint(variants=variants(2), rollout=ROLLING),
        "rollout",
        "rolling, with 2 variants",
        "rolling with 1 variant",
    ),
    Refusal(
        "SM-ROLLOUT-011",
        lambda: endpoint(instance_count=1, rollout=canary_of(1)),
        "rollout",
        "1 instances",
        "a percentage, since the endpoint has 1 instance",
    ),
    Refusal(
        "SM-ROLLOUT-011",
        lambda: endpoint(instance_count=5, rollout=canary_of(3)),
        "rollout",
        "3 instances",
        "at most 2, half of the 5 of the endpoint",
    ),
    Refusal(
        "SM-ROLLOUT-011",
        lambda: endpoint(variants=[variant("A", instance_count=4), variant("B")], rollout=canary_of(2)),
        "rollout",
        "2 instances",
        "at most 1, half of the 2 of B",
    ),
    Refusal(
        "SM-ROLLOUT-012",
        lambda: endpoint(rollout=Rollout.all_at_once(rollback=Rollback(alarms=alarms(9)))),
        "rollout.rollback.alarms",
        "9 alarms",
        "at most 8 beside the 2 built-in ones",
    ),
]


@pytest.mark.parametrize("refusal", as_parameters(REFUSALS))
def test_a_broken_rule_is_named_with_what_was_given_and_what_is_allowed(refusal: Refusal) -> None:
    refusal.check()


def token() -> int:
    return cdk.Token.as_number({"Ref": "Number"})


def no_built_in_alarms(number: int) -> Rollout:
    rollback = Rollback(error_rate_percent=None, latency_alarm=False, alarms=alarms(number))
    return Rollout.all_at_once(rollback=rollback)


ACCEPTED: dict[str, Callable[[], RealtimeEndpoint]] = {
    "ten variants": lambda: endpoint(variants=variants(10)),
    "variants in a tuple": lambda: endpoint(variants=tuple(variants(2))),
    "one variant without traffic": lambda: endpoint(variants=[variant("A", weight=0), variant("B")]),
    "a token among weights of 0": lambda: endpoint(
        variants=[variant("A", weight=0), variant("B", weight=token())]
    ),
    "a name of one character": lambda: endpoint(endpoint_name="a"),
    "a name of 63 characters": lambda: endpoint(endpoint_name="a" * 63),
    "a token for the name": lambda: endpoint(endpoint_name=cdk.Fn.ref("Name"), parameter_name="/fraud/token"),
    "the finest metrics": lambda: endpoint(metrics=MetricsPublishing(every=cdk.Duration.seconds(10))),
    "the coarsest metrics": lambda: endpoint(metrics=MetricsPublishing(every=minutes(5))),
    "a token for the interval": lambda: endpoint(
        metrics=MetricsPublishing(every=cdk.Duration.seconds(token()))
    ),
    "a parameter of 15 levels": lambda: endpoint(parameter_name="/a" * 15),
    "a parameter with aws inside": lambda: endpoint(parameter_name="/fraud/aws"),
    "a minimum of 1": lambda: endpoint(scaling=scaling(1)),
    "a token for the minimum": lambda: endpoint(scaling=scaling(token())),
    "rolling with one variant": lambda: endpoint(variants=variants(1), rollout=ROLLING),
    "half of two instances": lambda: endpoint(rollout=canary_of(1)),
    "half of five instances": lambda: endpoint(instance_count=5, rollout=canary_of(2)),
    "half of the scaling's minimum": lambda: endpoint(scaling=scaling(4), rollout=canary_of(2)),
    "instances of a token": lambda: endpoint(instance_count=token(), rollout=canary_of(9)),
    "ten alarms with the built-in ones": lambda: endpoint(
        rollout=Rollout.all_at_once(rollback=Rollback(alarms=alarms(8)))
    ),
    "ten alarms without the built-in ones": lambda: endpoint(rollout=no_built_in_alarms(10)),
}


@pytest.mark.parametrize("accepted", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_is_just_allowed_passes(accepted: Callable[[], RealtimeEndpoint]) -> None:
    assert accepted().endpoint_name


@pytest.mark.parametrize(
    "wrong",
    wrong_types(
        endpoint,
        model=WRONG_OBJECTS,
        variants=tuple(value for value in WRONG_LISTS if value is not None),
        instance_type=WRONG_TEXTS,
        instance_count=WRONG_WHOLE_NUMBERS,
        scaling=WRONG_OBJECTS,
        endpoint_name=WRONG_TEXTS,
        rollout=WRONG_OBJECTS,
        capture=WRONG_OBJECTS,
        encryption_key=WRONG_OBJECTS,
        metrics=WRONG_OBJECTS,
        weights_managed_elsewhere=WRONG_SWITCHES,
        check_deployments=WRONG_SWITCHES,
        parameter_name=("", *WRONG_TEXTS),
    ),
)
def test_a_wrong_type_is_refused_for_its_property(wrong: WrongType) -> None:
    wrong.check()


@pytest.mark.parametrize("every", [60, "60", True, [60]])
def test_an_interval_that_is_no_duration_is_refused(every: object) -> None:
    assert_refused_for(lambda: endpoint(metrics=MetricsPublishing(every=every)), "every")


@pytest.mark.parametrize("enhanced", WRONG_SWITCHES)
def test_a_metrics_switch_with_a_wrong_type_is_refused(enhanced: object) -> None:
    assert_refused_for(lambda: endpoint(metrics=MetricsPublishing(enhanced=enhanced)), "enhanced")


def test_model_and_variants_together_are_refused() -> None:
    error = refused(lambda: endpoint(model=model(), variants=variants(1)))
    assert error.rules == ("SM-ENDPOINT-001",)
    assert error.violations[0].allowed == ONE_OF_BOTH


def test_what_breaks_in_the_one_variant_is_reported_for_the_endpoint_and_leaves_nothing_behind() -> None:
    before = len(scope().node.children)
    error = refused(lambda: endpoint(instance_type="large", instance_count=0, endpoint_name="_"))
    assert {"SM-ENDPOINT-003", "SM-VARIANT-003", "SM-VARIANT-004"} <= set(error.rules)
    assert error.path.startswith("Endpoints/Endpoint")
    assert len(scope().node.children) == before


def test_several_broken_rules_are_reported_together_under_the_constructs_path() -> None:
    error = refused(
        lambda: RealtimeEndpoint(
            scope(),
            "Broken",
            variants=variants(2, weight=0),
            endpoint_name="-",
            rollout=ROLLING,
            parameter_name="aws",
        )
    )
    assert error.path == "Endpoints/Broken"
    assert set(error.rules) == {
        "SM-ENDPOINT-003",
        "SM-ENDPOINT-004",
        "SM-ENDPOINT-006",
        "SM-ROLLOUT-010",
    }
    assert scope().node.try_find_child("Broken") is None

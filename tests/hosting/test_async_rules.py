"""Each rule of asynchronous endpoints, of where they read and write, and of what wakes them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import count

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns

from constructs_lib import (
    AsyncEndpoint,
    AsyncInput,
    AsyncOutput,
    AutoScaling,
    Container,
    ContainerImage,
    Model,
    ModelData,
    MultiModel,
    Rollback,
    Rollout,
    ScalingStep,
    StepScaling,
)
from tests.support.refusals import (
    WRONG_DURATIONS,
    WRONG_OBJECTS,
    WRONG_SWITCHES,
    WRONG_TEXTS,
    WRONG_WHOLE_NUMBERS,
    Refusal,
    WrongType,
    as_parameters,
    refused,
    wrong_types,
)
from tests.support.synth import IMAGE_URI, a_bucket, a_model, fresh_app

ids = count()


@cache
def scope() -> cdk.Stack:
    return cdk.Stack(fresh_app(), "Endpoints")


@cache
def plain() -> Model:
    return a_model(scope())


@cache
def topic(fifo: bool = False) -> sns.ITopic:
    return sns.Topic(scope(), f"Topic{fifo}", fifo=fifo or None)


@cache
def bucketed() -> AsyncOutput:
    return AsyncOutput(bucket=a_bucket(scope()))


def endpoint(**props: object) -> AsyncEndpoint:
    given = {
        "model": plain(),
        "instance_type": "ml.m5.large",
        "output": bucketed(),
        "check_deployments": False,
    }
    return AsyncEndpoint(scope(), f"Endpoint{next(ids)}", **{**given, **props})


def of(**props: object) -> Container:
    return Container(**{"image": ContainerImage.from_uri(IMAGE_URI), **props})


def scaling(low: int = 0, **props: object) -> AutoScaling:
    return AutoScaling(min_capacity=low, max_capacity=3, **props)


def step(name: str) -> StepScaling:
    depth = cloudwatch.Metric(namespace="Fraud", metric_name="Depth")
    return StepScaling(name=name, metric=depth, threshold=10, steps=[ScalingStep(lower=0, change=2)])


def rollout(**rollback: object) -> Rollout:
    return Rollout.all_at_once(rollback=Rollback(**rollback))


@cache
def alarms(number: int) -> tuple[cloudwatch.IAlarm, ...]:
    return tuple(
        cloudwatch.Alarm.from_alarm_name(scope(), f"Alarm{number}of{index}", f"alarm-{index}")
        for index in range(number)
    )


def many_models() -> Model:
    prefix = ModelData.from_prefix(a_bucket(scope(), f"Bucket{next(ids)}"), "models/")
    return a_model(scope(), f"Model{next(ids)}", container=of(data=prefix, multi_model=MultiModel()))


PREFIX = "a key prefix of at most 400 characters"
WRONG_PREFIXES = ("", "/", "/a", "a/", "a//b", "ä", "a b", "a" * 401, None, 5)

REFUSALS = [
    *(
        Refusal("SM-ASYNC-001", lambda wrong=wrong: AsyncInput(prefix=wrong), "prefix", wrong, "")
        for wrong in WRONG_PREFIXES
    ),
    *(
        Refusal("SM-ASYNC-002", lambda name=name, wrong=wrong: AsyncOutput(**{name: wrong}), name, wrong, "")
        for name in ("prefix", "failure_prefix")
        for wrong in WRONG_PREFIXES
    ),
    Refusal("SM-ASYNC-001", lambda: AsyncInput(prefix="a/"), "prefix", "a/", PREFIX),
    Refusal(
        "SM-ASYNC-002",
        lambda: AsyncOutput(prefix="answers", failure_prefix="answers"),
        "failure_prefix",
        "answers",
        "another prefix than that of the answers",
    ),
    Refusal(
        "SM-ASYNC-003",
        lambda: AsyncOutput(include_response_in_success=True, error_topic=topic()),
        "include_response_in_success",
        True,
        "False, since there is no success_topic",
    ),
    Refusal(
        "SM-ASYNC-003",
        lambda: AsyncOutput(include_response_in_error=True, success_topic=topic()),
        "include_response_in_error",
        True,
        "False, since there is no error_topic",
    ),
    *(
        Refusal(
            "SM-ASYNC-004",
            lambda most=most: endpoint(max_concurrent_invocations_per_instance=most),
            "max_concurrent_invocations_per_instance",
            most,
            "from 1 to 1000",
        )
        for most in (0, 1001)
    ),
    Refusal(
        "SM-ASYNC-005",
        lambda: endpoint(rollout=rollout(latency=cdk.Duration.seconds(2))),
        "rollout.rollback.latency",
        "2 seconds",
        "nothing: answers may take up to an hour",
    ),
    Refusal(
        "SM-ASYNC-006",
        lambda: endpoint(scaling=scaling(steps=[step("WakeUp")])),
        "scaling.steps",
        "WakeUp",
        "other names",
    ),
    *(
        Refusal(
            "SM-ASYNC-007",
            lambda name=name: AsyncOutput(**{name: topic(fifo=True)}),
            name,
            "a FIFO topic",
            "a standard topic",
        )
        for name in ("success_topic", "error_topic")
    ),
    Refusal(
        "SM-ASYNC-011",
        lambda: endpoint(model=a_model(scope(), f"Model{next(ids)}", containers=[of(), of()])),
        "model",
        "a model of several containers",
        "answer at once only",
    ),
    Refusal(
        "SM-ASYNC-011",
        lambda: endpoint(model=many_models()),
        "model",
        "a multi-model container",
        "answer at once only",
    ),
    *(
        Refusal(
            "SM-SCALING-012",
            lambda name=name: endpoint(scaling=scaling(**{name: 0.5})),
            f"scaling.{name}",
            0.5,
            "nothing: ",
        )
        for name in (
            "invocations_per_instance",
            "concurrent_requests_per_model",
            "provisioned_concurrency_utilization",
            "invocations_per_copy",
            "concurrent_requests_per_copy",
        )
    ),
    Refusal("SM-VARIANT-004", lambda: endpoint(instance_count=0), "instance_count", 0, "from 1"),
    Refusal("SM-VARIANT-002", lambda: endpoint(model="fraud"), "model", "fraud", "a Model"),
    Refusal(
        "SM-ROLLOUT-012",
        lambda: endpoint(rollout=rollout(alarms=alarms(10))),
        "rollout.rollback.alarms",
        "10 alarms",
        "at most 9 beside the 1 built-in ones",
    ),
]


@pytest.mark.parametrize("refusal", as_parameters(REFUSALS))
def test_a_broken_rule_is_named_with_what_was_given_and_what_is_allowed(refusal: Refusal) -> None:
    refusal.check()


def token() -> int:
    return cdk.Token.as_number({"Ref": "Number"})


ACCEPTED: dict[str, Callable[[], object]] = {
    "a long prefix": lambda: AsyncInput(prefix="a" * 400),
    "a deep prefix": lambda: AsyncInput(prefix="fraud/eu-west-1/!_.*'()-"),
    "a token for the prefix": lambda: AsyncInput(prefix=cdk.Fn.ref("Prefix")),
    "tokens for both prefixes": lambda: AsyncOutput(
        prefix=cdk.Fn.ref("Prefix"), failure_prefix=cdk.Fn.ref("Prefix")
    ),
    "answers for both topics": lambda: AsyncOutput(
        success_topic=topic(),
        error_topic=topic(),
        include_response_in_success=True,
        include_response_in_error=True,
    ),
    "one request at once": lambda: endpoint(max_concurrent_invocations_per_instance=1),
    "a thousand requests at once": lambda: endpoint(max_concurrent_invocations_per_instance=1000),
    "a token for the requests at once": lambda: endpoint(max_concurrent_invocations_per_instance=token()),
    "a step called WakeUp where nothing sleeps": lambda: endpoint(scaling=scaling(1, steps=[step("WakeUp")])),
    "nine alarms beside the one built in": lambda: endpoint(rollout=rollout(alarms=alarms(9))),
}


@pytest.mark.parametrize("accepted", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_is_just_allowed_passes(accepted: Callable[[], object]) -> None:
    assert accepted()


WRONG = [
    *wrong_types(AsyncInput, "input", bucket=WRONG_OBJECTS, prefix=WRONG_TEXTS),
    *wrong_types(
        AsyncOutput,
        "output",
        bucket=WRONG_OBJECTS,
        prefix=WRONG_TEXTS,
        failure_prefix=WRONG_TEXTS,
        encryption_key=WRONG_OBJECTS,
        success_topic=WRONG_OBJECTS,
        error_topic=WRONG_OBJECTS,
        include_response_in_success=WRONG_SWITCHES,
        include_response_in_error=WRONG_SWITCHES,
    ),
    *wrong_types(
        endpoint,
        "endpoint",
        model=WRONG_OBJECTS,
        instance_type=(None, *WRONG_TEXTS),
        instance_count=WRONG_WHOLE_NUMBERS,
        scaling=WRONG_OBJECTS,
        input=WRONG_OBJECTS,
        output=WRONG_OBJECTS,
        max_concurrent_invocations_per_instance=WRONG_WHOLE_NUMBERS,
        volume_size=WRONG_OBJECTS,
        download_timeout=WRONG_DURATIONS,
        startup_timeout=WRONG_DURATIONS,
        endpoint_name=WRONG_TEXTS,
        rollout=WRONG_OBJECTS,
        capture=WRONG_OBJECTS,
        encryption_key=WRONG_OBJECTS,
        metrics=WRONG_OBJECTS,
        check_deployments=WRONG_SWITCHES,
        parameter_name=("", *WRONG_TEXTS),
    ),
]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_type_is_refused_for_its_property(wrong: WrongType) -> None:
    wrong.check()


def test_all_that_is_wrong_is_told_at_once_and_nothing_is_left_behind() -> None:
    before = len(scope().node.children)
    error = refused(
        lambda: endpoint(instance_type="large", max_concurrent_invocations_per_instance=0, endpoint_name="-")
    )
    assert set(error.rules) == {"SM-ASYNC-004", "SM-ENDPOINT-003", "SM-VARIANT-003"}
    assert error.path.startswith("Endpoints/Endpoint")
    assert len(scope().node.children) == before

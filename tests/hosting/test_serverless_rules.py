"""Each rule of serverless endpoints: what they cannot do is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import count

import aws_cdk as cdk
import pytest
from aws_cdk import aws_applicationautoscaling as appscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms

from constructs_lib import (
    AutoScaling,
    Container,
    ContainerImage,
    DataCapture,
    MetricsPublishing,
    Model,
    ModelData,
    MultiModel,
    Rollout,
    ScheduledScaling,
    ServerlessEndpoint,
)
from tests.support.refusals import (
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

gibibytes = cdk.Size.gibibytes
ids = count()


@cache
def scope() -> cdk.Stack:
    return cdk.Stack(fresh_app(), "Endpoints")


@cache
def plain() -> Model:
    return a_model(scope())


@cache
def vpc() -> ec2.IVpc:
    return ec2.Vpc(scope(), "Vpc")


def endpoint(**props: object) -> ServerlessEndpoint:
    return ServerlessEndpoint(
        scope(), f"Endpoint{next(ids)}", **{"model": plain(), "check_deployments": False, **props}
    )


def serving(**props: object) -> ServerlessEndpoint:
    """An endpoint of a model of its own."""
    return endpoint(model=a_model(scope(), f"Model{next(ids)}", **props))


def of(**props: object) -> Container:
    return Container(**{"image": ContainerImage.from_uri(IMAGE_URI), **props})


def prefix() -> ModelData:
    return ModelData.from_prefix(a_bucket(scope(), f"Bucket{next(ids)}"), "models/1.0.0/")


def scaling(low: int = 1, high: int = 5, **props: object) -> AutoScaling:
    target = props if props else {"provisioned_concurrency_utilization": 0.7}
    return AutoScaling(min_capacity=low, max_capacity=high, **target)


def scheduled(**props: object) -> AutoScaling:
    night = appscaling.Schedule.expression("cron(0 22 * * ? *)")
    return scaling(schedules=[ScheduledScaling(name="Night", schedule=night, **props)])


def canary() -> Rollout:
    return Rollout.canary(size_percent=10, wait=cdk.Duration.minutes(5))


KEY = kms.Key(scope(), "Key")
CAPTURE, METRICS = DataCapture(), MetricsPublishing()

REFUSALS = [
    Refusal("SM-SERVERLESS-001", lambda: endpoint(memory=gibibytes(0)), "memory", "0 GiB", "1 to 6"),
    Refusal("SM-SERVERLESS-001", lambda: endpoint(memory=gibibytes(7)), "memory", "7 GiB", "1 to 6"),
    Refusal(
        "SM-SERVERLESS-001",
        lambda: endpoint(memory=cdk.Size.mebibytes(1500)),
        "memory",
        "1.46484 GiB",
        "whole GiB",
    ),
    Refusal("SM-SERVERLESS-002", lambda: endpoint(max_concurrency=0), "max_concurrency", 0, "from 1 to 200"),
    Refusal("SM-SERVERLESS-002", lambda: endpoint(max_concurrency=201), "max_concurrency", 201, "to 200"),
    Refusal(
        "SM-SERVERLESS-003",
        lambda: endpoint(provisioned_concurrency=0),
        "provisioned_concurrency",
        0,
        "from 1 to 20",
    ),
    Refusal(
        "SM-SERVERLESS-003",
        lambda: endpoint(max_concurrency=4, provisioned_concurrency=5),
        "provisioned_concurrency",
        5,
        "from 1 to 4",
    ),
    Refusal(
        "SM-SERVERLESS-003",
        lambda: endpoint(max_concurrency=4, scaling=scaling()),
        "scaling.max_capacity",
        5,
        "from 1 to 4",
    ),
    Refusal(
        "SM-SERVERLESS-003",
        lambda: endpoint(scaling=scheduled(max_capacity=21)),
        "scaling.schedules[Night].max_capacity",
        21,
        "from 1 to 20",
    ),
    Refusal(
        "SM-SERVERLESS-003",
        lambda: endpoint(scaling=scheduled(min_capacity=21)),
        "scaling.schedules[Night].min_capacity",
        21,
        "from 1 to 20",
    ),
    Refusal(
        "SM-SERVERLESS-004",
        lambda: endpoint(provisioned_concurrency=1, scaling=scaling(2)),
        "provisioned_concurrency",
        1,
        "2–5, the scaling's bounds",
    ),
    Refusal(
        "SM-SERVERLESS-004",
        lambda: endpoint(provisioned_concurrency=6, scaling=scaling(2)),
        "provisioned_concurrency",
        6,
        "2–5, the scaling's bounds",
    ),
    Refusal("SM-SERVERLESS-005", lambda: endpoint(model=None), "model", None, "a Model"),
    Refusal("SM-SERVERLESS-005", lambda: endpoint(model="fraud"), "model", "fraud", "a Model"),
    Refusal("SM-SERVERLESS-011", lambda: endpoint(variants=[]), "variants", [], "one variant takes all"),
    Refusal(
        "SM-SERVERLESS-012",
        lambda: endpoint(rollout=canary()),
        "rollout",
        "Rollout.canary(…)",
        "watches no alarm",
    ),
    Refusal(
        "SM-SERVERLESS-012",
        lambda: endpoint(rollout=Rollout.all_at_once()),
        "rollout",
        "Rollout.all_at_once(…)",
        "watches no alarm",
    ),
    Refusal(
        "SM-SERVERLESS-012",
        lambda: endpoint(rollout=Rollout.rolling(batch_percent=50, wait=cdk.Duration.minutes(1))),
        "rollout",
        "Rollout.rolling(…)",
        "watches no alarm",
    ),
    Refusal(
        "SM-SERVERLESS-013",
        lambda: endpoint(scaling=scaling(0)),
        "scaling.min_capacity",
        0,
        "at least 1 stays provisioned",
    ),
    Refusal(
        "SM-SERVERLESS-013",
        lambda: endpoint(scaling=scheduled(min_capacity=0)),
        "scaling.schedules[Night].min_capacity",
        0,
        "at least 1 stays provisioned",
    ),
    Refusal("SM-SERVERLESS-014", lambda: endpoint(capture=CAPTURE), "capture", CAPTURE, "on instances only"),
    Refusal(
        "SM-SERVERLESS-015",
        lambda: endpoint(encryption_key=KEY),
        "encryption_key",
        KEY,
        "no volume of its own",
    ),
    Refusal("SM-SERVERLESS-016", lambda: endpoint(metrics=METRICS), "metrics", METRICS, "no instances"),
    Refusal(
        "SM-SERVERLESS-017", lambda: serving(vpc=vpc()), "model", "a model in a VPC", "SageMaker's network"
    ),
    Refusal(
        "SM-SERVERLESS-018",
        lambda: serving(network_isolation=True),
        "model",
        "an isolated model",
        "it is not offered",
    ),
    Refusal(
        "SM-SERVERLESS-019",
        lambda: serving(containers=[of(), of()]),
        "model",
        "a model of several containers",
        "one container",
    ),
    Refusal(
        "SM-SERVERLESS-020",
        lambda: serving(container=of(data=prefix(), multi_model=MultiModel())),
        "model",
        "a multi-model container",
        "one model",
    ),
    Refusal(
        "SM-SERVERLESS-021",
        lambda: serving(container=of(data=prefix())),
        "model",
        "uncompressed model data",
        "model.tar.gz",
    ),
    *(
        Refusal(
            "SM-SERVERLESS-022",
            lambda name=name, version=version, processor=processor: serving(
                container=Container(
                    image=ContainerImage.framework(name, version=version, processor=processor)
                )
            ),
            "model",
            "an image for accelerators",
            "no accelerators",
        )
        for name, version, processor in (
            ("pytorch", "2.6", "gpu"),
            ("sagemaker-tritonserver", "25.04", "gpu"),  # its tag does not say so
            ("djl-neuronx", "0.23.0", None),  # for one processor only: the tag alone says so
        )
    ),
    *(
        Refusal(
            "SM-SCALING-012",
            lambda name=name: endpoint(scaling=scaling(**{name: 5})),
            f"scaling.{name}",
            5,
            "nothing: ",
        )
        for name in (
            "invocations_per_instance",
            "concurrent_requests_per_model",
            "cpu_utilization",
            "backlog_per_instance",
            "invocations_per_copy",
            "concurrent_requests_per_copy",
        )
    ),
]


@pytest.mark.parametrize("refusal", as_parameters(REFUSALS))
def test_a_broken_rule_is_named_with_what_was_given_and_what_is_allowed(refusal: Refusal) -> None:
    refusal.check()


def token() -> int:
    return cdk.Token.as_number({"Ref": "Number"})


ACCEPTED: dict[str, Callable[[], ServerlessEndpoint]] = {
    "the least memory": lambda: endpoint(memory=gibibytes(1)),
    "the most memory": lambda: endpoint(memory=gibibytes(6)),
    "memory in MiB": lambda: endpoint(memory=cdk.Size.mebibytes(3072)),
    "a token for the memory": lambda: endpoint(memory=cdk.Size.mebibytes(token())),
    "one at a time": lambda: endpoint(max_concurrency=1, provisioned_concurrency=1),
    "the most at a time": lambda: endpoint(max_concurrency=200, provisioned_concurrency=200),
    "provisioned below a token": lambda: endpoint(max_concurrency=token(), provisioned_concurrency=500),
    "a provisioned token": lambda: endpoint(provisioned_concurrency=token(), scaling=scaling()),
    "scaled up to the most": lambda: endpoint(max_concurrency=5, scaling=scaling()),
    "scheduled within the bounds": lambda: endpoint(scaling=scheduled(min_capacity=1, max_capacity=20)),
    "at the scaling's minimum": lambda: endpoint(provisioned_concurrency=2, scaling=scaling(2)),
    "at the scaling's maximum": lambda: endpoint(provisioned_concurrency=5, scaling=scaling(2)),
    "no guardrail": lambda: endpoint(rollout=Rollout.unguarded()),
    "an image for CPUs": lambda: serving(
        container=Container(image=ContainerImage.framework("sagemaker-tritonserver", version="25.04"))
    ),
}


@pytest.mark.parametrize("accepted", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_is_just_allowed_passes(accepted: Callable[[], ServerlessEndpoint]) -> None:
    assert accepted().endpoint_name


@pytest.mark.parametrize(
    "wrong",
    wrong_types(
        endpoint,
        model=WRONG_OBJECTS,
        memory=WRONG_OBJECTS,
        max_concurrency=(None, *WRONG_WHOLE_NUMBERS),
        provisioned_concurrency=WRONG_WHOLE_NUMBERS,
        scaling=WRONG_OBJECTS,
        endpoint_name=WRONG_TEXTS,
        parameter_name=("", *WRONG_TEXTS),
        check_deployments=WRONG_SWITCHES,
        variants=WRONG_OBJECTS,
        rollout=WRONG_OBJECTS,
        capture=WRONG_OBJECTS,
        encryption_key=WRONG_OBJECTS,
        metrics=WRONG_OBJECTS,
    ),
)
def test_a_wrong_type_is_refused_for_its_property(wrong: WrongType) -> None:
    wrong.check()


def test_all_that_is_wrong_is_told_at_once_and_nothing_is_left_behind() -> None:
    before = len(scope().node.children)
    error = refused(
        lambda: endpoint(memory=gibibytes(8), max_concurrency=0, capture=CAPTURE, endpoint_name="-")
    )
    assert set(error.rules) == {
        "SM-ENDPOINT-003",
        "SM-SERVERLESS-001",
        "SM-SERVERLESS-002",
        "SM-SERVERLESS-014",
    }
    assert error.path.startswith("Endpoints/Endpoint")
    assert len(scope().node.children) == before


def test_the_error_says_what_to_do_instead() -> None:
    (violation,) = refused(lambda: endpoint(rollout=canary())).violations
    assert violation.fix == (
        "the deploy guard still fails the stack when the new version does not come into service"
    )
    assert violation.source.endswith("/serverless-endpoints.html")

"""Each rule of component endpoints and of their components: what passes, what does not, and why."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import count

import aws_cdk as cdk
import pytest
from aws_cdk import aws_applicationautoscaling as appscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2

from constructs_lib import (
    AutoScaling,
    ComponentEndpoint,
    Container,
    ContainerImage,
    InferenceComponent,
    ManagedInstanceScaling,
    Model,
    ModelData,
    MultiModel,
    Rollback,
    Rollout,
    ScalingStep,
    ScheduledScaling,
    StepScaling,
)
from tests.support.components import a_fleet
from tests.support.refusals import (
    NAN,
    WRONG_DURATIONS,
    WRONG_LISTS,
    WRONG_NUMBERS,
    WRONG_OBJECTS,
    WRONG_SWITCHES,
    WRONG_TEXTS,
    WRONG_WHOLE_NUMBERS,
    Refusal,
    WrongType,
    as_parameters,
    refused,
    sole_violation,
    wrong_types,
)
from tests.support.synth import IMAGE_URI, a_bucket, a_model, fresh_app

minutes, seconds = cdk.Duration.minutes, cdk.Duration.seconds
mebibytes, gibibytes = cdk.Size.mebibytes, cdk.Size.gibibytes
ids = count()


@cache
def scope() -> cdk.Stack:
    return cdk.Stack(fresh_app(), "Components")


@cache
def vpc() -> ec2.IVpc:
    return ec2.Vpc.from_vpc_attributes(
        scope(), "Vpc", vpc_id="vpc-1", availability_zones=["a"], private_subnet_ids=["subnet-a"]
    )


@cache
def model(kind: str = "") -> Model:
    """A model, or one that a component does not serve."""
    image = ContainerImage.from_uri(IMAGE_URI)
    several = [Container(image=image), Container(image=image)]
    props: dict[str, dict[str, object]] = {
        "": {},
        "in a VPC": {"vpc": vpc()},
        "isolated": {"network_isolation": True},
        "a pipeline": {"containers": several},
    }
    return a_model(scope(), f"Model{kind.title().replace(' ', '')}", **props[kind])


@cache
def multi_model() -> Model:
    container = Container(
        image=ContainerImage.from_uri(IMAGE_URI),
        data=ModelData.from_prefix(a_bucket(scope()), "models/"),
        multi_model=MultiModel(),
    )
    return Model(scope(), "MultiModel", container=container)


def fleet(**props: object) -> ComponentEndpoint:
    return a_fleet(scope(), f"Endpoint{next(ids)}", **props)


@cache
def shared() -> ComponentEndpoint:
    return a_fleet(scope(), "Shared")


@cache
def accelerated() -> ComponentEndpoint:
    return a_fleet(scope(), "Accelerated", instance_type="ml.g5.12xlarge")


def component(on: ComponentEndpoint | None = None, **props: object) -> InferenceComponent:
    given = {"model": model(), "memory": gibibytes(1), **props}
    return (on or shared()).add_component(f"C{next(ids)}", **given)


def managed(low: object = 0, high: object = 4) -> ManagedInstanceScaling:
    return ManagedInstanceScaling(min_count=low, max_count=high)


def scaling(low: int = 1, high: int = 6, **props: object) -> AutoScaling:
    return AutoScaling(min_capacity=low, max_capacity=high, **(props or {"invocations_per_copy": 600}))


def rolling(**props: object) -> Rollout:
    return Rollout.rolling(wait=minutes(1), **props)


def watched(alarms: int) -> Rollout:
    mine = [
        cloudwatch.Alarm.from_alarm_name(scope(), f"Alarm{next(ids)}", f"alarm-{index}")
        for index in range(alarms)
    ]
    return rolling(batch_percent=5, rollback=Rollback(alarms=mine))


def step(name: str) -> StepScaling:
    metric = cloudwatch.Metric(namespace="Fraud", metric_name="Depth")
    return StepScaling(name=name, metric=metric, threshold=1, steps=[ScalingStep(lower=0, change=1)])


def asleep_at_night() -> ScheduledScaling:
    night = appscaling.Schedule.expression("cron(0 22 * * ? *)")
    return ScheduledScaling(name="Night", schedule=night, min_capacity=0)


def late() -> float:
    return cdk.Token.as_number(cdk.Fn.ref("Late"))


def two(first: dict[str, object], second: dict[str, object], ids: tuple[str, str] = ("A", "B")) -> None:
    """Two components of one fleet."""
    on = fleet(endpoint_name="fleet")
    for id, given in zip(ids, (first, second), strict=True):
        on.add_component(id, **{"model": model(), "memory": gibibytes(1), **given})


REFUSALS = [
    Refusal("SM-COMPONENT-001", lambda: managed(-1), "min_count", -1, "from 0 to 10000"),
    Refusal("SM-COMPONENT-001", lambda: managed(0, 0), "max_count", 0, "from 1 to 10000"),
    Refusal("SM-COMPONENT-001", lambda: managed(5, 4), "min_count", 5, "at most max_count (4)"),
    Refusal(
        "SM-COMPONENT-002",
        lambda: fleet(managed_scaling=managed(2, 4), instance_count=1),
        "instance_count",
        1,
        "2–4, the bounds of managed_scaling",
    ),
    Refusal(
        "SM-COMPONENT-002",
        lambda: fleet(managed_scaling=managed(0, 4), instance_count=5),
        "instance_count",
        5,
        "0–4, the bounds of managed_scaling",
    ),
    Refusal(
        "SM-COMPONENT-002",
        lambda: fleet(managed_scaling=managed(late())),
        "instance_count",
        None,
        "a number of at least 1, since only the deployment knows min_count",
    ),
    Refusal(
        "SM-VARIANT-004",
        lambda: fleet(managed_scaling=managed(0), instance_count=0),
        "instance_count",
        0,
        "from 1 to 10000",
    ),
    Refusal("SM-VARIANT-003", lambda: fleet(instance_type="m5.large"), "instance_type", "m5.large", "ml."),
    Refusal(
        "SM-VARIANT-004", lambda: fleet(volume_size=gibibytes(513)), "volume_size", "513 GiB", "1 to 512"
    ),
    Refusal("SM-ENDPOINT-003", lambda: fleet(endpoint_name="a_b"), "endpoint_name", "a_b", "1–63"),
    Refusal(
        "SM-COMPONENT-003",
        lambda: fleet(security_groups=[]),
        "security_groups",
        [],
        "nothing without a vpc",
    ),
    Refusal(
        "SM-COMPONENT-003",
        lambda: fleet(vpc=vpc(), security_groups=[]),
        "security_groups",
        "0 groups",
        "1–5 groups",
    ),
    Refusal("SM-COMPONENT-004", lambda: component(model=None), "model", None, "a Model"),
    Refusal("SM-COMPONENT-004", lambda: component(model="fraud"), "model", "fraud", "a Model"),
    Refusal(
        "SM-COMPONENT-004",
        lambda: component(model=model("in a VPC")),
        "model",
        "a model in a VPC",
        "a model without one",
    ),
    Refusal(
        "SM-COMPONENT-004",
        lambda: component(model=model("isolated")),
        "model",
        "an isolated model",
        "a model without isolation",
    ),
    Refusal(
        "SM-COMPONENT-005", lambda: component(memory=mebibytes(127)), "memory", "127 MiB", "at least 128"
    ),
    Refusal(
        "SM-COMPONENT-005",
        lambda: component(memory=cdk.Size.kibibytes(128 * 1024 + 512)),
        "memory",
        "128.5 MiB",
        "whole MiB",
    ),
    Refusal(
        "SM-COMPONENT-005",
        lambda: component(memory=mebibytes(129), max_memory=mebibytes(128)),
        "memory",
        "129 MiB",
        "at most max_memory (128 MiB)",
    ),
    Refusal("SM-COMPONENT-006", lambda: component(cpu_cores=0.24), "cpu_cores", 0.24, "at least 0.25"),
    Refusal("SM-COMPONENT-006", lambda: component(cpu_cores=0), "cpu_cores", 0, "at least 0.25"),
    Refusal(
        "SM-COMPONENT-006",
        lambda: component(accelerated(), accelerators=0),
        "accelerators",
        0,
        "from 1 to 64",
    ),
    Refusal(
        "SM-COMPONENT-006",
        lambda: component(accelerators=1),
        "accelerators",
        1,
        "none: ml.m5.2xlarge has no GPU and no Neuron chip",
    ),
    Refusal("SM-COMPONENT-007", lambda: component(copies=0), "copies", 0, "from 1 to 10000"),
    Refusal(
        "SM-COMPONENT-007",
        lambda: component(copies=1, scaling=scaling(2)),
        "copies",
        1,
        "2–6, the scaling's bounds",
    ),
    Refusal(
        "SM-COMPONENT-007",
        lambda: component(copies=7, scaling=scaling(0)),
        "copies",
        7,
        "0–6, the scaling's bounds",
    ),
    Refusal(
        "SM-COMPONENT-008",
        lambda: component(download_timeout=seconds(59)),
        "download_timeout",
        "59 seconds",
        "from 1 minute to 1 hour",
    ),
    Refusal(
        "SM-COMPONENT-008",
        lambda: component(startup_timeout=seconds(3601)),
        "startup_timeout",
        "1 hour 1 second",
        "from 1 minute to 1 hour",
    ),
    Refusal("SM-COMPONENT-009", lambda: component(component_name=""), "component_name", "", "1–63"),
    Refusal(
        "SM-COMPONENT-009", lambda: component(component_name="a" * 64), "component_name", "a" * 64, "1–63"
    ),
    Refusal("SM-COMPONENT-009", lambda: component(component_name="a_b"), "component_name", "a_b", "hyphens"),
    Refusal(
        "SM-COMPONENT-010",
        lambda: component(scaling=AutoScaling(min_capacity=0, max_capacity=4)),
        "scaling.invocations_per_copy",
        None,
        "a target, a step or a schedule",
    ),
    Refusal(
        "SM-COMPONENT-010",
        lambda: component(scaling=scaling(0, steps=[step("WakeUp")])),
        "scaling.steps",
        "WakeUp",
        "other names",
    ),
    Refusal(
        "SM-COMPONENT-010",
        lambda: component(scaling=scaling(1, steps=[step("WakeUp")], schedules=[asleep_at_night()])),
        "scaling.steps",
        "WakeUp",
        "other names",
    ),
    Refusal(
        "SM-COMPONENT-011",
        lambda: component(rollout=Rollout.canary(size_instances=1, wait=minutes(1))),
        "rollout",
        "Rollout.canary(…)",
        "replaced in batches on the same fleet",
    ),
    Refusal(
        "SM-COMPONENT-011",
        lambda: component(rollout=Rollout.linear(step_percent=10, wait=minutes(1))),
        "rollout",
        "Rollout.linear(…)",
        "replaced in batches",
    ),
    Refusal(
        "SM-COMPONENT-011",
        lambda: component(rollout=Rollout.all_at_once()),
        "rollout",
        "Rollout.all_at_once(…)",
        "replaced in batches",
    ),
    Refusal(
        "SM-COMPONENT-012",
        lambda: component(model=model("a pipeline")),
        "model",
        "a model of several containers",
        "a component runs one container",
    ),
    Refusal(
        "SM-COMPONENT-012",
        lambda: component(model=multi_model()),
        "model",
        "a multi-model container",
        "a component runs one container",
    ),
    Refusal(
        "SM-COMPONENT-013",
        lambda: two({}, {}, ids=("Fraud", "fraud")),
        "id",
        "fraud",
        "component 'Fraud' is named",
    ),
    Refusal("SM-COMPONENT-013", lambda: two({}, {}, ids=("A", "A")), "id", "A", "component 'A' is named"),
    Refusal(
        "SM-COMPONENT-013",
        lambda: two({"component_name": "fraud"}, {"component_name": "Fraud"}),
        "component_name",
        "Fraud",
        "component 'A' is named fraud",
    ),
    Refusal(
        "SM-COMPONENT-014",
        lambda: component(copies=4, rollout=rolling(batch_instances=3)),
        "rollout.batch_instances",
        3,
        "1–2 of the 4 copies",
    ),
    Refusal(
        "SM-COMPONENT-014",
        lambda: component(rollout=rolling(batch_instances=2)),
        "rollout.batch_instances",
        2,
        "1–1 of the 1 copies",
    ),
    Refusal(
        "SM-COMPONENT-014",
        lambda: component(scaling=scaling(21, 40), rollout=rolling(batch_instances=1)),
        "rollout.batch_instances",
        1,
        "2–10 of the 21 copies",
    ),
    Refusal(
        "SM-ROLLOUT-012",
        lambda: component(rollout=watched(9)),
        "rollout.rollback.alarms",
        "9 alarms",
        "at most 8 beside the 2 built-in ones",
    ),
    *(
        Refusal(
            "SM-SCALING-012",
            lambda target=target: component(scaling=scaling(**{target: 0.5})),
            f"scaling.{target}",
            0.5,
            allowed,
        )
        for target, allowed in {
            "invocations_per_instance": "copies of a component scale",
            "concurrent_requests_per_model": "copies of a component scale",
            "cpu_utilization": "copies of a component scale",
            "backlog_per_instance": "only asynchronous endpoints",
            "provisioned_concurrency_utilization": "only serverless endpoints",
        }.items()
    ),
]


@pytest.mark.parametrize("refusal", as_parameters(REFUSALS))
def test_what_breaks_a_rule_is_refused_for_it(refusal: Refusal) -> None:
    refusal.check()


ACCEPTED: dict[str, Callable[[], object]] = {
    "0 instances at least": lambda: managed(0, 1),
    "as many at least as at most": lambda: managed(4, 4),
    "the most instances": lambda: managed(10_000, 10_000),
    "first instances within the bounds": lambda: fleet(managed_scaling=managed(1, 4), instance_count=4),
    "bounds known late": lambda: fleet(managed_scaling=managed(late(), late()), instance_count=1),
    "five security groups": lambda: fleet(
        vpc=vpc(),
        security_groups=[
            ec2.SecurityGroup.from_security_group_id(scope(), f"Group{next(ids)}", "sg-1") for _ in range(5)
        ],
    ),
    "a type of tomorrow": lambda: fleet(instance_type="ml.z99.large"),
    "an imported model": lambda: component(
        model=Model.from_model_name(scope(), f"Imported{next(ids)}", "fraud")
    ),
    "the least memory": lambda: component(memory=mebibytes(128), max_memory=mebibytes(128)),
    "memory in other units": lambda: component(memory=cdk.Size.kibibytes(256 * 1024)),
    "the least CPU": lambda: component(cpu_cores=0.25),
    "GPUs": lambda: component(accelerated(), accelerators=4),
    "Neuron chips": lambda: component(fleet(instance_type="ml.inf2.xlarge"), accelerators=1),
    "Gaudi": lambda: component(fleet(instance_type="ml.dl1.24xlarge"), accelerators=8),
    "accelerators of a type of tomorrow": lambda: component(
        fleet(instance_type="ml.z99.large"), accelerators=1
    ),
    "accelerators of a type known late": lambda: component(
        fleet(instance_type=cdk.Fn.ref("Type")), accelerators=1
    ),
    "timeouts at their ends": lambda: component(download_timeout=seconds(60), startup_timeout=seconds(3600)),
    "a name of 63": lambda: component(component_name="a" * 63),
    "sleep by schedule": lambda: component(scaling=scaling(1, schedules=[asleep_at_night()])),
    "a step called WakeUp where nothing sleeps": lambda: component(
        scaling=scaling(1, steps=[step("WakeUp")])
    ),
    "no guard": lambda: component(rollout=Rollout.unguarded()),
    "half of the copies": lambda: component(copies=4, rollout=rolling(batch_instances=2)),
    "half of three copies": lambda: component(copies=3, rollout=rolling(batch_instances=1)),
    "a batch of copies known late": lambda: component(copies=late(), rollout=rolling(batch_instances=7)),
    "ten alarms": lambda: component(rollout=watched(8)),
    "names known late": lambda: two(
        {"component_name": cdk.Fn.ref("One")}, {"component_name": cdk.Fn.ref("Two")}
    ),
    "one name on two fleets": lambda: (two({"component_name": "x"}, {}), two({"component_name": "x"}, {})),
}


@pytest.mark.parametrize("make", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_keeps_the_rules_is_accepted(make: Callable[[], object]) -> None:
    make()


def test_all_that_is_wrong_with_a_fleet_is_told_at_once() -> None:
    error = refused(
        lambda: fleet(
            endpoint_name="a_b", instance_type="m5", managed_scaling=managed(2, 4), instance_count=1
        )
    )
    assert error.rules == ("SM-ENDPOINT-003", "SM-COMPONENT-002", "SM-VARIANT-003")
    assert error.path.startswith("Components/Endpoint")


def test_all_that_is_wrong_with_a_component_is_told_at_once_and_nothing_is_made() -> None:
    on = fleet()
    before = len(on.node.find_all())
    error = refused(
        lambda: on.add_component(
            "Wrong/One", model=model("a pipeline"), memory=mebibytes(1), copies=-1, component_name="a_b"
        )
    )
    assert set(error.rules) == {
        "SM-COMPONENT-005",
        "SM-COMPONENT-007",
        "SM-COMPONENT-009",
        "SM-COMPONENT-012",
    }
    assert error.path == f"{on.node.path}/Wrong--One"
    assert len(on.node.find_all()) == before
    assert on.components == {}


WRONG_TYPES = [
    *wrong_types(
        lambda **given: ManagedInstanceScaling(**{"min_count": 0, "max_count": 1, **given}),
        "managed",
        min_count=(*WRONG_WHOLE_NUMBERS, None),
        max_count=(*WRONG_WHOLE_NUMBERS, None),
    ),
    *wrong_types(
        fleet,
        "fleet",
        instance_type=(*WRONG_TEXTS, None, ""),
        instance_count=WRONG_WHOLE_NUMBERS,
        managed_scaling=WRONG_OBJECTS,
        routing=WRONG_OBJECTS,
        role=WRONG_OBJECTS,
        vpc=WRONG_OBJECTS,
        network_isolation=WRONG_SWITCHES,
        volume_size=WRONG_OBJECTS,
        endpoint_name=WRONG_TEXTS,
        capture=WRONG_OBJECTS,
        encryption_key=WRONG_OBJECTS,
        metrics=WRONG_OBJECTS,
        check_deployments=WRONG_SWITCHES,
        parameter_name=WRONG_TEXTS,
    ),
    *wrong_types(
        lambda **given: fleet(vpc=vpc(), **given),
        "fleet in a VPC",
        vpc_subnets=WRONG_OBJECTS,
        security_groups=[value for value in WRONG_LISTS if value is not None],
    ),
    *wrong_types(
        component,
        "component",
        model=(*WRONG_OBJECTS, None),
        memory=(*WRONG_OBJECTS, None),
        max_memory=WRONG_OBJECTS,
        cpu_cores=WRONG_NUMBERS,
        accelerators=WRONG_WHOLE_NUMBERS,
        copies=WRONG_WHOLE_NUMBERS,
        scaling=WRONG_OBJECTS,
        rollout=WRONG_OBJECTS,
        placement=("SPREAD", *WRONG_OBJECTS),
        cache_artefacts=[value for value in WRONG_SWITCHES if value is not None],
        download_timeout=WRONG_DURATIONS,
        startup_timeout=WRONG_DURATIONS,
        component_name=WRONG_TEXTS,
    ),
]


@pytest.mark.parametrize("wrong", WRONG_TYPES)
def test_a_wrong_type_is_refused_by_name(wrong: WrongType) -> None:
    wrong.check()


def test_a_number_that_is_none_is_refused_for_itself_alone() -> None:
    assert refused(lambda: managed(NAN)).rules == ("SM-COMPONENT-001",)


def test_more_models_than_the_role_has_room_for_are_refused(stack: cdk.Stack) -> None:
    """Before anything of the last one is made; models of one image share what it takes to pull it."""
    fleet = a_fleet(stack)
    bucket = a_bucket(stack)

    def add(index: int) -> None:
        data = ModelData.from_bucket(bucket, f"{'folder/' * 20}{index}/1.0/model.tar.gz")
        model = Model(
            stack,
            f"Model{index}",
            container=Container(image=ContainerImage.from_uri(IMAGE_URI), data=data),
        )
        fleet.add_component(f"Component{index}", model=model, memory=cdk.Size.gibibytes(1))

    for index in range(20):
        add(index)
    violation = sole_violation(lambda: [add(index) for index in range(20, 60)])
    assert violation.rule == "SM-COMPONENT-015"
    assert "10240" in violation.allowed
    assert fleet.node.try_find_child(f"Component{len(fleet.components)}") is None

"""UpdateEndpoint and UpdateEndpointWeightsAndCapacities, with traffic on the endpoint."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tools.embedded_aws import until

from .hosting import BROKEN_CODE, Hosting, error_of

ALARM = {
    "ComparisonOperator": "GreaterThanThreshold",
    "EvaluationPeriods": 1,
    "MetricName": "Errors",
    "Namespace": "Test",
    "Period": 60,
    "Statistic": "Sum",
    "Threshold": 0,
}


@contextmanager
def traffic(hosting: Hosting, name: str, *, threads: int = 4, body: str = "") -> Iterator[list[str]]:
    """Call the endpoint all the time; the list grows by each answer, or by the error."""
    answers: list[str] = []
    over = threading.Event()

    def call() -> None:
        while not over.is_set():
            try:
                answers.append(hosting.invoke(name, body)[0])
            except Exception as error:
                answers.append(f"error: {error}")

    callers = [threading.Thread(target=call) for _ in range(threads)]
    for caller in callers:
        caller.start()
    try:
        yield answers
    finally:
        over.set()
        for caller in callers:
            caller.join()


def update(hosting: Hosting, name: str, config: str, **members: Any) -> None:
    hosting.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config, **members)
    assert hosting.describe(name)["EndpointStatus"] == "Updating"


def blue_green(kind: str, wait: int, **sizes: Any) -> dict[str, Any]:
    routing = {"Type": kind, "WaitIntervalInSeconds": wait, **sizes}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}


def percent(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def test_an_update_replaces_the_model_without_a_failed_request(hosting: Hosting) -> None:
    name = hosting.endpoint(hosting.puppet_config("old"))
    new = hosting.puppet_config("new")
    # Slow answers: some are under way when the old fleet is stopped.
    with traffic(hosting, name, body="sleep 0.1") as answers:
        update(hosting, name, new)
        described = hosting.describe(name)
        assert described["PendingDeploymentSummary"]["EndpointConfigName"] == new
        assert hosting.settled(name)["EndpointConfigName"] == new
    assert set(answers) == {"old", "new"}
    assert hosting.invoke(name)[0] == "new"


def test_a_failing_update_rolls_back_while_the_old_model_answers(hosting: Hosting) -> None:
    old = hosting.puppet_config("old")
    name = hosting.endpoint(old)
    broken = hosting.config({"VariantName": "main", "ModelName": hosting.model(BROKEN_CODE)})
    with traffic(hosting, name) as answers:
        update(hosting, name, broken)
        described = hosting.settled(name)
    assert described["EndpointStatus"] == "InService"
    assert described["EndpointConfigName"] == old
    assert "the weights are torn" in described["FailureReason"]
    assert Counter(answers).keys() == {"old"}
    # The next update that succeeds clears the reason.
    update(hosting, name, hosting.puppet_config("newer"))
    assert "FailureReason" not in hosting.settled(name)


def test_a_second_change_is_refused_while_one_is_under_way(hosting: Hosting) -> None:
    name = hosting.endpoint(hosting.puppet_config())
    config = hosting.puppet_config()
    update(hosting, name, config)
    weights = [{"VariantName": "main", "DesiredWeight": 2}]
    for second in (
        lambda: hosting.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config),
        lambda: hosting.sagemaker.delete_endpoint(EndpointName=name),
        lambda: hosting.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=name, DesiredWeightsAndCapacities=weights
        ),
    ):
        code, message = error_of(second)
        assert code == "ValidationException"
        assert message.startswith('Cannot update in-progress endpoint "arn:aws:sagemaker:eu-west-1:')


def two_variants(hosting: Hosting, weight_a: float = 1, weight_b: float = 1) -> str:
    return hosting.config(
        {"VariantName": "a", "ModelName": hosting.model(NAME="A"), "InitialVariantWeight": weight_a},
        {"VariantName": "b", "ModelName": hosting.model(NAME="B"), "InitialVariantWeight": weight_b},
    )


def drawn(hosting: Hosting, name: str, times: int = 100) -> Counter[str]:
    return Counter(hosting.invoke(name)[0] for _ in range(times))


def test_traffic_follows_the_weights_and_a_weight_of_zero_gets_none(hosting: Hosting) -> None:
    name = hosting.endpoint(two_variants(hosting, 0, 1))
    assert drawn(hosting, name, 40) == {"B": 40}
    assert hosting.invoke(name, TargetVariant="a")[0] == "A"
    hosting.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name,
        DesiredWeightsAndCapacities=[
            {"VariantName": "a", "DesiredWeight": 9},
            {"VariantName": "b", "DesiredWeight": 1},
        ],
    )
    assert hosting.describe(name)["EndpointStatus"] == "Updating"
    weights = {
        each["VariantName"]: each["CurrentWeight"] for each in hosting.settled(name)["ProductionVariants"]
    }
    assert weights == {"a": 9.0, "b": 1.0}
    seen = drawn(hosting, name, 200)
    assert 150 < seen["A"] < 200


def test_capacity_grows_and_shrinks(hosting: Hosting) -> None:
    name = hosting.endpoint(hosting.puppet_config())
    for count in (3, 1):
        hosting.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=name,
            DesiredWeightsAndCapacities=[{"VariantName": "main", "DesiredInstanceCount": count}],
        )
        (variant,) = hosting.settled(name)["ProductionVariants"]
        assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (count, count)
    unknown = [{"VariantName": "other", "DesiredWeight": 1}]
    assert (
        "not found"
        in error_of(
            lambda: hosting.sagemaker.update_endpoint_weights_and_capacities(
                EndpointName=name, DesiredWeightsAndCapacities=unknown
            )
        )[1]
    )


@pytest.mark.parametrize(
    ("members", "kept"),
    [
        ({}, (1.0, 1)),
        ({"RetainAllVariantProperties": True}, (5.0, 2)),
        (
            {
                "RetainAllVariantProperties": True,
                "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DesiredWeight"}],
            },
            (1.0, 2),
        ),
    ],
    ids=["nothing", "everything", "count only"],
)
def test_an_update_retains_what_it_is_told_to(
    hosting: Hosting, members: Any, kept: tuple[float, int]
) -> None:
    name = hosting.endpoint(hosting.puppet_config())
    hosting.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name,
        DesiredWeightsAndCapacities=[{"VariantName": "main", "DesiredInstanceCount": 2, "DesiredWeight": 5}],
    )
    hosting.settled(name)
    update(hosting, name, hosting.puppet_config(), **members)
    (variant,) = hosting.settled(name)["ProductionVariants"]
    assert (variant["CurrentWeight"], variant["CurrentInstanceCount"]) == kept


@pytest.mark.parametrize(
    "config",
    [
        blue_green("CANARY", 200, CanarySize=percent(30)),
        blue_green("LINEAR", 100, LinearStepSize=percent(30)),
        {"RollingUpdatePolicy": {"MaximumBatchSize": percent(50), "WaitIntervalInSeconds": 150}},
    ],
    ids=["canary", "linear", "rolling"],
)
def test_traffic_is_shifted_step_by_step(hosting: Hosting, config: dict[str, Any]) -> None:
    def fleet(name: str) -> str:
        variant = {"VariantName": "main", "ModelName": hosting.model(NAME=name), "InitialInstanceCount": 2}
        return hosting.config(variant)

    name = hosting.endpoint(fleet("old"))
    new = fleet("new")
    with traffic(hosting, name, threads=2) as answers:
        update(hosting, name, new, DeploymentConfig=config)
        assert hosting.settled(name)["EndpointConfigName"] == new
    assert set(answers) == {"old", "new"}
    mixed = answers[answers.index("new") : len(answers) - answers[::-1].index("old")]
    assert Counter(mixed).keys() == {"old", "new"}
    assert len(mixed) > 20, "both fleets must answer for a while"


def test_an_alarm_during_the_deployment_rolls_back(hosting: Hosting) -> None:
    cloudwatch = hosting.aws.client("cloudwatch")
    alarm = hosting.name("alarm")
    cloudwatch.put_metric_alarm(AlarmName=alarm, **{**ALARM, "MetricName": alarm})
    old = hosting.puppet_config("old")
    name = hosting.endpoint(old)
    config = blue_green("CANARY", 3600, CanarySize=percent(10))
    config["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": alarm}]}
    update(hosting, name, hosting.puppet_config("new"), DeploymentConfig=config)
    until(lambda: "new" in drawn(hosting, name, 5), what="the canary takes traffic")
    cloudwatch.put_metric_data(Namespace="Test", MetricData=[{"MetricName": alarm, "Value": 1}])
    described = hosting.settled(name)
    assert described["EndpointConfigName"] == old
    assert alarm in described["FailureReason"]
    assert drawn(hosting, name, 100) == {"old": 100}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "exactly one of"),
        (
            blue_green("ALL_AT_ONCE", 0)
            | {"RollingUpdatePolicy": {"MaximumBatchSize": percent(10), "WaitIntervalInSeconds": 0}},
            "exactly one of",
        ),
        (blue_green("CANARY", 0), "CanarySize is required"),
        (blue_green("CANARY", 0, CanarySize=percent(51)), "at most 50%"),
        (blue_green("LINEAR", 0, LinearStepSize=percent(9)), "10% to 50%"),
        (blue_green("ALL_AT_ONCE", 0, CanarySize=percent(9)), "must not be given"),
        (blue_green("ALL_AT_ONCE", 3601), "less than or equal to 3600"),
        ({"RollingUpdatePolicy": {"MaximumBatchSize": percent(60), "WaitIntervalInSeconds": 0}}, "5% to 50%"),
    ],
)
def test_a_deployment_that_aws_refuses_is_refused(
    hosting: Hosting, config: dict[str, Any], said: str
) -> None:
    name = hosting.name("endpoint")
    refused = error_of(
        lambda: hosting.sagemaker.create_endpoint(
            EndpointName=name, EndpointConfigName=hosting.puppet_config(), DeploymentConfig=config
        )
    )
    assert refused[0] == "ValidationException"
    assert said in refused[1]


GUARDED = [
    blue_green("ALL_AT_ONCE", 0),
    {"RollingUpdatePolicy": {"MaximumBatchSize": percent(50), "WaitIntervalInSeconds": 0}},
]


def renamed(hosting: Hosting) -> str:
    """The configuration of one variant with a name of its own."""
    return hosting.config({"VariantName": "other", "ModelName": hosting.model(NAME="renamed")})


@pytest.mark.parametrize("config", GUARDED, ids=["blue/green", "rolling"])
@pytest.mark.parametrize("kept", [False, True], ids=["given", "kept"])
def test_a_guarded_deployment_keeps_the_names_of_the_variants(
    hosting: Hosting, config: dict[str, Any], kept: bool
) -> None:
    old = hosting.puppet_config("old")
    name = hosting.endpoint(old, **({"DeploymentConfig": config} if kept else {}))
    guard = {"RetainDeploymentConfig": True} if kept else {"DeploymentConfig": config}
    other = renamed(hosting)
    refused = error_of(lambda: update(hosting, name, other, **guard))
    assert refused[0] == "ValidationException"
    assert "requires the same variant names in the old and the new endpoint configuration" in refused[1]
    assert refused[1].endswith(f'has [main], endpoint configuration "{other}" has [other].')
    described = hosting.describe(name)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", old)
    assert hosting.invoke(name)[0] == "old"


def test_without_a_deployment_config_the_names_may_change(hosting: Hosting) -> None:
    # What was once given does not count, unless it is kept.
    name = hosting.endpoint(hosting.puppet_config(), DeploymentConfig=GUARDED[0])
    config = renamed(hosting)
    update(hosting, name, config)
    assert hosting.settled(name)["EndpointConfigName"] == config
    assert hosting.invoke(name)[0] == "renamed"


def test_a_scaled_variant_keeps_its_instance_type(hosting: Hosting) -> None:
    name = hosting.endpoint(hosting.puppet_config())
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{name}/variant/main",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    scaling = hosting.aws.client("application-autoscaling")
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2)
    bigger = hosting.config(
        {"VariantName": "main", "ModelName": hosting.model(), "InstanceType": "ml.m5.xlarge"}
    )
    for config in (bigger, renamed(hosting)):
        message = error_of(lambda config=config: update(hosting, name, config))[1]
        assert message == (
            f'The variant(s) "[endpoint/{name}/variant/main]" must be deregistered as scalable target with AWS '
            "Application Auto Scaling before they can be removed or have their instance type updated."
        )
    scaling.deregister_scalable_target(**target)
    update(hosting, name, bigger)

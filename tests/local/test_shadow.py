"""Shadow variants: copies of requests, which callers never notice."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tools.embedded_aws import until

from .hosting import BROKEN_CODE, BUCKET, IMAGE, ROLE, Hosting, error_of
from .test_capture import capture
from .test_updates import percent, update

PRODUCTION, SHADOW = "main", "challenger"

SLOW_CODE = """
import time

def model_fn(model_dir):
    return 0

def transform_fn(model, data, content_type, accept):
    time.sleep(1)
    return "new", accept
"""


def shadow_config(
    hosting: Hosting,
    *,
    weight: float = 1.0,
    production: Mapping[str, Any] | None = None,
    shadow: Mapping[str, Any] | None = None,
    **members: Any,
) -> str:
    """A configuration with a production variant that answers `old` and a shadow that answers `new`."""
    complete = {
        "VariantName": SHADOW,
        "ModelName": hosting.model(NAME="new"),
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": weight,
    }
    main = {"VariantName": PRODUCTION, "ModelName": hosting.model(NAME="old")}
    shadows = [{name: value for name, value in {**complete, **(shadow or {})}.items() if value is not None}]
    return hosting.config({**main, **(production or {})}, ShadowProductionVariants=shadows, **members)


def total(hosting: Hosting, endpoint: str, metric: str, variant: str = SHADOW) -> float:
    """The sum of a metric of a variant over the last minutes."""
    now = datetime.now(UTC)
    found = hosting.aws.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=metric,
        Dimensions=[{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=5),
        Period=3600,
        Statistics=["Sum"],
    )
    return float(sum(point["Sum"] for point in found["Datapoints"]))


def captured(hosting: Hosting, endpoint: str) -> dict[str, list[dict[str, Any]]]:
    """The captured records by the variant whose prefix they lie under."""
    s3 = hosting.aws.client("s3")
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in s3.list_objects_v2(Bucket=BUCKET, Prefix=f"captured/{endpoint}/").get("Contents", []):
        text = s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read().decode()
        found[each["Key"].split("/")[2]] += [json.loads(line) for line in text.splitlines()]
    return found


def test_every_request_is_copied_and_only_production_answers(hosting: Hosting) -> None:
    name = hosting.endpoint(shadow_config(hosting, DataCaptureConfig=capture()))
    for number in range(10):
        text, answer = hosting.invoke(name, f"sleep 0.0{number}", InferenceId=f"id-{number}")
        assert (text, answer["InvokedProductionVariant"]) == ("old", PRODUCTION)
    until(lambda: len(captured(hosting, name)[SHADOW]) == 10, what="the copies are captured")
    records = captured(hosting, name)
    ids = {
        variant: sorted(each["eventMetadata"]["inferenceId"] for each in found)
        for variant, found in records.items()
    }
    assert ids[PRODUCTION] == ids[SHADOW] == sorted(f"id-{number}" for number in range(10))
    # The same requests, other answers.
    sides = {
        variant: {each["eventMetadata"]["inferenceId"]: each["captureData"] for each in found}
        for variant, found in records.items()
    }
    for each in ids[SHADOW]:
        assert sides[SHADOW][each]["endpointInput"] == sides[PRODUCTION][each]["endpointInput"]
        assert sides[SHADOW][each]["endpointOutput"] != sides[PRODUCTION][each]["endpointOutput"]
    until(lambda: total(hosting, name, "Invocations") == 10, what="the metrics of the shadow variant")
    assert total(hosting, name, "ModelLatency") > 0
    assert total(hosting, name, "Invocations", PRODUCTION) == 10


@pytest.mark.parametrize(("weights", "share"), [((1, 0.3), 0.3), ((4, 2), 0.5), ((1, 3), 1), ((1, 0), 0)])
def test_the_weights_say_which_share_is_copied(
    hosting: Hosting, weights: tuple[float, float], share: float
) -> None:
    production, shadow = weights
    name = hosting.endpoint(
        shadow_config(hosting, weight=shadow, production={"InitialVariantWeight": production})
    )
    calls = 400
    assert Counter(hosting.invoke(name)[0] for _ in range(calls)) == {"old": calls}
    until(lambda: total(hosting, name, "Invocations", PRODUCTION) == calls, what="the metrics")
    # Five standard deviations: a random sample misses this once in a million runs.
    assert (
        abs(total(hosting, name, "Invocations") / calls - share) <= 5 * (share * (1 - share) / calls) ** 0.5
    )


def test_a_slow_shadow_costs_callers_nothing(hosting: Hosting) -> None:
    name = hosting.endpoint(shadow_config(hosting, shadow={"ModelName": hosting.model(SLOW_CODE)}))
    hosting.invoke(name)
    began = time.monotonic()
    assert {hosting.invoke(name)[0] for _ in range(10)} == {"old"}
    assert time.monotonic() - began < 1
    # The request timeout of these tests is 2 seconds, so of a queue of ten some fail: the shadow's metrics tell.
    until(lambda: total(hosting, name, "Invocation5XXErrors") > 0, what="errors of the shadow variant")
    assert total(hosting, name, "Invocation5XXErrors", PRODUCTION) == 0


def test_a_shadow_that_fails_and_dies_is_seen_in_its_metrics_only(hosting: Hosting) -> None:
    code = "import os\ndef model_fn(d): return 0\ndef transform_fn(m, d, c, a):\n    {}\n"
    for failure in ("raise RuntimeError('no')", "os._exit(3)"):
        broken = hosting.model(code.format(failure))
        name = hosting.endpoint(
            shadow_config(hosting, shadow={"ModelName": broken}, DataCaptureConfig=capture())
        )
        assert {hosting.invoke(name)[0] for _ in range(5)} == {"old"}
        until(lambda name=name: total(hosting, name, "Invocation5XXErrors") == 5, what="errors")
        until(lambda name=name: len(captured(hosting, name)[PRODUCTION]) == 5, what="the capture")
        # Answers are captured, errors are not.
        assert captured(hosting, name)[SHADOW] == []
        assert hosting.describe(name)["EndpointStatus"] == "InService"


def test_a_shadow_is_not_to_be_called(hosting: Hosting) -> None:
    name = hosting.endpoint(shadow_config(hosting))
    code, message = error_of(lambda: hosting.invoke(name, TargetVariant=SHADOW))
    assert (code, message) == ("ValidationError", f"Variant {SHADOW} of endpoint {name} not found.")
    assert hosting.invoke(name, TargetVariant=PRODUCTION)[0] == "old"


def test_describe_tells_the_shadow_apart(hosting: Hosting) -> None:
    config = shadow_config(hosting, weight=0.25, shadow={"InitialInstanceCount": 2})
    described = hosting.describe(hosting.endpoint(config))
    ((production,), (shadow,)) = described["ProductionVariants"], described["ShadowProductionVariants"]
    assert (production["VariantName"], shadow["VariantName"]) == (PRODUCTION, SHADOW)
    assert (shadow["CurrentWeight"], shadow["CurrentInstanceCount"]) == (0.25, 2)
    (kept,) = hosting.sagemaker.describe_endpoint_config(EndpointConfigName=config)[
        "ShadowProductionVariants"
    ]
    assert (kept["VariantName"], kept["InitialVariantWeight"]) == (SHADOW, 0.25)
    without_weight = shadow_config(hosting, shadow={"InitialVariantWeight": None})
    (kept,) = hosting.sagemaker.describe_endpoint_config(EndpointConfigName=without_weight)[
        "ShadowProductionVariants"
    ]
    assert kept["InitialVariantWeight"] == 1


def test_weight_and_count_of_a_shadow_change_while_it_runs(hosting: Hosting) -> None:
    name = hosting.endpoint(shadow_config(hosting))
    hosting.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name,
        DesiredWeightsAndCapacities=[{"VariantName": SHADOW, "DesiredWeight": 0, "DesiredInstanceCount": 2}],
    )
    (shadow,) = hosting.settled(name)["ShadowProductionVariants"]
    assert (shadow["CurrentWeight"], shadow["CurrentInstanceCount"]) == (0, 2)
    for _ in range(5):
        hosting.invoke(name)
    until(lambda: total(hosting, name, "Invocations", PRODUCTION) == 5, what="the metrics")
    assert total(hosting, name, "Invocations") == 0
    # Somebody must answer, and a shadow does not.
    code, message = error_of(
        lambda: hosting.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=name, DesiredWeightsAndCapacities=[{"VariantName": PRODUCTION, "DesiredWeight": 0}]
        )
    )
    assert (code, message) == (
        "ValidationException",
        "At least one production variant must have a weight greater than 0.",
    )


def test_a_shadow_scales_by_itself(hosting: Hosting) -> None:
    name = hosting.endpoint(shadow_config(hosting))
    scaling = hosting.aws.client("application-autoscaling")
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{name}/variant/{SHADOW}",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    scaling.register_scalable_target(**target, MinCapacity=2, MaxCapacity=3)

    def instances() -> int:
        return int(hosting.describe(name)["ShadowProductionVariants"][0]["CurrentInstanceCount"])

    until(lambda: instances() == 2, what="the minimum of the shadow variant")
    # As any scaled variant it keeps its instance type, and cannot go.
    hosting.settled(name)
    without = hosting.puppet_config()
    code, message = error_of(
        lambda: hosting.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=without)
    )
    assert code == "ValidationException"
    assert f"endpoint/{name}/variant/{SHADOW}" in message
    scaling.deregister_scalable_target(**target)


def test_a_shadow_comes_and_goes_with_updates(hosting: Hosting) -> None:
    name = hosting.endpoint(hosting.puppet_config("old"))
    canary = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "WaitIntervalInSeconds": 1,
                "CanarySize": percent(50),
            }
        }
    }
    update(hosting, name, shadow_config(hosting), DeploymentConfig=canary)
    assert hosting.settled(name)["ShadowProductionVariants"][0]["VariantName"] == SHADOW
    assert hosting.invoke(name)[0] == "old"
    until(lambda: total(hosting, name, "Invocations") == 1, what="the copy")
    update(hosting, name, hosting.puppet_config("old"), DeploymentConfig=canary)
    assert "ShadowProductionVariants" not in hosting.settled(name)


def test_an_update_keeps_what_a_shadow_has(hosting: Hosting) -> None:
    name = hosting.endpoint(shadow_config(hosting))
    hosting.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name,
        DesiredWeightsAndCapacities=[
            {"VariantName": SHADOW, "DesiredWeight": 0.5, "DesiredInstanceCount": 2}
        ],
    )
    hosting.settled(name)
    update(
        hosting, name, shadow_config(hosting),
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredWeight"}],
    )  # fmt: skip
    (shadow,) = hosting.settled(name)["ShadowProductionVariants"]
    assert (shadow["CurrentWeight"], shadow["CurrentInstanceCount"]) == (1, 2)


def test_a_shadow_that_does_not_start_fails_the_deployment(hosting: Hosting) -> None:
    old = hosting.puppet_config("old")
    name = hosting.endpoint(old)
    update(hosting, name, shadow_config(hosting, shadow={"ModelName": hosting.model(BROKEN_CODE)}))
    described = hosting.settled(name)
    assert described["EndpointConfigName"] == old
    assert "the weights are torn" in described["FailureReason"]


def test_rolling_deployments_have_no_shadow(hosting: Hosting) -> None:
    name = hosting.endpoint(shadow_config(hosting))
    rolling = {"RollingUpdatePolicy": {"MaximumBatchSize": percent(50), "WaitIntervalInSeconds": 1}}
    config = shadow_config(hosting)
    code, message = error_of(
        lambda: hosting.sagemaker.update_endpoint(
            EndpointName=name, EndpointConfigName=config, DeploymentConfig=rolling
        )
    )
    assert (code, message) == (
        "ValidationException",
        "RollingUpdatePolicy is not supported for endpoints with several variants.",
    )


def refused(hosting: Hosting, **members: Any) -> str:
    code, message = error_of(lambda: shadow_config(hosting, **members))
    assert code == "ValidationException"
    return message


def test_exactly_one_production_and_one_shadow_variant(hosting: Hosting) -> None:
    variant = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1, "ModelName": hosting.model()}
    one_and_one = "only one variant can be specified for ProductionVariants and one for"
    for production, shadows in ((("a", "b"), ("c",)), (("a",), ("b", "c"))):
        code, message = error_of(
            lambda production=production, shadows=shadows: hosting.config(
                *({**variant, "VariantName": name} for name in production),
                ShadowProductionVariants=[{**variant, "VariantName": name} for name in shadows],
            )
        )
        assert code == "ValidationException"
        assert one_and_one in message
    assert "must be unique" in refused(hosting, shadow={"VariantName": PRODUCTION})


def test_what_does_not_go_with_a_shadow_is_refused(hosting: Hosting) -> None:
    serverless = {"MemorySizeInMB": 2048, "MaxConcurrency": 1}
    no_instances = {"InstanceType": None, "InitialInstanceCount": None, "ServerlessConfig": serverless}
    assert "A ServerlessConfig (variant challenger)" in refused(hosting, shadow=no_instances)
    assert "ml.inf1" in refused(hosting, shadow={"InstanceType": "ml.inf1.xlarge"})
    assert "ml.inf1" in refused(hosting, production={"InstanceType": "ml.inf1.xlarge"})
    assert "ModelName is required for variant challenger" in refused(hosting, shadow={"ModelName": None})
    output = {"OutputConfig": {"S3OutputPath": f"s3://{BUCKET}/out"}}
    assert "asynchronous" in refused(hosting, AsyncInferenceConfig=output)
    many = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/models/", "Mode": "MultiModel"}
    multi_model, pipeline = hosting.name("many"), hosting.name("pipeline")
    hosting.sagemaker.create_model(ModelName=multi_model, ExecutionRoleArn=ROLE, PrimaryContainer=many)
    hosting.sagemaker.create_model(
        ModelName=pipeline, ExecutionRoleArn=ROLE, Containers=[{"Image": IMAGE}, {"Image": IMAGE}]
    )
    assert "A multi-model container" in refused(hosting, shadow={"ModelName": multi_model})
    assert "several containers" in refused(hosting, production={"ModelName": pipeline})

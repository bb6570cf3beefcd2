"""ManagedShadowTest: what SageMaker is asked for, and what is refused before it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from constructs_lib import (
    AutoScaling,
    DataCapture,
    ManagedShadowTest,
    Model,
    RealtimeEndpoint,
    RoutingStrategy,
    Variant,
)
from tests.property import api
from tests.property.synthesis import lint_findings
from tests.support.refusals import (
    WRONG_OBJECTS,
    WRONG_TEXTS,
    WRONG_WHOLE_NUMBERS,
    Refusal,
    WrongType,
    as_parameters,
    refused,
    wrong_types,
)
from tests.support.synth import (
    a_bucket,
    a_model,
    a_variant,
    allowing,
    an_endpoint,
    flat,
    fresh_app,
    properties,
    resource,
    statements,
    synthesized,
)

EXPERIMENT = "AWS::SageMaker::InferenceExperiment"
START = datetime(2027, 1, 1, 9, tzinfo=UTC)


def a_test(stack: cdk.Stack, **props: Any) -> ManagedShadowTest:
    """A test with the least of everything, unless told otherwise."""
    endpoint = props.pop("endpoint", None) or an_endpoint(stack, check_deployments=False)
    challenger = props.pop("challenger", None) or a_variant(stack, "New")
    return ManagedShadowTest(stack, "Test", endpoint=endpoint, challenger=challenger, **props)


def test_sagemaker_is_asked_for_a_copy_of_all_requests(stack: cdk.Stack) -> None:
    test = a_test(stack)
    said = properties(synthesized(stack), EXPERIMENT)
    assert (said["Type"], said["EndpointName"], said["Name"]) == (
        "ShadowMode",
        "test-endpoint",
        test.experiment_name,
    )
    assert said["ShadowModeConfig"] == {
        "SourceModelVariantName": "AllTraffic",
        "ShadowModelVariants": [{"ShadowModelVariantName": "New", "SamplingPercentage": 100}],
    }
    assert [each["VariantName"] for each in said["ModelVariants"]] == ["AllTraffic", "New"]
    assert [each["InfrastructureConfig"] for each in said["ModelVariants"]] == [
        {
            "InfrastructureType": "RealTimeInference",
            "RealTimeInferenceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2},
        }
    ] * 2
    assert flat(said["ModelVariants"][1]["ModelName"]).startswith("<ModelNew")
    assert not {"Schedule", "DataStorageConfig", "KmsKey", "Description"} & set(said)


def test_times_are_written_in_utc(stack: cdk.Stack) -> None:
    zone = datetime.fromisoformat("2027-01-02T10:30:00+01:00")
    a_test(stack, start=START, end=zone, description="Before spring", sampling_percent=0)
    said = properties(synthesized(stack), EXPERIMENT)
    assert said["Schedule"] == {"StartTime": "2027-01-01T09:00:00Z", "EndTime": "2027-01-02T09:30:00Z"}
    assert said["Description"] == "Before spring"
    assert said["ShadowModeConfig"]["ShadowModelVariants"][0]["SamplingPercentage"] == 0


def test_answers_are_stored_where_the_capture_says(stack: cdk.Stack) -> None:
    key = kms.Key(stack, "Key")
    capture = DataCapture(bucket=a_bucket(stack, name="seen"), prefix="shadow", encryption_key=key)
    a_test(stack, capture=capture)
    template = synthesized(stack)
    stored = properties(template, EXPERIMENT)["DataStorageConfig"]
    assert flat(stored["Destination"]) == "s3://seen/shadow"
    assert stored["ContentType"] == {
        "CsvContentTypes": ["text/csv"],
        "JsonContentTypes": ["application/json", "application/jsonlines"],
    }
    assert flat(stored["KmsKey"]) == flat(stack.resolve(key.key_arn))
    (put,) = allowing(template, "s3:PutObject", "TestPolicy")
    assert flat(put["Resource"]).endswith(":s3:::seen/shadow/*")


def test_without_types_all_is_stored_as_base64(stack: cdk.Stack) -> None:
    a_test(stack, capture=DataCapture(csv_content_types=[], json_content_types=[]))
    assert "ContentType" not in properties(synthesized(stack), EXPERIMENT)["DataStorageConfig"]


def test_its_role_may_change_that_endpoint_and_no_other(stack: cdk.Stack) -> None:
    a_test(stack, encryption_key=kms.Key(stack, "Key"))
    template = synthesized(stack)
    allowed = {
        action: flat(each["Resource"])
        for each in statements(template, "TestPolicy")
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    }
    assert allowed["sagemaker:UpdateEndpoint"].endswith(":endpoint/test-endpoint")
    assert allowed["sagemaker:CreateEndpointConfig"].endswith(":endpoint-config/*")
    assert allowed["sagemaker:DescribeModel"].rpartition(":")[2].startswith("model/")
    assert "*" not in allowed.values()
    assert not {action for action in allowed if action.split(":")[0] not in ("sagemaker", "kms")}
    # Made before the test begins, and after the endpoint it is on.
    waits = resource(template, EXPERIMENT)["DependsOn"]
    assert [each for each in waits if each.startswith("TestPolicy")]
    assert [each for each in waits if each.startswith("Endpoint")]


def test_a_role_of_ones_own_is_taken(stack: cdk.Stack) -> None:
    role = iam.Role.from_role_arn(stack, "Own", "arn:aws:iam::111122223333:role/shadow")
    a_test(stack, role=role)
    said = properties(synthesized(stack), EXPERIMENT)
    assert said["RoleArn"] == "arn:aws:iam::111122223333:role/shadow"


@pytest.mark.parametrize("everything", [False, True])
def test_cloudformation_and_the_api_take_it(everything: bool) -> None:
    stack = cdk.Stack(fresh_app(), "Test")
    given: dict[str, Any] = {}
    if everything:
        given = {
            "start": START,
            "end": START + timedelta(days=30),
            "description": "x" * 1024,
            "capture": DataCapture(),
            "encryption_key": kms.Key(stack, "Key", enable_key_rotation=True),
        }
    a_test(stack, **given)
    template = synthesized(stack)
    assert api.faults(template) == []
    assert lint_findings(template) == []


# --- rules ----------------------------------------------------------------------------------------------

ids = count()


@cache
def scope() -> cdk.Stack:
    return cdk.Stack(fresh_app(), "Endpoints")


@cache
def model() -> Model:
    return a_model(scope())


@cache
def endpoint() -> RealtimeEndpoint:
    return an_endpoint(scope(), model=model(), check_deployments=False)


@cache
def of_two() -> RealtimeEndpoint:
    variants = [variant("A"), variant("B")]
    return RealtimeEndpoint(scope(), "Two", variants=variants, check_deployments=False)


@cache
def pipeline() -> Model:
    container = model().containers[0]
    return Model(scope(), "Pipeline", containers=[container, container])


def variant(name: str = "New", **props: Any) -> Variant:
    return Variant(**{"name": name, "model": model(), "instance_type": "ml.m5.large", **props})


def managed(**props: Any) -> ManagedShadowTest:
    given = {"endpoint": endpoint(), "challenger": variant(), **props}
    return ManagedShadowTest(scope(), f"Managed{next(ids)}", **given)


SCALING = AutoScaling(min_capacity=1, max_capacity=2, cpu_utilization=50)

REFUSALS = [
    Refusal(
        "SM-SHADOW-002", lambda: managed(challenger=variant("AllTraffic")),
        "challenger.name", "AllTraffic", "of its own",
    ),
    Refusal("SM-SHADOW-004", lambda: managed(challenger=variant(weight=2)), "challenger.weight", 2, "nothing"),
    Refusal(
        "SM-SHADOW-005", lambda: managed(challenger=variant(instance_type="ml.inf1.xlarge")),
        "challenger.instance_type", "ml.inf1.xlarge", "other than ml.inf1",
    ),
    Refusal(
        "SM-SHADOW-006", lambda: managed(challenger=variant(model=pipeline())),
        "challenger.model", "a model of several containers", "one container",
    ),
    Refusal(
        "SM-SHADOW-021", lambda: managed(endpoint=of_two()), "endpoint", "Endpoints/Two with A, B", "one variant",
    ),
    Refusal(
        "SM-SHADOW-022", lambda: managed(challenger=variant(scaling=SCALING)),
        "challenger.scaling", SCALING, "SageMaker takes none",
    ),
    Refusal(
        "SM-SHADOW-022", lambda: managed(challenger=variant(routing=RoutingStrategy.RANDOM)),
        "challenger.routing", RoutingStrategy.RANDOM, "SageMaker takes none",
    ),
    Refusal("SM-SHADOW-023", lambda: managed(sampling_percent=101), "sampling_percent", 101, "to 100"),
    Refusal("SM-SHADOW-023", lambda: managed(description=""), "description", "", "1–1,024"),
    Refusal("SM-SHADOW-023", lambda: managed(description="x" * 1025), "description", "x" * 1025, "1–1,024"),
    Refusal(
        "SM-SHADOW-023", lambda: managed(start=datetime(2027, 1, 1)), "start", datetime(2027, 1, 1), "time zone",
    ),
    Refusal(
        "SM-SHADOW-023", lambda: managed(start=START, end=START + timedelta(minutes=59)),
        "end", START + timedelta(minutes=59), "1 hour to 30 days",
    ),
    Refusal(
        "SM-SHADOW-023", lambda: managed(start=START, end=START + timedelta(days=30, minutes=1)),
        "end", START + timedelta(days=30, minutes=1), "1 hour to 30 days",
    ),
    Refusal(
        "SM-SHADOW-024", lambda: managed(capture=DataCapture(sampling_percent=50)),
        "capture.sampling_percent", 50, "100",
    ),
    Refusal(
        "SM-SHADOW-024", lambda: managed(capture=DataCapture(capture_input=False)),
        "capture.capture_input", False, "True",
    ),
]  # fmt: skip


@pytest.mark.parametrize("refusal", as_parameters(REFUSALS))
def test_each_rule_refuses_what_breaks_it(refusal: Refusal) -> None:
    refusal.check()


@pytest.mark.parametrize(
    "allowed",
    [
        {"start": START},
        {"end": START},
        {"start": START, "end": START + timedelta(hours=1)},
        {"start": START, "end": START + timedelta(days=30)},
        {"sampling_percent": 0},
        {"description": "x"},
    ],
    ids=str,
)
def test_what_just_does_not_break_a_rule_is_accepted(allowed: dict[str, Any]) -> None:
    managed(**allowed)


@pytest.mark.parametrize(
    "wrong",
    wrong_types(
        managed,
        endpoint=WRONG_OBJECTS,
        challenger=WRONG_OBJECTS,
        sampling_percent=WRONG_WHOLE_NUMBERS,
        start=WRONG_OBJECTS,
        end=WRONG_OBJECTS,
        description=WRONG_TEXTS,
        capture=WRONG_OBJECTS,
    ),
)
def test_a_wrong_type_is_refused_by_name(wrong: WrongType) -> None:
    wrong.check()


def test_nothing_stays_of_what_is_refused() -> None:
    before = len(scope().node.children)
    refused(lambda: managed(sampling_percent=-1))
    assert len(scope().node.children) == before

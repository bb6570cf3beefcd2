"""ShadowTest: one endpoint with a challenger in the shadow, and a comparison on a schedule."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from constructs_lib import (
    AutoScaling,
    Comparison,
    ComparisonMetric,
    ConstraintError,
    DataCapture,
    RealtimeEndpoint,
    ShadowTest,
    Variant,
)
from constructs_lib.experiments.runtime import shadow as runtime_module
from constructs_lib.experiments.runtime.agreement import Criteria
from constructs_lib.experiments.runtime.shadow import DIMENSION, NAMESPACE, VARIABLE, metrics
from constructs_lib.experiments.runtime.shadow import ShadowTest as Described
from tests.support.identity import identities
from tests.support.synth import (
    Template,
    a_bucket,
    a_model,
    a_variant,
    allowing,
    flat,
    fresh_app,
    properties,
    resource,
    resources,
    statements,
    synthesized,
)

CONFIG, ENDPOINT = "AWS::SageMaker::EndpointConfig", "AWS::SageMaker::Endpoint"
TRACKING = AutoScaling(min_capacity=2, max_capacity=6, invocations_per_instance=600)


def a_shadow_test(stack: cdk.Stack, id: str = "Shadow", **props: Any) -> ShadowTest:
    """A test of two models, with the least of everything unless told otherwise."""
    given = {name: props.pop(name, {}) for name in ("production", "challenger")}
    return ShadowTest(
        stack,
        id,
        production=a_variant(stack, "Old", **given["production"]),
        challenger=a_variant(stack, "New", **given["challenger"]),
        **props,
    )


def template_of(stack: cdk.Stack, **props: Any) -> Template:
    a_shadow_test(stack, **props)
    return synthesized(stack)


# --- the endpoint -----------------------------------------------------------------------------------------


def test_one_variant_answers_and_one_gets_copies(stack: cdk.Stack) -> None:
    config = properties(template_of(stack, sampling_percent=25), CONFIG)
    ((production,), (shadow,)) = config["ProductionVariants"], config["ShadowProductionVariants"]
    assert (production["VariantName"], production["InitialVariantWeight"]) == ("Old", 1)
    assert (shadow["VariantName"], shadow["InitialVariantWeight"]) == ("New", 0.25)
    assert production["ModelName"] != shadow["ModelName"]


@pytest.mark.parametrize(("percent", "weight"), [(100, 1), (0, 0), (0.5, 0.005)])
def test_the_sampling_percentage_is_the_shadows_weight(
    stack: cdk.Stack, percent: float, weight: float
) -> None:
    config = properties(template_of(stack, sampling_percent=percent), CONFIG)
    assert config["ShadowProductionVariants"][0]["InitialVariantWeight"] == weight


def test_all_requests_are_copied_and_captured_by_default(stack: cdk.Stack) -> None:
    config = properties(template_of(stack), CONFIG)
    assert config["ShadowProductionVariants"][0]["InitialVariantWeight"] == 1
    capture = config["DataCaptureConfig"]
    assert capture["InitialSamplingPercentage"] == 100
    assert [each["CaptureMode"] for each in capture["CaptureOptions"]] == ["Input", "Output"]


def test_both_roles_may_write_the_capture(stack: cdk.Stack) -> None:
    template = template_of(stack)
    writers = [
        flat(each["Properties"]["Roles"][0])
        for each in resources(template, "AWS::IAM::Policy").values()
        if "s3:PutObject" in str(each) and "data-capture/*" in str(each)
    ]
    assert len(set(writers)) == 2
    assert sorted(each.split("Role")[0] for each in writers) == ["<ModelNew", "<ModelOld"]


def test_the_challenger_scales_by_itself(stack: cdk.Stack) -> None:
    test = a_shadow_test(stack, production={"scaling": TRACKING}, challenger={"scaling": TRACKING})
    template = synthesized(stack)
    targets = resources(template, "AWS::ApplicationAutoScaling::ScalableTarget").values()
    assert sorted(each["Properties"]["ResourceId"] for each in targets) == [
        "endpoint/test-shadow/variant/New",
        "endpoint/test-shadow/variant/Old",
    ]
    assert set(test.scalings) == {"Old", "New"}
    endpoint = properties(template, ENDPOINT)
    assert endpoint["RetainAllVariantProperties"] is True
    # A deploy sets how much is copied; what has scaled out stays out.
    assert endpoint["ExcludeRetainedVariantProperties"] == [{"VariantPropertyType": "DesiredWeight"}]


def test_the_guard_watches_the_challenger_too(stack: cdk.Stack) -> None:
    release = resource(template_of(stack), "Custom::EndpointRelease")
    assert release["Properties"]["InstanceTypes"] == {"Old": "ml.m5.large", "New": "ml.m5.large"}


def test_rollback_alarms_watch_production_only(stack: cdk.Stack) -> None:
    alarms = resources(template_of(stack), "AWS::CloudWatch::Alarm")
    assert alarms
    assert "New" not in {
        dimension["Value"]
        for alarm in alarms.values()
        for query in alarm["Properties"]["Metrics"]
        if "MetricStat" in query
        for dimension in query["MetricStat"]["Metric"]["Dimensions"]
    }


def test_it_takes_the_place_of_a_real_time_endpoint_and_gives_it_back() -> None:
    """The same id, the same name of the variant: CloudFormation updates the endpoint, and replaces nothing."""

    def endpoint(scope: cdk.Stack, old: Variant, _new: Variant) -> None:
        RealtimeEndpoint(scope, "Fraud", variants=[old], capture=DataCapture())

    def shadowed(scope: cdk.Stack, old: Variant, new: Variant) -> None:
        ShadowTest(scope, "Fraud", production=old, challenger=new)

    def identified(build: Callable[[cdk.Stack, Variant, Variant], None]) -> dict[str, str]:
        stack = cdk.Stack(fresh_app(), "Test")
        old, new = (a_variant(stack, name, scaling=TRACKING) for name in ("Old", "New"))
        build(stack, old, new)
        return identities(synthesized(stack))

    before, after = identified(endpoint), identified(shadowed)
    assert before.items() <= after.items()
    added = {type.split(" ")[0] for id, type in after.items() if id not in before}
    assert "AWS::SageMaker::Endpoint" not in added
    assert "AWS::S3::Bucket" not in added


# --- the comparison ---------------------------------------------------------------------------------------


def function_of(template: Template) -> dict[str, Any]:
    """The properties of the function of the comparison."""
    (function,) = (
        each["Properties"]
        for id, each in resources(template, "AWS::Lambda::Function").items()
        if id.startswith("ShadowComparison")
    )
    return dict(function)


def environment(template: Template) -> dict[str, Any]:
    """What the function of the comparison is told, its references flattened."""
    return dict(json.loads(flat(function_of(template)["Environment"]["Variables"][VARIABLE])))


def test_what_lambda_calls_is_there(stack: cdk.Stack) -> None:
    module, _, entry = function_of(template_of(stack))["Handler"].rpartition(".")
    assert module == runtime_module.__name__
    assert callable(getattr(runtime_module, entry))


def told(template: Template) -> Described:
    """As the function reads it."""
    return Described.from_environment({VARIABLE: json.dumps(environment(template))})


def test_the_function_is_told_what_to_compare(stack: cdk.Stack) -> None:
    comparison = Comparison(
        label="labels",
        number="scores",
        tolerance=0.25,
        minimum_pairs=7,
        least_agreement=0.5,
        most_difference=2,
        most_slowdown=3,
        every=cdk.Duration.minutes(15),
        settle=cdk.Duration.minutes(0),
        reports_prefix="looks",
    )
    capture = DataCapture(bucket=a_bucket(stack, name="ours"), prefix="seen")
    described = told(template_of(stack, comparison=comparison, capture=capture, endpoint_name="Fraud"))
    assert (described.name, described.production, described.challenger) == ("Fraud", "Old", "New")
    assert (described.bucket, described.captured, described.reports) == ("ours", "seen", "looks/Fraud")
    assert (described.every, described.settle) == (900, 0)
    assert (described.selection.label, described.selection.number) == ("labels", "scores")
    assert described.criteria == Criteria(
        tolerance=0.25, minimum_pairs=7, least_agreement=0.5, most_difference=2, most_slowdown=3
    )


def test_its_defaults_are_those_of_the_value_object(stack: cdk.Stack) -> None:
    described = told(template_of(stack))
    assert (described.every, described.settle) == (3600, 600)
    assert described.criteria == Criteria(
        tolerance=0, minimum_pairs=100, least_agreement=0.95, most_difference=None, most_slowdown=1.5
    )


def test_what_is_not_to_be_judged_is_not(stack: cdk.Stack) -> None:
    """What is None does not reach the function's environment, and must mean none there."""
    described = told(template_of(stack, comparison=Comparison(most_slowdown=None)))
    assert described.criteria.most_slowdown is None


@pytest.mark.parametrize(
    ("every", "rate"), [(None, "rate(1 hour)"), (5, "rate(5 minutes)"), (1440, "rate(1 day)")]
)
def test_it_is_looked_at_as_often_as_a_window_lasts(stack: cdk.Stack, every: int | None, rate: str) -> None:
    given = None if every is None else cdk.Duration.minutes(every)
    template = template_of(stack, comparison=Comparison(every=given), check_deployments=False)
    rule = properties(template, "AWS::Events::Rule")
    assert rule["ScheduleExpression"] == rate
    assert "ShadowComparisonLookFunction" in flat(rule["Targets"][0]["Arn"])


def test_the_function_may_read_the_capture_write_reports_and_no_more(stack: cdk.Stack) -> None:
    template = template_of(stack)
    role = "ShadowComparisonLook"
    assert {action for each in statements(template, role) for action in _listed(each["Action"])} == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "cloudwatch:PutMetricData",
        "cloudwatch:GetMetricData",
        "s3:GetObject",
        "s3:PutObject",
        "s3:ListBucket",
        "kms:Decrypt",
        "kms:GenerateDataKey",
    }
    (put,) = allowing(template, "s3:PutObject", role)
    assert flat(put["Resource"]).endswith("/shadow-reports/test-shadow/*")
    read = {flat(each["Resource"]).partition("/")[2] for each in allowing(template, "s3:GetObject", role)}
    assert read == {"data-capture/test-shadow/*", "shadow-reports/test-shadow/*"}
    (listed,) = allowing(template, "s3:ListBucket", role)
    assert listed["Condition"]["StringLike"]["s3:prefix"] == [
        "data-capture/test-shadow/*",
        "shadow-reports/test-shadow/*",
    ]
    (told_,) = allowing(template, "cloudwatch:PutMetricData", role)
    assert told_["Condition"]["StringEquals"]["cloudwatch:namespace"] == NAMESPACE


def _listed(action: str | list[str]) -> list[str]:
    return [action] if isinstance(action, str) else action


def test_a_key_of_the_capture_is_the_functions_too(stack: cdk.Stack) -> None:
    key = kms.Key(stack, "Key")
    capture = DataCapture(bucket=a_bucket(stack), encryption_key=key)
    template = template_of(stack, capture=capture)
    (granted,) = allowing(template, "kms:Decrypt", "ShadowComparisonLook")
    assert flat(granted["Resource"]) == flat(stack.resolve(key.key_arn))


def test_its_code_is_the_runtime_alone(tmp_path: Path) -> None:
    app = fresh_app()
    a_shadow_test(cdk.Stack(app, "Test"), check_deployments=False)
    assembly = Path(app.synth().directory)
    files = json.loads((assembly / "Test.assets.json").read_text())["files"].values()
    (archive,) = [each["source"]["path"] for each in files if each["source"]["path"].endswith(".zip")]
    names = zipfile.ZipFile(assembly / archive).namelist()
    room = "constructs_lib/experiments/runtime"
    assert {f"{room}/__init__.py", f"{room}/shadow.py", f"{room}/pairing.py"} <= set(names)
    assert {name.split("/")[0] for name in names} == {"constructs_lib"}


# --- using it ---------------------------------------------------------------------------------------------


def test_metrics_of_the_challenger_are_asked_for_by_name(stack: cdk.Stack) -> None:
    test = a_shadow_test(stack)
    # Nobody called it: what is counted without a name is what callers did.
    assert test.metric_invocations().dimensions == {"EndpointName": "test-shadow", "VariantName": "Old"}
    assert test.metric_model_latency(variant="New").dimensions["VariantName"] == "New"
    with pytest.raises(ConstraintError, match="one of Old, New"):
        test.metric_invocations(variant="Other")


def test_metrics_of_the_comparison_are_those_that_are_put(stack: cdk.Stack) -> None:
    test = a_shadow_test(stack)
    report = {
        "pairing": {"pairs": 1, "unpaired": 0},
        "answers": {"production": {"unparsable": 0}},
        "comparison": {"agreement": 1, "differences": {"mean": 0, "p95": 0, "maximum": 0}},
        "load": {"slowdown": 1},
    }
    assert set(metrics(report)) == {each.metric_name for each in ComparisonMetric}
    for each in ComparisonMetric:
        metric = test.comparison_metric(each)
        assert (metric.namespace, metric.dimensions) == (NAMESPACE, {DIMENSION: "test-shadow"})
    assert test.metric_agreement().metric_name == "Agreement"
    assert test.metric_mean_difference().metric_name == "MeanAbsoluteDifference"
    assert test.metric_pairs().statistic == "Sum"
    assert test.metric_slowdown().period.to_minutes() == 60


def test_it_is_called_as_any_endpoint(stack: cdk.Stack) -> None:
    test = a_shadow_test(stack)
    test.grants.invoke(iam.Role(stack, "Caller", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com")))
    (statement,) = allowing(synthesized(stack), "sagemaker:InvokeEndpoint")
    assert flat(statement["Resource"]).endswith(":endpoint/test-shadow")


def test_outputs_tell_where_reports_are(stack: cdk.Stack) -> None:
    outputs = template_of(stack)["Outputs"]
    (location,) = (each["Value"] for id, each in outputs.items() if "ReportsLocation" in id)
    assert flat(location).startswith("s3://")
    assert flat(location).endswith("/shadow-reports/test-shadow")


def test_an_existing_one_can_be_watched(stack: cdk.Stack) -> None:
    found = ShadowTest.from_endpoint_name(stack, "There", "fraud", variant_names=["Old"])
    assert found.metric_invocations().dimensions["VariantName"] == "Old"


def test_what_was_given_is_left_as_it_is(stack: cdk.Stack) -> None:
    challenger = a_variant(stack, "New")
    test = ShadowTest(
        stack, "Shadow", production=a_variant(stack, "Old"), challenger=challenger, sampling_percent=10
    )
    assert challenger.weight == 1
    assert test.challenger == replace(challenger, weight=0.1)


def test_an_imported_model_may_be_the_challenger(stack: cdk.Stack) -> None:
    model = cdk.aws_sagemaker.CfnModel(stack, "L1", execution_role_arn="arn:aws:iam::111122223333:role/r")
    ShadowTest(
        stack,
        "Shadow",
        production=Variant(name="Old", model=a_model(stack), instance_type="ml.m5.large"),
        challenger=Variant(name="New", model=model, instance_type="ml.m5.large"),
    )
    (shadow,) = properties(synthesized(stack), CONFIG)["ShadowProductionVariants"]
    assert flat(shadow["ModelName"]) == "<L1.ModelName>"

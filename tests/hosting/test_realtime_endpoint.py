"""RealtimeEndpoint: the resources it makes, and what each prop does to them."""

from __future__ import annotations

import aws_cdk as cdk
import pytest
from aws_cdk import aws_kms as kms

from constructs_lib import AutoScaling, MetricsPublishing, Model, RealtimeEndpoint, RoutingStrategy, Variant
from tests.support.synth import (
    a_model,
    a_variant,
    allowing,
    an_endpoint,
    flat,
    fresh_app,
    properties,
    resource,
    resources,
    synthesized,
    types,
)

ENDPOINT, CONFIG = "AWS::SageMaker::Endpoint", "AWS::SageMaker::EndpointConfig"
SCALING = AutoScaling(min_capacity=2, max_capacity=4, invocations_per_instance=600)


def variants_of(stack: cdk.Stack) -> list[dict[str, object]]:
    return list(properties(synthesized(stack), CONFIG)["ProductionVariants"])


def test_the_least_endpoint_is_a_config_an_endpoint_two_alarms_a_parameter_and_the_guard(
    stack: cdk.Stack,
) -> None:
    RealtimeEndpoint(
        stack,
        "Endpoint",
        model=Model.from_model_name(stack, "Model", "fraud"),
        instance_type="ml.m5.large",
    )
    assert types(synthesized(stack)) == [
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::Alarm",
        "AWS::Events::Rule",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::Lambda::Function",
        "AWS::Lambda::Permission",
        "AWS::Logs::LogGroup",
        "AWS::SSM::Parameter",
        "AWS::SageMaker::Endpoint",
        "AWS::SageMaker::EndpointConfig",
        "Custom::EndpointRelease",
        "Custom::EndpointSettle",
    ]


def test_one_model_becomes_the_variant_all_traffic_on_two_instances(stack: cdk.Stack) -> None:
    model = Model.from_model_name(stack, "Model", "fraud")
    endpoint = RealtimeEndpoint(stack, "Endpoint", model=model, instance_type="ml.m5.large")
    assert variants_of(stack) == [
        {
            "VariantName": "AllTraffic",
            "ModelName": "fraud",
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 2,
            "InitialVariantWeight": 1,
            "ModelDataDownloadTimeoutInSeconds": 600,
            "ContainerStartupHealthCheckTimeoutInSeconds": 600,
        }
    ]
    assert endpoint.variant_names == ("AllTraffic",)
    assert endpoint.variants[0].model is model


def test_a_variant_carries_all_it_was_given(stack: cdk.Stack) -> None:
    variant = Variant(
        name="Champion",
        model=Model.from_model_name(stack, "Model", "fraud"),
        instance_type="ml.g5.xlarge",
        instance_count=3,
        weight=2.5,
        volume_size=cdk.Size.gibibytes(64),
        download_timeout=cdk.Duration.minutes(20),
        startup_timeout=cdk.Duration.minutes(30),
        routing=RoutingStrategy.LEAST_OUTSTANDING_REQUESTS,
        inference_ami_version="al2-ami-sagemaker-inference-gpu-2",
        ssm_access=True,
    )
    an_endpoint(stack, variants=[variant])
    assert variants_of(stack) == [
        {
            "VariantName": "Champion",
            "ModelName": "fraud",
            "InstanceType": "ml.g5.xlarge",
            "InitialInstanceCount": 3,
            "InitialVariantWeight": 2.5,
            "VolumeSizeInGB": 64,
            "ModelDataDownloadTimeoutInSeconds": 1200,
            "ContainerStartupHealthCheckTimeoutInSeconds": 1800,
            "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
            "InferenceAmiVersion": "al2-ami-sagemaker-inference-gpu-2",
            "EnableSSMAccess": True,
        }
    ]


def test_weights_are_written_as_given_and_0_stays_0(stack: cdk.Stack) -> None:
    an_endpoint(stack, variants=[a_variant(stack, "A", weight=0), a_variant(stack, "B", weight=0.25)])
    assert [each["InitialVariantWeight"] for each in variants_of(stack)] == [0, 0.25]


@pytest.mark.parametrize(
    ("props", "count"),
    [
        ({}, 2),
        ({"instance_count": 1}, 1),
        ({"instance_count": 5}, 5),
        ({"scaling": SCALING}, 2),
        ({"scaling": AutoScaling(min_capacity=3, max_capacity=9, invocations_per_instance=1)}, 3),
        ({"scaling": SCALING, "instance_count": 4}, 4),
    ],
)
def test_instances_at_first_are_those_given_else_the_minimum_else_two(
    stack: cdk.Stack, props: dict[str, object], count: int
) -> None:
    an_endpoint(stack, **props)
    assert variants_of(stack)[0]["InitialInstanceCount"] == count


WEIGHT = {"VariantPropertyType": "DesiredWeight"}
COUNT = {"VariantPropertyType": "DesiredInstanceCount"}


@pytest.mark.parametrize(
    ("scaled", "managed_elsewhere", "retain", "exclude"),
    [
        (False, False, None, None),
        (True, False, True, [WEIGHT]),
        (False, True, True, [COUNT]),
        (True, True, True, None),
    ],
)
def test_a_deploy_keeps_what_others_own_and_sets_what_the_template_owns(
    stack: cdk.Stack, scaled: bool, managed_elsewhere: bool, retain: bool | None, exclude: list[object] | None
) -> None:
    an_endpoint(stack, scaling=SCALING if scaled else None, weights_managed_elsewhere=managed_elsewhere)
    endpoint = properties(synthesized(stack), ENDPOINT)
    assert endpoint.get("RetainAllVariantProperties") is retain
    assert endpoint.get("ExcludeRetainedVariantProperties") == exclude


def test_one_scaled_variant_among_others_is_enough_to_keep_counts(stack: cdk.Stack) -> None:
    an_endpoint(stack, variants=[a_variant(stack, "A", scaling=SCALING), a_variant(stack, "B")])
    assert properties(synthesized(stack), ENDPOINT)["RetainAllVariantProperties"] is True


def test_the_config_has_no_name_so_that_it_can_be_replaced(stack: cdk.Stack) -> None:
    an_endpoint(stack)
    template = synthesized(stack)
    (config,) = resources(template, CONFIG)
    assert "EndpointConfigName" not in properties(template, CONFIG)
    assert flat(properties(template, ENDPOINT)["EndpointConfigName"]) == f"<{config}.EndpointConfigName>"


def test_the_endpoints_name_is_known_at_synth(stack: cdk.Stack) -> None:
    endpoint = an_endpoint(stack)
    assert endpoint.endpoint_name == "test-endpoint"
    assert properties(synthesized(stack), ENDPOINT)["EndpointName"] == "test-endpoint"


def test_a_given_name_is_used_as_it_is(stack: cdk.Stack) -> None:
    assert an_endpoint(stack, endpoint_name="Fraud-Prod").endpoint_name == "Fraud-Prod"
    assert properties(synthesized(stack), ENDPOINT)["EndpointName"] == "Fraud-Prod"


def test_a_parameter_holds_the_name_once_the_endpoint_answers(stack: cdk.Stack) -> None:
    an_endpoint(stack)
    template = synthesized(stack)
    parameter = resource(template, "AWS::SSM::Parameter")
    assert parameter["Properties"]["Name"] == "/sagemaker/endpoints/test-endpoint"
    assert parameter["Properties"]["Value"] == "test-endpoint"
    assert set(resources(template, ENDPOINT)) <= set(parameter["DependsOn"])


@pytest.mark.parametrize("name", ["/fraud/endpoint", "fraud-endpoint"])
def test_the_parameter_may_have_another_name(stack: cdk.Stack, name: str) -> None:
    an_endpoint(stack, parameter_name=name)
    assert properties(synthesized(stack), "AWS::SSM::Parameter")["Name"] == name


def test_name_and_arn_are_outputs(stack: cdk.Stack) -> None:
    an_endpoint(stack)
    template = synthesized(stack)
    (endpoint,) = resources(template, ENDPOINT)
    assert [flat(each["Value"]) for each in template["Outputs"].values()] == [
        "test-endpoint",
        f"<{endpoint}>",
    ]


def test_a_key_encrypts_the_volumes_and_each_models_role_may_use_it_for_them(stack: cdk.Stack) -> None:
    key = kms.Key(stack, "Key")
    an_endpoint(stack, variants=[a_variant(stack, "A"), a_variant(stack, "B")], encryption_key=key)
    template = synthesized(stack)
    assert flat(properties(template, CONFIG)["KmsKeyId"]) == "<Key961B73FD.Arn>"
    grants = allowing(template, "kms:CreateGrant")
    assert len(grants) == 2
    for grant in grants:
        assert flat(grant["Resource"]) == "<Key961B73FD.Arn>"
        assert grant["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": True}}
    uses = allowing(template, "kms:GenerateDataKeyWithoutPlaintext")
    assert len(uses) == 2
    for use in uses:
        assert flat(use["Resource"]) == "<Key961B73FD.Arn>"
        assert use["Action"] == ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext"]


def test_without_a_key_there_is_none(stack: cdk.Stack) -> None:
    an_endpoint(stack)
    template = synthesized(stack)
    assert "KmsKeyId" not in properties(template, CONFIG)
    assert "kms:" not in str(template)


@pytest.mark.parametrize(
    ("metrics", "written"),
    [
        (None, None),
        (MetricsPublishing(), {"EnableEnhancedMetrics": True}),
        (
            MetricsPublishing(every=cdk.Duration.seconds(10)),
            {"EnableEnhancedMetrics": True, "MetricPublishFrequencyInSeconds": 10},
        ),
        (
            MetricsPublishing(enhanced=False, every=cdk.Duration.minutes(5)),
            {"EnableEnhancedMetrics": False, "MetricPublishFrequencyInSeconds": 300},
        ),
    ],
)
def test_metrics_are_published_as_finely_as_asked(
    stack: cdk.Stack, metrics: MetricsPublishing | None, written: dict[str, object] | None
) -> None:
    an_endpoint(stack, metrics=metrics)
    assert properties(synthesized(stack), CONFIG).get("MetricsConfig") == written


def test_the_role_is_that_of_the_first_variants_model(stack: cdk.Stack) -> None:
    first = a_variant(stack, "A")
    assert an_endpoint(stack, variants=[first, a_variant(stack, "B")]).role is first.model.role


def test_an_imported_model_without_a_role_gives_none_and_gets_no_grants(stack: cdk.Stack) -> None:
    endpoint = an_endpoint(
        stack,
        model=Model.from_model_name(stack, "Model", "fraud"),
        encryption_key=kms.Key(stack, "Key"),
        check_deployments=False,
    )
    assert endpoint.role is None
    assert "AWS::IAM::Policy" not in types(synthesized(stack))


def test_an_l1_model_is_served_too(stack: cdk.Stack) -> None:
    an_endpoint(stack, model=a_model(stack).cfn_model)
    assert flat(variants_of(stack)[0]["ModelName"]).endswith(".ModelName>")


def test_two_endpoints_in_one_stack_have_names_configs_and_alarms_of_their_own(stack: cdk.Stack) -> None:
    names = {an_endpoint(stack, id, scaling=SCALING).endpoint_name for id in ("One", "Two")}
    assert names == {"test-one", "test-two"}
    template = synthesized(stack)
    assert len(resources(template, CONFIG)) == 2
    assert len(resources(template, "AWS::CloudWatch::Alarm")) == 4


def test_one_model_may_serve_two_endpoints_and_two_variants(stack: cdk.Stack) -> None:
    model = a_model(stack)
    an_endpoint(stack, "One", model=model)
    twice = [Variant(name=name, model=model, instance_type="ml.m5.large") for name in ("A", "B")]
    an_endpoint(stack, "Two", variants=twice)
    assert len(resources(synthesized(stack), "AWS::SageMaker::Model")) == 1


def test_ten_variants_that_all_scale_are_deployable(stack: cdk.Stack) -> None:
    model = a_model(stack)
    variants = [
        Variant(name=f"V{number}", model=model, instance_type="ml.m5.large", scaling=SCALING)
        for number in range(10)
    ]
    endpoint = an_endpoint(stack, variants=variants)
    assert sorted(endpoint.scalings) == sorted(endpoint.variant_names)
    assert len(resources(synthesized(stack), "AWS::ApplicationAutoScaling::ScalableTarget")) == 10


def test_the_endpoint_is_the_default_child_and_its_l1s_are_in_reach(stack: cdk.Stack) -> None:
    endpoint = an_endpoint(stack)
    assert endpoint.node.default_child is endpoint.cfn_endpoint
    endpoint.cfn_endpoint_config.add_property_override("ProductionVariants.0.VolumeSizeInGB", 5)
    assert variants_of(stack)[0]["VolumeSizeInGB"] == 5


def test_a_name_known_at_deployment_only_needs_a_parameter_name_of_yours() -> None:
    stack = cdk.Stack(fresh_app(), "Named")
    name = cdk.CfnParameter(stack, "Name").value_as_string
    an_endpoint(stack, endpoint_name=name, parameter_name="/fraud/endpoint")
    template = synthesized(stack)
    assert properties(template, ENDPOINT)["EndpointName"] == {"Ref": "Name"}
    assert properties(template, "AWS::SSM::Parameter")["Value"] == {"Ref": "Name"}

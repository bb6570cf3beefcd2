"""Known defects of `aws-cdk.aws-sagemaker-alpha`: none of them is ours.

Each test is named after the defect; what alpha does is told in its docstring.
"""

from __future__ import annotations

import inspect

import aws_cdk as cdk
import pytest

from constructs_lib import AutoScaling, ConstraintError, Container, ContainerImage, Model, RealtimeEndpoint
from tests.support.refusals import refused
from tests.support.synth import a_model, a_variant, an_endpoint, properties, resources, some_data, synthesized

CONFIG = "AWS::SageMaker::EndpointConfig"
SCALING = AutoScaling(min_capacity=2, max_capacity=4, invocations_per_instance=600)


def test_weight_0_becomes_1(stack: cdk.Stack) -> None:
    """`initialVariantWeight || 1`: a variant without traffic gets half of it."""
    an_endpoint(stack, variants=[a_variant(stack, "Live", weight=1), a_variant(stack, "Idle", weight=0)])
    weights = {
        each["VariantName"]: each["InitialVariantWeight"]
        for each in properties(synthesized(stack), CONFIG)["ProductionVariants"]
    }
    assert weights == {"Live": 1, "Idle": 0}


def test_min_capacity_0_becomes_1(stack: cdk.Stack) -> None:
    """`minCapacity || 1`: what was asked for is silently something else. Here 0 is kept, or refused aloud."""
    asleep = AutoScaling(min_capacity=0, max_capacity=4, invocations_per_instance=600)
    assert asleep.min_capacity == 0
    error = refused(lambda: an_endpoint(stack, scaling=asleep, instance_count=1))
    assert error.rules == ("SM-SCALING-010",)


def test_two_autoscaled_variants_throw(stack: cdk.Stack) -> None:
    """Both scalable targets got the same construct id."""
    an_endpoint(stack, variants=[a_variant(stack, name, scaling=SCALING) for name in ("A", "B")])
    targets = resources(synthesized(stack), "AWS::ApplicationAutoScaling::ScalableTarget")
    assert {each["Properties"]["ResourceId"] for each in targets.values()} == {
        "endpoint/test-endpoint/variant/A",
        "endpoint/test-endpoint/variant/B",
    }


def test_two_framework_images_in_one_pipeline_throw(stack: cdk.Stack) -> None:
    """Both images added a mapping under the same construct id."""
    images = [
        ContainerImage.framework("sklearn", version="1.2-1"),
        ContainerImage.framework("pytorch", version="2.6.0"),
        ContainerImage.framework("pytorch", version="2.6.0", processor="gpu"),
    ]
    data = some_data(stack)
    Model(stack, "Pipeline", containers=[Container(image=image, data=data) for image in images])
    template = synthesized(stack)
    assert len(properties(template, "AWS::SageMaker::Model")["Containers"]) == 3
    assert len(template["Mappings"]) == 2


def test_the_default_instance_type_is_one_that_cannot_scale(stack: cdk.Stack) -> None:
    """`ml.t2.medium` by default, and its own scaler refuses it. Here a type must be chosen."""
    model = a_model(stack)
    with pytest.raises(ConstraintError, match="SM-ENDPOINT-001"):
        RealtimeEndpoint(stack, "Endpoint", model=model, scaling=SCALING)
    error = refused(lambda: an_endpoint(stack, model=model, instance_type="ml.t2.medium", scaling=SCALING))
    assert error.rules == ("SM-VARIANT-007",)


def test_the_role_has_full_access(stack: cdk.Stack) -> None:
    """`AmazonSageMakerFullAccess` on every model's role."""
    an_endpoint(stack, scaling=SCALING)
    template = synthesized(stack)
    assert "FullAccess" not in str(template)
    assert all(
        "ManagedPolicyArns" not in each["Properties"]
        for each in resources(template, "AWS::IAM::Role").values()
    )


def test_there_is_no_deployment_config_no_retention_and_no_capture() -> None:
    """Alpha has no property for any of them."""
    assert {"rollout", "weights_managed_elsewhere", "capture"} <= set(
        inspect.signature(RealtimeEndpoint.__init__).parameters
    )

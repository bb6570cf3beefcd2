"""The benchmark measures like with like: library and raw L1s make the same resources."""

from __future__ import annotations

from collections import Counter

import aws_cdk as cdk

from benchmarks import library, raw_l1
from tests.support.synth import fresh_app, synthesized

COMPARED = (
    "AWS::SageMaker::Model",
    "AWS::SageMaker::EndpointConfig",
    "AWS::SageMaker::Endpoint",
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
)


def template_of(make) -> dict[str, dict]:
    stack = cdk.Stack(fresh_app(), "Stack", env=cdk.Environment(region="eu-west-1"))
    for index in range(2):
        make(stack, index)
    return synthesized(stack)["Resources"]


def test_both_make_as_many_of_each_resource() -> None:
    ours, raw = template_of(library.full_endpoint), template_of(raw_l1.full_endpoint)
    assert Counter(each["Type"] for each in ours.values()) == Counter(each["Type"] for each in raw.values())


def test_both_set_the_same_properties() -> None:
    ours, raw = template_of(library.full_endpoint), template_of(raw_l1.full_endpoint)
    for type in COMPARED:
        keys = [
            sorted(sorted(each["Properties"]) for each in found.values() if each["Type"] == type)
            for found in (ours, raw)
        ]
        assert keys[0] == keys[1], type

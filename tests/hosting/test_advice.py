"""Advice about endpoints: it fires where it should, can be acknowledged, and is silent otherwise."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_kms as kms

from constructs_lib import AutoScaling, Rollout
from tests.support.advice import Advised, Build, warnings
from tests.support.synth import a_variant, an_endpoint

CANARY = Rollout.canary(size_percent=50, wait=cdk.Duration.minutes(5))


def endpoint(**props: Any) -> Build:
    return lambda stack: an_endpoint(stack, check_deployments=False, **props)


def encrypted(**props: Any) -> Build:
    return lambda stack: an_endpoint(
        stack, check_deployments=False, encryption_key=kms.Key(stack, "Key"), **props
    )


def scaling(low: int) -> AutoScaling:
    return AutoScaling(min_capacity=low, max_capacity=4, invocations_per_instance=600)


def variants(stack: cdk.Stack) -> cdk.Resource:
    return an_endpoint(stack, variants=[a_variant(stack, "A"), a_variant(stack, "B", instance_count=1)])


def half_scaled(stack: cdk.Stack) -> cdk.Resource:
    both = [a_variant(stack, "A", scaling=scaling(2)), a_variant(stack, "B", instance_count=3)]
    return an_endpoint(stack, check_deployments=False, variants=both)


ADVISED = [
    Advised("SM-SCALING-101", half_scaled, "the instance_count of B keeps its first value"),
    Advised("SM-HA-101", endpoint(instance_count=1), "variant AllTraffic may run on 1 instance"),
    Advised("SM-HA-101", endpoint(scaling=scaling(1)), "variant AllTraffic may run on 1 instance"),
    Advised("SM-HA-101", endpoint(instance_count=2, scaling=scaling(1)), "may run on 1 instance"),
    Advised("SM-HA-101", variants, "variant B may run on 1 instance"),
    Advised("SM-INSTANCE-101", endpoint(instance_type="ml.m99.large"), "does not know ml.m99.large"),
    Advised("SM-KMS-101", encrypted(instance_type="ml.g5.xlarge"), "ml.g5.xlarge keeps data on NVMe"),
    Advised("SM-KMS-101", encrypted(instance_type="ml.m5d.large"), "ml.m5d.large keeps data on NVMe"),
    Advised(
        "SM-ROLLOUT-101",
        endpoint(instance_type="ml.inf1.xlarge", rollout=CANARY),
        "ml.inf1.xlarge will be replaced all at once",
    ),
]


@pytest.mark.parametrize("advised", ADVISED, ids=lambda advised: f"{advised.id} {advised.says:.30}")
def test_advice_is_given_and_can_be_acknowledged(advised: Advised) -> None:
    advised.check()


SILENT = {
    "two instances": endpoint(),
    "two instances at least": endpoint(scaling=scaling(2)),
    "a count known late": lambda stack: an_endpoint(
        stack,
        check_deployments=False,
        instance_count=cdk.CfnParameter(stack, "Count", type="Number").value_as_number,
    ),
    "a type known late": lambda stack: an_endpoint(
        stack, check_deployments=False, instance_type=cdk.CfnParameter(stack, "Type").value_as_string
    ),
    "a key on EBS": encrypted(instance_type="ml.m5.large"),
    "NVMe without a key": endpoint(instance_type="ml.g5.xlarge"),
    "Inf1 all at once": endpoint(instance_type="ml.inf1.xlarge"),
    "Inf2 by canary": endpoint(instance_type="ml.inf2.xlarge", rollout=CANARY),
}


@pytest.mark.parametrize("build", SILENT.values(), ids=SILENT.keys())
def test_where_there_is_nothing_to_say_nothing_is_said(build: Build) -> None:
    assert warnings(build) == []


def test_a_warning_names_the_page_of_aws_it_comes_from() -> None:
    (told,) = warnings(endpoint(instance_count=1))
    assert "https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-best-practices.html" in told


def test_acknowledging_one_leaves_the_others() -> None:
    build = encrypted(instance_type="ml.g5.xlarge", instance_count=1)
    assert len(warnings(build)) == 2
    (left,) = warnings(build, acknowledge="SM-HA-101")
    assert "SM-KMS-101" in left

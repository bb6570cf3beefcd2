"""The endpoints of the benchmark, made with this library."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from constructs_lib import AutoScaling, Container, ContainerImage, Model, RealtimeEndpoint, Rollback, Rollout

IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/fraud:1.0"


def full_endpoint(stack: cdk.Stack, index: int) -> None:
    """One endpoint as a user gets it by default, scaled."""
    RealtimeEndpoint(
        stack,
        f"Endpoint{index}",
        model=Model(stack, f"Model{index}", container=Container(image=ContainerImage.from_uri(IMAGE))),
        instance_type="ml.m5.large",
        scaling=AutoScaling(min_capacity=2, max_capacity=4, invocations_per_instance=600),
    )


def plain_endpoint(stack: cdk.Stack, index: int) -> None:
    """One endpoint with no more than aws-sagemaker-alpha makes: no alarms, no guard."""
    RealtimeEndpoint(
        stack,
        f"Endpoint{index}",
        model=Model(
            stack,
            f"Model{index}",
            container=Container(image=ContainerImage.from_uri(IMAGE)),
            role=iam.Role(stack, f"Role{index}", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com")),
        ),
        instance_type="ml.m5.large",
        scaling=AutoScaling(min_capacity=2, max_capacity=4, invocations_per_instance=600),
        rollout=Rollout.all_at_once(rollback=Rollback(error_rate_percent=None, latency_alarm=False)),
        check_deployments=False,
    )

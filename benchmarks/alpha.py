"""The same plain endpoint, made with aws-sagemaker-alpha (installed for the benchmark only)."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_sagemaker_alpha as alpha


def plain_endpoint(stack: cdk.Stack, index: int) -> None:
    """Model with its role, endpoint configuration, endpoint, scalable target and policy."""
    repository = stack.node.try_find_child("Repository") or ecr.Repository.from_repository_attributes(
        stack,
        "Repository",
        repository_arn="arn:aws:ecr:eu-west-1:111122223333:repository/fraud",
        repository_name="fraud",
    )
    model = alpha.Model(
        stack,
        f"Model{index}",
        containers=[
            alpha.ContainerDefinition(image=alpha.ContainerImage.from_ecr_repository(repository, "1.0"))
        ],
    )
    config = alpha.EndpointConfig(
        stack,
        f"Config{index}",
        instance_production_variants=[
            alpha.InstanceProductionVariantProps(
                model=model,
                variant_name="AllTraffic",
                initial_instance_count=2,
                instance_type=alpha.InstanceType.M5_LARGE,
            )
        ],
    )
    endpoint = alpha.Endpoint(stack, f"Endpoint{index}", endpoint_config=config)
    count = endpoint.find_instance_production_variant("AllTraffic").auto_scale_instance_count(
        min_capacity=2, max_capacity=4
    )
    count.scale_on_invocations("Invocations", max_requests_per_second=20)

"""What runs, as AWS describes it."""

from __future__ import annotations

from tools.demo.stage import Stage, must

CONSTRUCTS = {
    "Realtime": "RealtimeEndpoint",
    "Experiment": "ABTest",
    "Shadow": "ShadowTest",
    "Monitored": "MonitoredEndpoint",
    "Batch": "BatchTransform",
    "Edge": "EdgeFleet",
    "Api": "InferenceApi",
}
"""Stack → the construct that it shows."""


def look(stage: Stage) -> None:
    """Every stack, its endpoints and machines."""
    for stack, construct in CONSTRUCTS.items():
        resources = _resources(stage, stack)
        state = stage.aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0][
            "StackStatus"
        ]
        must(state.endswith("_COMPLETE"), f"{stack} is {state}")
        stage.seen.runs.append((construct, stack, f"{len(resources)} resources", state))
        for kind, name in resources:
            if kind == "AWS::SageMaker::Endpoint":
                stage.seen.runs.append((construct, stack, *_endpoint(stage, name)))


def _resources(stage: Stage, stack: str) -> list[tuple[str, str]]:
    pages = stage.aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    found = [each for page in pages for each in page["StackResourceSummaries"]]
    return [(each["ResourceType"], each["PhysicalResourceId"]) for each in found]


def _endpoint(stage: Stage, arn: str) -> tuple[str, str]:
    """The variants of an endpoint, and in what state it is."""
    name = arn.rpartition("/")[2]
    told = stage.aws.client("sagemaker").describe_endpoint(EndpointName=name)
    variants = [*told["ProductionVariants"], *told.get("ShadowProductionVariants", ())]
    serving = ", ".join(f"{each['VariantName']} ×{each['CurrentInstanceCount']}" for each in variants)
    return f"endpoint {name}: {serving}", str(told["EndpointStatus"])

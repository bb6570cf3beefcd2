"""An app whose stacks are shaped by context: for deployments over deployments.

``-c variants=A:ml.m5.large,B:ml.c5.large`` scaled variants and their instance types
``-c model=FOLDER`` the model all of them serve, ``-c guard=no`` without the deploy guard
``-c rollout=unguarded`` without a deployment configuration, so that variants may come and go
"""

from __future__ import annotations

import aws_cdk as cdk

from constructs_lib import (
    AutoScaling,
    Container,
    ContainerImage,
    Model,
    ModelData,
    RealtimeEndpoint,
    Rollout,
    Variant,
)

app = cdk.App(builtin_cloud_formation_validation=False)
stack = cdk.Stack(app, "Scaled")
model = Model(
    stack,
    "Model",
    container=Container(
        image=ContainerImage.framework("sklearn", version="1.2-1"),
        data=ModelData.from_asset(
            app.node.try_get_context("model") or "examples/breast_cancer/model",
            code="examples/breast_cancer/code",
        ),
    ),
)
variants = [pair.split(":") for pair in (app.node.try_get_context("variants") or "A:ml.m5.large").split(",")]
RealtimeEndpoint(
    stack,
    "Endpoint",
    endpoint_name="scaled",
    variants=[
        Variant(
            name=name,
            model=model,
            instance_type=instance_type,
            scaling=AutoScaling(
                min_capacity=1, max_capacity=3, invocations_per_instance=600, cpu_utilization=80
            ),
        )
        for name, instance_type in variants
    ],
    rollout=Rollout.unguarded() if app.node.try_get_context("rollout") == "unguarded" else None,
    check_deployments=app.node.try_get_context("guard") != "no",
)
app.synth()

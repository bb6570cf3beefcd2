"""An app whose endpoint has a challenger in its shadow, or not: -c shadow=true."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3

from constructs_lib import (
    Comparison,
    Container,
    ContainerImage,
    DataCapture,
    Model,
    ModelData,
    RealtimeEndpoint,
    Rollout,
    ShadowTest,
    Variant,
)

app = cdk.App(builtin_cloud_formation_validation=False)
stack = cdk.Stack(app, "Shadowed", synthesizer=cdk.CliCredentialsStackSynthesizer())
old, new = (
    Variant(
        name=name,
        model=Model(
            stack,
            name,
            container=Container(
                image=ContainerImage.framework("sklearn", version="1.2-1"),
                data=ModelData.from_asset(
                    f"examples/breast_cancer/arms/{arm}", code="examples/breast_cancer/code"
                ),
            ),
        ),
        instance_type="ml.m5.large",
        instance_count=1,
    )
    for name, arm in (("Old", "few"), ("New", "many"))
)
shared = {
    "endpoint_name": "shadowed",
    # Of our own, without the policy that asks for TLS: the embedded AWS speaks HTTP on the loopback device.
    "capture": DataCapture(bucket=s3.Bucket(stack, "Captured")),
    "rollout": Rollout.canary(size_percent=50, wait=cdk.Duration.minutes(1)),
}
if app.node.try_get_context("shadow") == "true":
    test = ShadowTest(
        stack,
        "Endpoint",
        production=old,
        challenger=new,
        comparison=Comparison(label="labels"),
        **shared,
    )
    cdk.CfnOutput(stack, "Comparison", value=test.comparison.function.function_name)
else:
    RealtimeEndpoint(stack, "Endpoint", variants=[old], **shared)
app.synth()
